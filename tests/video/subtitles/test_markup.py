"""Text of cues: only the tags of WebVTT are left."""

import re

import pytest
from hypothesis import given

from renditor.video.subtitles import markup
from tests.video.subtitles.texts import hostile

_OURS = re.compile(
    r"</?(?:b|i|u|c|v|lang|ruby|rt)>|<(?:b|i|u|c|ruby|rt)(?:\.[a-z_]+)*>"
    r"|<v(?:\.[a-z_]+)* [^<>\n]+>|<lang(?:\.[a-z_]+)* [A-Za-z0-9-]+>"
)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("plain", "plain"),
        ("<b>bold</b> <i>it</i> <u>u</u>", "<b>bold</b> <i>it</i> <u>u</u>"),
        ("<B>loud</B>", "<b>loud</b>"),
        ("<c.yellow.mine.bg_black>x</c>", "<c.yellow.bg_black>x</c>"),
        ("<v Mary>hi", "<v Mary>hi</v>"),
        ("<v.loud  Mary   Ann >hi</v>", "<v Mary Ann>hi</v>"),
        ("<v>nobody</v>", "nobody"),
        ("<lang eng>hi</lang>", "<lang en>hi</lang>"),
        ('<lang "onload=x>hi</lang>', "hi"),
        ("<ruby>漢<rt>かん</rt></ruby>", "<ruby>漢<rt>かん</rt></ruby>"),
        ("<ruby>漢<rt>かん</ruby>", "<ruby>漢<rt>かん</rt></ruby>"),
        ("<rt>alone</rt>", "alone"),
        ("<b><i>x</b></i>", "<b><i>x</i></b>"),
        ("</b>x", "x"),
        ("<b>open", "<b>open</b>"),
        ("<00:00:01.000>sing", "sing"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<font color=red>x</font>", "x"),
        ("<script>alert(1)</script>x", "x"),
        ("<scr<script>x</script>ipt>alert(1)", "alert(1)"),
        ("<SCRIPT src=//evil>", ""),
        ("<style>b{}</style >x", "x"),
        ("<img src=x onerror=alert(1)>x", "x"),
        ("<!-- <b> -->x", "x"),
        ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
        ("I <3 you", "I &lt;3 you"),
        ("a --> b", "a --&gt; b"),
        ("AT&T &amp; &lt;b&gt; &eacute;", "AT&amp;T &amp; &lt;b&gt; é"),
        ("a\n\n \nb", "a\nb"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\x00\x1b[31mred\x7f\ufeff", "[31mred"),
        ("  two   spaces  ", "two spaces"),
        ("\u00a0 x", "\u00a0 x"),
        ("<b> </b>", ""),
        ("a\n<b>\n</b>b\n<i>\n", "a\n<b></b>b<i></i>"),
        ("<v Bob>Hello\n<img src=x>\n", "<v Bob>Hello</v>"),
        ("\u00a0\nlow", "\u00a0\nlow"),
        ("\u00a0", ""),
        ("<b>" * 50 + "x", "<b>" * 8 + "x" + "</b>" * 8),
    ],
)
def test_what_is_left(written: str, left: str) -> None:
    assert markup.clean(written) == left


@given(hostile)
def test_nothing_but_our_tags_and_text_is_left_and_it_stays_as_it_is(written: str) -> None:
    left = markup.clean(written)
    assert markup.clean(left) == left
    rest = _OURS.sub("", left)
    assert "<" not in rest
    assert ">" not in rest
    assert all(line.strip(" \t") for line in left.split("\n")) or not left
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", left)
    assert left.count("</") * 2 == left.count("<")


@given(hostile)
def test_any_title_is_one_line_without_tags(written: str) -> None:
    assert not set(markup.plain(written)) & set("<>\n\r\0")


@pytest.mark.parametrize("piece", ["<!--", "<b", "<b.", "<b>", "<script>", "<", "{\\", "&", "<v ", "</b>", "<script"])
def test_walls_of_markup_cost_no_more_than_their_length(piece: str) -> None:
    """Quadratic work would take hours here."""
    wall = piece * 200_000
    assert len(markup.clean(wall)) <= 5 * len(wall)
