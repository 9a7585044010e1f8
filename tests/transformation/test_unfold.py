"""Walking a chain: what is decided on the way, and by what."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given

from renditor.transformation import Component, TransformationError, UnsupportedTransformation, parse
from renditor.transformation.expressions import Deferred, Facts
from renditor.transformation.layers import ImageLayer, TextLayer, TextStyle
from renditor.transformation.operations import ASPECT_RATIO, HEIGHT, OVERLAY, WIDTH, X
from renditor.transformation.unfold import Size, settle, unfold
from renditor.transformation.values import Share
from tests.transformation.examples import chains

FACTS = Facts(1600, 900, faces=2, tags=frozenset({"sale"}))


def scaled(component: Component, size: Size) -> Size:
    """As much of an engine as these tests need: widths and heights in px."""
    width, height = component.get(WIDTH), component.get(HEIGHT)
    return (width if isinstance(width, int) else size[0], height if isinstance(height, int) else size[1])


def settled(text: str) -> str:
    return str(settle(parse(text), FACTS, scaled))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        ("w_5/h_6", "w_5/h_6"),
        ("w_iw_div_2", "w_800"),
        ("w_iw_div_3", "w_533"),
        ("w_100/h_w_div_2", "w_100/h_50"),
        ("w_100/w_iw/h_w_div_2", "w_100/w_1600/h_800"),
        ("$a_100/w_$a", "w_100"),
        ("$a_0.5/w_$a", "w_0.5"),
        ("$a_1.0/w_$a", "w_1.0"),
        ("$a_0.5_mul_iw/w_$a", "w_800"),
        ("$a_150,$b_2_mul_$a_add_4/c_fill,w_$b,h_$a_add_20", "c_fill,h_170,w_304"),
        ("$a_1/$a_$a_add_1/$a_$a_mul_4/w_$a", "w_8"),
        ("$a_!12.9px!_to_i/h_9,x_$a,c_crop", "c_crop,h_9,x_0"),
        ("$a_!12.9!_to_i/h_9,x_$a,c_crop", "c_crop,h_9,x_12"),
        ("$a_ctx:!no_file!_to_f/h_9,x_$a,c_crop", "c_crop,h_9,x_0"),
        ("$c_!red!/b_$c,bo_3px_solid_$c,co_$c,e_shadow", None),
        ("$e_!blur!,$s_50/e_$e:$s", "e_blur:50"),
        ("$r_20/r_10:$r:max", "r_10:20:max:20"),
        ("z_fc,c_thumb,g_face,w_5", "c_thumb,g_face,w_5,z_2"),
        ("$g_!face!/c_thumb,g_$g,w_5", "c_thumb,g_face,w_5"),
        ("$q_80/q_$q", "q_80"),
        ("a_w_div_100", "a_16"),
        ("$n_!brand:logo!/l_$n", "l_brand:logo/fl_layer_apply"),
        ("$n_!a%2Cb%2Fc!/l_text:Arial_20:Hi%20$(n)!", "l_text:Arial_20:Hi a%2Cb%2Fc%21/fl_layer_apply"),
        ("$n_5/l_text:Arial_20:$(n)$(n)", "l_text:Arial_20:55/fl_layer_apply"),
        ("$s_!Arial_12_bold!/l_text:$s:x", "l_text:Arial_12_bold:x/fl_layer_apply"),
        ("if_w_gt_1000,w_500", "w_500"),
        ("if_w_gt_2000,w_500", ""),
        ("w_500/if_w_gt_1000,w_100", "w_500"),
        ("w_500/if_iw_gt_1000,w_100", "w_500/w_100"),
        ("if_w_gt_2000/w_5/if_else/w_6/if_end/h_7", "w_6/h_7"),
        ("if_w_gt_1000/w_5/if_else/w_6/if_end/h_7", "w_5/h_7"),
        ("if_w_gt_2000/if_h_gt_1/w_5/if_else/w_6/if_end/if_end/h_7", "h_7"),
        ("if_w_gt_1000/if_h_gt_1/w_5/if_else/w_6/if_end/if_end/h_7", "w_5/h_7"),
        ("if_w_gt_2000/$a_1/if_else/$a_2/if_end/w_$a", "w_2"),
        ("if_!sale!_in_tags,l_sale", "l_sale/fl_layer_apply"),
        ("if_w_gt_1000,q_80/if_else,q_30/w_500", "q_80/w_500"),
    ],
)
def test_everything_is_decided(text: str, plain: str | None) -> None:
    expected = "b_rgb:ff0000,bo_3px_solid_rgb:ff0000,co_rgb:ff0000,e_shadow" if plain is None else plain
    assert settled(text) == str(parse(expected))


def test_typed_values() -> None:
    parts = parse("ar_w_div_h,h_5/$s_0.25/w_$s/c_crop,w_9,x_iw_div_-3/$t_!hi!/l_text:Arial_20:$(t)")
    chain = list(unfold(parts, FACTS))
    assert chain[0].get(ASPECT_RATIO) == Fraction(16, 9)
    assert str(chain[1].get(WIDTH)) == str(Share(chain[1].get(WIDTH).of))  # type: ignore[union-attr]
    assert chain[2].get(X) == -533
    assert chain[3].get(OVERLAY) == TextLayer(TextStyle("Arial", 20), "hi")
    assert list(unfold(parse("$n_!a:b!/l_$n"), FACTS))[0].get(OVERLAY) == ImageLayer("a/b")  # noqa: RUF015 - a generator


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w_$a", "Unknown variable \\$a"),
        ("if_$a_gt_5,w_5", "Unknown variable \\$a"),
        ("$a_5/w_$a_mul_$b", "Unknown variable \\$b"),
        ("bo_3px_solid_$c", "Unknown variable \\$c"),
        ("l_text:Arial_20:$(a)", "Unknown variable \\$a"),
        ("w_iw_sub_2000", "Invalid value in w_-400"),
        ("w_iw_mul_100", "Invalid value in w_160000"),
        ("$a_!x!/w_$a", "Invalid value in w_x"),
        ("$a_!x!/w_$a_add_1", "A number is needed instead of x"),
        ("w_iw_div_fc_mod_0", "No usable number"),
        ("$a_!art!/e_$a:zorro", "Unsupported transformation e_art:zorro"),
        ("$a_!w_5%2Ch_6!/c_fill,w_$a", "Invalid value in w_w_5,h_6"),
        ("$g_!auto!/c_pad,g_$g,w_5", "Use auto gravity only"),
        ("t_card", "Unknown preset t_card"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(TransformationError, match=message) as caught:
        settle(parse(text), FACTS, scaled)
    assert isinstance(caught.value, UnsupportedTransformation) == message.startswith("Unsupported")


def test_what_does_not_count_is_not_worked_out() -> None:
    assert settled("if_w_gt_2000/w_$unknown/$a_w_div_0/if_end/h_5") == "h_5"


def test_next_leaves_the_size_as_it_was() -> None:
    assert [str(component) for component in unfold(parse("w_5/h_w_div_2"), FACTS)] == ["w_5", "h_800"]


@given(chains())
def test_a_settled_chain_is_plain_and_reads_back(text: str) -> None:
    try:
        plain = settle(parse(text), FACTS, scaled)
    except TransformationError:
        return
    assert not any(isinstance(value, Deferred) for component in plain for _, value in component.parameters)
    assert parse(str(plain)) == plain
