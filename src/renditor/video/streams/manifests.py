"""DASH manifests: what the packager leaves out of them. Source: ISO/IEC 23009-1."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal
from xml.etree import ElementTree as ET

NAMESPACE: Final = "urn:mpeg:dash:schema:mpd:2011"
_ROLES: Final = "urn:mpeg:dash:role:2011"
_CLOSED_CAPTIONS: Final = "urn:scte:dash:cc:cea-608:2015"  # SCTE 214-1, 7.2
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema-instance"
# Empty elements cost a hundred times their bytes in memory; a manifest of six hours has 30 000.
_MOST_ELEMENTS: Final = 200_000

Role = Literal["main", "alternate", "dub"]


@dataclass(frozen=True, slots=True)
class Sound:
    """What people are told of a sound track: ``folder`` in the set, name, and role (5.8.5.5)."""

    folder: str
    label: str
    role: Role


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest has to say of a set.

    ``length``: seconds of its longest rendition; ``bandwidths``: bit/s by the folder of each; ``frame_rate``: frames a
    second, None where there are no pictures; ``sounds``: the tracks to choose from, in their order, none where they are
    one track at several bit rates. ``closed_captions``: channels of captions inside of the pictures, such as ``CC1``.
    """

    length: float
    bandwidths: Mapping[str, int]
    frame_rate: Fraction | None = None
    sounds: Sequence[Sound] = ()
    closed_captions: Sequence[str] = ()


def parse_xml(text: str) -> ET.Element:
    """The root of a document that may be hostile. Raises ValueError: not well-formed, or made to swell in memory."""
    # A document type may define entities that turn a kilobyte into gigabytes; no manifest needs one.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type is not read")
    if text.count("<") > _MOST_ELEMENTS:
        raise ValueError("it has too many elements")
    try:
        return ET.fromstring(text)  # noqa: S314 - no document type, and bounded
    except ET.ParseError:
        raise ValueError("it is not well-formed XML") from None


def finish_manifest(text: str, facts: Facts) -> str:
    """The manifest without comments, with what was measured, and each sound track told apart.

    The packager takes the frame rate from the distance of the first two frames, the length from the pictures, the bit
    rate from the segments that are long enough for it; sound tracks of one language it takes for one track at several
    bit rates, between which a player would switch.

    Raises:
        ValueError: it is no manifest, or lacks a track.
    """
    root = parse_xml(text)
    root.set("mediaPresentationDuration", f"PT{facts.length:.3f}S")
    if facts.frame_rate is not None:
        _set_frame_rate(root, str(facts.frame_rate))
    for representation in root.iter(_name("Representation")):
        folder = _folder(representation)
        if folder not in facts.bandwidths:
            raise ValueError("the manifest names what was not measured")
        representation.set("bandwidth", str(facts.bandwidths[folder]))
    for period in root.iter(_name("Period")):
        if facts.sounds:
            _tell_apart(period, facts.sounds)
        for number, adaptation in enumerate(period.iter(_name("AdaptationSet"))):
            adaptation.set("id", str(number))
            if facts.closed_captions and adaptation.get("contentType") == "video":
                channels = {"schemeIdUri": _CLOSED_CAPTIONS, "value": ";".join(facts.closed_captions)}
                adaptation.insert(0, ET.Element(_name("Accessibility"), channels))
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", _SCHEMA)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _set_frame_rate(root: ET.Element, rate: str) -> None:
    for element in root.iter():
        for attribute in ("frameRate", "maxFrameRate"):
            if element.get(attribute):
                element.set(attribute, rate)


def _tell_apart(period: ET.Element, sounds: Sequence[Sound]) -> None:
    """One AdaptationSet for each track, in their order, instead of one for each language."""
    found: dict[str, ET.Element] = {}
    for adaptation in period.findall(_name("AdaptationSet")):
        if adaptation.get("contentType") != "audio":
            continue
        period.remove(adaptation)
        representations = adaptation.findall(_name("Representation"))
        for one in representations:
            adaptation.remove(one)
        for one in representations:
            alone = copy.deepcopy(adaptation)
            alone.append(one)
            found[_folder(one)] = alone
    for sound in sounds:
        if sound.folder not in found:
            raise ValueError("the manifest lacks a sound track")
        adaptation = found[sound.folder]
        label = ET.Element(_name("Label"))
        label.text = sound.label
        role = ET.Element(_name("Role"), {"schemeIdUri": _ROLES, "value": sound.role})
        adaptation[:0] = [label, role]
        period.append(adaptation)


def _folder(representation: ET.Element) -> str:
    for template in representation.iter(_name("SegmentTemplate")):
        return template.get("media", "").partition("/")[0]
    return ""


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"
