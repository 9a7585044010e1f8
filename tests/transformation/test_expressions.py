"""Expressions: how they are read, what they come to, and that none of them takes long."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.transformation import TransformationError
from renditor.transformation.expressions import (
    MAX_TOKENS,
    Environment,
    Facts,
    Value,
    evaluate,
    is_constant,
    number,
    spell,
    tokens,
)
from renditor.transformation.faults import NotMade
from renditor.transformation.values import Share
from tests.transformation.examples import expressions

AT = Environment(
    Facts(1600, 900, faces=2, pages=3), 800, 400, {"a": Decimal(7), "half": Share(Decimal("0.5")), "name": "Tom"}
)


def value(text: str) -> Value:
    return evaluate(tokens(text), AT)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("5", "5"),
        ("05", "5"),
        ("0.50", "0.5"),
        ("1.0", "1.0"),
        ("-3", "-3"),
        ("-0", "0"),
        ("iw_div_2", "iw_div_2"),
        ("ow_*_2", "iw_mul_2"),
        ("oh_^_2_-_5", "ih_pow_2_sub_5"),
        ("w_+_-5", "w_add_-5"),
        ("width_add_height", "w_add_h"),
        ("$a_mul_$b", "$a_mul_$b"),
        ("!a b:c!", "!a b:c!"),
        ("!a%2Cb!", "!a%2Cb!"),
    ],
)
def test_one_spelling(text: str, canonical: str) -> None:
    assert "_".join(tokens(text)) == canonical
    assert tokens(canonical) == tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "_", "w_", "_w", "add", "w_add", "w_add_add_2", "w_2", "2_3", "z", "w_plus_2", "$", "$1", "!a"),
        *("a!", "w-5", "1e3", "w_mul_\u0663", "9" * 13, "w_add_w" * 20),
        *("_".join(["w"] + ["add_1"] * MAX_TOKENS),),
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match=r".*") as caught:
        tokens(text)
    assert not isinstance(caught.value, NotMade)


@pytest.mark.parametrize("text", ["du_div_2", "idu", "ils", "px_add_1"])
def test_measures_that_are_not_known_here(text: str) -> None:
    with pytest.raises(NotMade):
        tokens(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("iw_div_2", 800),
        ("iw_add_100_div_2", 850),
        ("2_add_3_mul_4", 20),
        ("w_sub_h_mul_-1", -400),
        ("h_mod_7", 1),
        ("-5_mod_3", 1),
        ("2_pow_10", 1024),
        ("4_pow_0.5", 2),
        ("fc_add_pc_add_cp", 6),
        ("ar_mul_10", 20),
        ("$a_mul_2", 14),
        ("$half_mul_w", 400),
    ],
)
def test_arithmetic(text: str, result: int) -> None:
    assert value(text) == result


def test_a_lone_number_with_a_point_is_a_share_and_arithmetic_makes_px() -> None:
    assert value("0.5") == Share(Decimal("0.5"))
    assert value("$half") == Share(Decimal("0.5"))
    assert value("0.5_mul_1") == Decimal("0.5")
    assert value("!Tom!") == value("$name") == "Tom"


@pytest.mark.parametrize(
    "text",
    [
        *("w_div_0", "w_mod_0", "0_pow_-1", "-2_pow_0.5", "9_pow_9_pow_9_pow_9"),
        *("999999999999_mul_999999999999", "$no", "$name_mul_2", "2_pow_999999999999", "iar_div_$none"),
    ],
)
def test_what_has_no_result(text: str) -> None:
    with pytest.raises(TransformationError):
        value(text)


def test_a_size_that_is_not_known_has_no_proportions() -> None:
    at = Environment(Facts(0, 0), 0, 0)
    assert evaluate(tokens("ar_add_iar"), at) == 0


def test_what_is_too_small_is_nothing() -> None:
    assert value("0.000000001_pow_99") == 0


@given(expressions())
def test_any_expression_ends_in_a_number_of_bounded_length_or_in_a_refusal(text: str) -> None:
    try:
        found = evaluate(tokens(text), AT)
    except TransformationError:
        return
    for whole in (True, False):
        assert len(spell(found, whole=whole)) < 30
    assert abs(number(found)) < Decimal(10) ** 16


PIECES = st.sampled_from(["w", "2", "0.5", "add", "pow", "-", "*", "^", "$a", "!x!", "_"])


@given(st.lists(PIECES, max_size=12).map("".join))
def test_reading_never_raises_anything_else(text: str) -> None:
    try:
        found = tokens(text)
    except ValueError:
        return
    assert tokens("_".join(found)) == found
    assert is_constant(found) == (not any(sign in text for sign in "w$"))


@pytest.mark.parametrize(
    ("given_value", "whole", "text"),
    [
        (Decimal("2.5"), True, "3"),
        (Decimal("-2.5"), True, "-3"),
        (Decimal(1) / Decimal(3), False, "0.333333"),
        (Share(Decimal(1)), True, "1.0"),
        (Share(Decimal("0.25")), False, "0.25"),
        ("Tom", True, "Tom"),
    ],
)
def test_spelling_of_results(given_value: Value, whole: bool, text: str) -> None:
    assert spell(given_value, whole=whole) == text
