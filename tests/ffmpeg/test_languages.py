"""Language tags: what files say, as BCP 47."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.languages import language_code, language_name, language_tag


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("eng", "en"),
        ("ENG", "en"),
        ("en", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("fre", "fr"),
        ("zho", "zh"),
        ("chi", "zh"),
        ("en_us", "en-US"),
        ("pt-br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("zh-yue", "zh-yue"),
        ("yue", "yue"),
        ("fil", "fil"),
        ("qaa", "qaa"),
        ("en-x-kids", "en-x-kids"),
        (" nld\n", "nl"),
    ],
)
def test_a_language_gets_its_shortest_tag_in_the_usual_case(said: str, tag: str) -> None:
    assert language_tag(said) == tag


@pytest.mark.parametrize(
    "said",
    [None, "", "und", "UND", "e", "english language", "en--us", "en-", "-en", "12", 'en"', "é", "a" * 99],
)
def test_what_says_nothing_or_is_no_tag_is_none(said: str | None) -> None:
    assert language_tag(said) is None


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_ \"',\n<>", max_size=40))
def test_any_text_gives_none_or_a_tag_that_stays_the_same(said: str) -> None:
    tag = language_tag(said)
    if tag is not None:
        assert language_tag(tag) == tag
        assert set(tag) <= set(string.ascii_letters + string.digits + "-")


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("de", "German"),
        ("el", "Greek"),
        ("pt-BR", "Portuguese (BR)"),
        ("nb", "Norwegian Bokmål"),
        ("qaa", None),
        (None, None),
    ],
)
def test_names(tag: str | None, name: str | None) -> None:
    assert language_name(tag) == name


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("de", "deu"),
        ("en-GB", "eng"),
        ("zh-Hant", "zho"),
        ("gsw", "gsw"),
        ("xx", None),
        ("klingon", None),
        (None, None),
    ],
)
def test_codes_for_mp4(tag: str | None, code: str | None) -> None:
    assert language_code(tag) == code
