"""Conditions: how they are read, when they hold, and what they bracket."""

from __future__ import annotations

import pytest

from renditor.transformation import TransformationError, parse
from renditor.transformation.conditions import MAX_COMPARISONS, ConditionKind, holds
from renditor.transformation.expressions import Environment, Facts

KIND = ConditionKind()
FACTS = Facts(1600, 900, faces=2, pages=1, tags=frozenset({"sale", "in_stock", "a,b"}))
AT = Environment(FACTS, 800, 450, {"tag": "sale", "two": "sale:new"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w_gt_500", True),
        ("w_lt_800", False),
        ("w_lte_800_and_w_gte_800", True),
        ("w_eq_800_and_h_ne_450", False),
        ("ar_eq_16:9", True),
        ("ar_gt_1.7778", False),
        ("iw_div_2_eq_w", True),
        ("h_mul_2_gt_w_add_50", True),
        ("w_lt_1_and_w_lt_2_or_fc_eq_2", True),
        ("fc_eq_2_or_w_lt_1_and_w_lt_2", True),
        ("w_lt_1_or_w_lt_2_and_fc_eq_2", False),
        ("!sale!_in_tags", True),
        ("!sale:in_stock!_in_tags", True),
        ("!sale:new!_in_tags", False),
        ("!a%2Cb!_in_tags", True),
        ("!sale:new!_nin_tags", False),
        ("!new:old!_nin_tags", True),
        ("$tag_in_tags", True),
        ("$two_in_tags", False),
        ("$tag_in_!sale:new!", True),
        ("$tag_eq_!sale!", True),
        ("$tag_ne_!sale!", False),
        ("!a_and_b!_eq_!a_and_b!", True),
        ("!1!_eq_1", True),
        ("0_gt_1", False),
        ("ctx:!kind!_eq_!shoes!", False),
        ("md:!kind!_ne_!shoes!", True),
    ],
)
def test_when_they_hold(text: str, expected: bool) -> None:
    condition = KIND.read(text)
    assert holds(condition, AT) is expected
    assert KIND.read(condition.text) == condition


@pytest.mark.parametrize(
    "text",
    [
        *("", "w", "w_gt", "gt_5", "w_gt_5_and", "and_w_gt_5", "w_gt_5_xor_h_gt_5", "w_gt_5:0", "w_in_tags"),
        *("!a!_in_w", "w__gt_5", "tags_eq_!a!", "elseif", "_or_".join(["w_gt_5"] * (MAX_COMPARISONS + 1))),
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(TransformationError, match="Invalid value in if_"):
        parse(f"if_{text}/w_5/if_end")


@pytest.mark.parametrize("text", ["$no_gt_5", "$tag_gt_5", "w_div_0_gt_5", "!x!_lt_5"])
def test_conditions_that_cannot_be_answered(text: str) -> None:
    with pytest.raises(TransformationError):
        holds(KIND.read(text), AT)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("if_w_gt_5,c_fit,w_9", "if_w_gt_5/c_fit,w_9/if_end"),
        ("if_w_gt_5/c_fit,w_9", "if_w_gt_5/c_fit,w_9/if_end"),
        ("if_w_gt_5,w_9/h_9", "if_w_gt_5/w_9/if_end/h_9"),
        ("if_w_gt_5/w_9/h_9", "if_w_gt_5/w_9/h_9/if_end"),
        ("if_w_gt_5,w_9/if_end/h_9", "if_w_gt_5/w_9/if_end/h_9"),
        ("if_w_gt_5,w_9/if_else,w_8/h_9", "if_w_gt_5/w_9/if_else/w_8/if_end/h_9"),
        ("if_w_gt_5,w_9/if_else,w_8/if_end/h_9", "if_w_gt_5/w_9/if_else/w_8/if_end/h_9"),
        ("if_w_gt_5,w_9/if_else/w_8/h_9", "if_w_gt_5/w_9/if_else/w_8/h_9/if_end"),
        ("if_w_gt_5/w_9/if_else/w_8/if_end/h_9", "if_w_gt_5/w_9/if_else/w_8/if_end/h_9"),
        ("if_w_gt_5/w_9/if_else,w_8/h_9", "if_w_gt_5/w_9/if_else/w_8/h_9/if_end"),
        ("if_w_gt_5/if_h_gt_5,w_9/if_end", "if_w_gt_5/if_h_gt_5/w_9/if_end/if_end"),
        ("if_w_lt_5,w_9/if_w_gt_7,w_8/h_9", "if_w_lt_5/w_9/if_end/if_w_gt_7/w_8/if_end/h_9"),
        ("if_w_gt_5,$a_9,w_$a", "if_w_gt_5/$a_9/w_$a/if_end"),
        ("if_w_gt_5", ""),
        ("if_w_gt_5/if_h_gt_5/if_end/if_else/if_end/w_9", "w_9"),
        ("if_w_gt_5/if_else/w_9", "if_w_gt_5/if_else/w_9/if_end"),
        ("$a_1/if_$a_gt_0/if_end/w_9", "w_9"),
    ],
)
def test_brackets(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("if_else", "if_end", "w_5/if_else,w_4", "if_w_gt_5/if_else/w_4/if_else/w_3"),
        *("if_w_gt_5/w_4/if_end/if_end", "if_w_gt_5,w_4/if_else,w_3/w_2/if_end"),
        *("if_w_gt_5,w_4/w_2/if_else,w_3",),
    ],
)
def test_brackets_that_do_not_match(text: str) -> None:
    with pytest.raises(TransformationError, match="No condition is open"):
        parse(text)
