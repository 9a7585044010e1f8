"""Texts of captions for tests: what people write, and what attackers do."""

from hypothesis import strategies as st

from renditor.video.subtitles import markup, settings
from renditor.video.subtitles.cues import LATEST_MS, Cue, Track, track

WEBVTT = """WEBVTT - a film

NOTE it was
made by hand

STYLE
::cue { background: url(https://evil.example/x.png) }

REGION
id:fred width:40%

intro
00:01.000 --> 00:02.500 line:0 position:20%,line-left region:fred
<v Roger Bingham>We are in <i>New York</i>

2
01:00:00.000 --> 01:00:04.000
two lines
of text
"""

SRT = """1
00:00:01,000 --> 00:00:02,500
- Hello <i>you</i>

2
00:00:03,000 --> 00:00:04,000  X1:40 X2:600 Y1:20 Y2:50
{\\an8}on <font color="#ff0000">top</font>
"""

# Pieces of which hostile and sloppy texts are made.
_PIECES = (
    *("<b>", "</b>", "<i.red.x>", "<c.bg_blue>", "<v Bob & Co>", "<v>", "<lang en>", '<lang "><script>">', "<ruby>"),
    *("<rt>", "</rt>", "</ruby>", "<script>", "</script>", "<style>", "<img src=x onerror=y>", "<br>", "<", ">", "</"),
    *("<!--", "-->", "--", "&", "&amp;", "&lt;", "&#60;", "&#10;", "&nbsp;", "&#0;", "<00:01.000>", "{\\an8}", "12"),
    *("\n", "\r\n", "\r", "\n\n", " ", "\t", "\0", "\x0b", "\x1b[2J", "\u2028", "\u00a0", "\ufeff", "é", "字", "😀"),
    *("00:00:01.000 --> 00:00:02.000", "-00:00:01,000 --> 00:00:02,000", "WEBVTT", "NOTE", "STYLE", "javascript:a(1)"),
)

hostile = st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=8)), max_size=30).map("".join)

_words = st.lists(
    st.sampled_from(["line:0", "line:-1,end", "line:101%", "position:50%", "align:middle", "size:33.3%", "vertical:rl",
                     "region:x", "align:javascript", "position:10%,center", "A:1", "-->"]), max_size=5
)  # fmt: skip


@st.composite
def cues(draw: st.DrawFn) -> Cue:
    """A cue as it is after reading."""
    start = draw(st.integers(0, LATEST_MS - 1))
    end = draw(st.integers(start + 1, LATEST_MS))
    text = markup.clean(draw(hostile)) or "text"
    return Cue(start, end, text, settings.clean(" ".join(draw(_words))))


tracks: st.SearchStrategy[Track] = st.lists(cues(), max_size=12).map(track)
