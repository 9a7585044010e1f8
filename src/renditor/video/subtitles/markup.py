"""The text of a cue: of anyone's markup only the tags of WebVTT are left; the rest is text, and escaped.

Read as the WebVTT cue text parser reads (W3C, 6.4) with two differences: a ``<`` that opens no tag is text, as people
write it; and what stands inside of ``script`` and ``style`` is nobody's speech.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Final

from renditor.ffmpeg.languages import language_tag

# Classes that show without a style sheet, and style sheets are not kept (W3C, 5: default CSS of text colours).
_COLOURS: Final = ("white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black")
_CLASSES: Final = frozenset((*_COLOURS, *(f"bg_{colour}" for colour in _COLOURS)))
_PLAIN: Final = frozenset({"b", "i", "u", "c", "ruby", "rt"})
_SPOKEN: Final = frozenset({"v", "lang"})  # they carry an annotation: who speaks, in which language
# Nothing nests deeper in captions; browsers build a tree of it. Against stacks filled by a row of open tags.
_DEEPEST: Final = 8

# Possessive (``+`` behind a repetition): an open tag without end is looked at once, not once a character.
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:_-]*+)(?P<classes>(?:\.[^\s.<>/]*+)*+)(?P<rest>[^<>]*+)>")
_RAW = re.compile(r"<(script|style)\b[^<>]*+>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
# Other things in pointed brackets: comments, times of karaoke, processing instructions, nameless tags.
_OTHER = re.compile(r"<!--.*?(?:-->|\Z)|<(?:[!?0-9]|/(?![A-Za-z]))[^<>]*+>", re.DOTALL)
# C0 and C1 controls, byte order marks inside of a text, noncharacters. Line separators of Unicode are line ends.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
_SPACE = re.compile(r"[ \t]+")
_MARKUP = re.compile(r"<[^>]*>")


def clean(text: str) -> str:
    """The text with only ``b i u c v lang ruby rt`` for tags, all of them closed; empty if nothing is to be read.

    Lines have no space around them, and none is empty: that would end the cue.
    """
    text = _OTHER.sub("", _RAW.sub("", text))
    made = _Writer()
    end = 0
    for found in _TAG.finditer(text):
        made.text(text[end : found.start()])
        made.tag(found)
        end = found.end()
    made.text(text[end:])
    return made.finish()


def plain(text: str) -> str:
    """Any text as one line of cue text, taken as it is: ``<`` and ``&`` too."""
    return _SPACE.sub(" ", _escaped(_printable(text)).replace("\n", " ")).strip(" ")


@dataclass(slots=True)
class _Writer:
    """Puts text and tags together, and remembers which tags are open."""

    parts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def text(self, text: str) -> None:
        self.parts.append(_escaped(_printable(html.unescape(text))))

    def tag(self, found: re.Match[str]) -> None:
        name = found["name"].lower()
        if name == "br":
            self.parts.append("\n")
        if name not in _PLAIN and name not in _SPOKEN:
            return
        if found["end"]:
            self._close(name)
        elif len(self.open) < _DEEPEST and (name != "rt" or self.open[-1:] == ["ruby"]):
            annotation = _annotation(name, found["rest"])
            if annotation is not None:
                classes = dict.fromkeys(one for one in found["classes"].split(".") if one in _CLASSES)
                self.parts.append("<" + ".".join((name, *classes)) + annotation + ">")
                self.open.append(name)

    def finish(self) -> str:
        while self.open:
            self._close(self.open[-1])
        lines, tags = [], ""
        for line in _SPACE.sub(" ", "".join(self.parts)).split("\n"):
            tags += line.strip(" ")
            if _MARKUP.sub("", tags).strip(" "):  # a line of nothing but tags goes before the next one
                lines.append(tags)
                tags = ""
        kept = "\n".join(lines) + tags
        return kept if _MARKUP.sub("", kept).strip() else ""

    def _close(self, name: str) -> None:
        """An end tag ends what was opened last, or with ``ruby`` also its ``rt``; any other one is left out."""
        if self.open[-2:] == ["ruby", "rt"] and name == "ruby":
            self._close("rt")
        if self.open[-1:] == [name]:
            self.open.pop()
            self.parts.append(f"</{name}>")


def _annotation(name: str, text: str) -> str | None:
    """What stands in the tag behind its name; None: the tag says nothing without it."""
    if name == "lang":
        tag = language_tag(text)
        return f" {tag}" if tag else None
    if name == "v":
        speaker = plain(html.unescape(text))
        return f" {speaker}" if speaker else None
    return ""


def _printable(text: str) -> str:
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def _escaped(text: str) -> str:
    """``>`` too: ``-->`` would be taken for the times of a cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
