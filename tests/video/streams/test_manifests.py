from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from renditor.video.streams.manifests import NAMESPACE, Facts, Sound, finish_manifest, parse_xml

NAMES = {"": NAMESPACE}
SOUND = """<Representation id="{0}" bandwidth="1"><SegmentTemplate media="{0}/$Number$.m4s"/></Representation>"""
MANIFEST = f"""<?xml version="1.0"?>
<!--Generated with a packager-->
<MPD xmlns="{NAMESPACE}"><Period><AdaptationSet contentType="video" maxFrameRate="12800/512">
<Representation frameRate="16384/3276800"><SegmentTemplate media="720p/$Number$.m4s"/></Representation></AdaptationSet>
<AdaptationSet id="1" contentType="audio" lang="en">{SOUND.format("audio-en")}{SOUND.format("audio")}</AdaptationSet>
</Period></MPD>"""


RATES = {"720p": 5000, "audio": 1000, "audio-en": 900}


def test_a_manifest_is_finished() -> None:
    text = finish_manifest(MANIFEST, Facts(12.5, RATES, Fraction(30000, 1001)))
    assert ' mediaPresentationDuration="PT12.500S"' in text
    assert [text.count(f'bandwidth="{rate}"') for rate in RATES.values()] == [1, 1, 1]
    assert "Generated" not in text
    assert 'maxFrameRate="30000/1001"' in text
    assert ' frameRate="30000/1001"' in text
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" ')
    assert len(ET.fromstring(text).findall(".//AdaptationSet", NAMES)) == 2  # one track at two bit rates stays one


def test_tracks_of_one_language_are_told_apart() -> None:
    sounds = [Sound("audio", "Main & more", "main"), Sound("audio-en", "<Comment>", "alternate")]
    text = finish_manifest(MANIFEST, Facts(1, RATES, Fraction(25), sounds))
    found = ET.fromstring(text).findall(".//AdaptationSet[@contentType='audio']", NAMES)
    assert [one.get("lang") for one in found] == ["en", "en"]
    assert [one.findtext("Label", namespaces=NAMES) for one in found] == ["Main & more", "<Comment>"]
    assert [one.find("Role", NAMES).get("value") for one in found] == ["main", "alternate"]  # type: ignore[union-attr]
    assert [one.find("Representation", NAMES).get("id") for one in found] == ["audio", "audio-en"]  # type: ignore[union-attr]
    assert [one.get("id") for one in ET.fromstring(text).findall(".//AdaptationSet", NAMES)] == ["0", "1", "2"]
    with pytest.raises(ValueError, match="lacks"):
        finish_manifest(MANIFEST, Facts(1, RATES, Fraction(25), [Sound("audio-fr", "French", "dub")]))
    with pytest.raises(ValueError, match="measured"):
        finish_manifest(MANIFEST, Facts(1, {}, None))


@pytest.mark.parametrize(
    "text", ["", "<MPD", '<!DOCTYPE a [<!ENTITY b "c">]><MPD/>', "<a>" + "<b/>" * 300_000 + "</a>"]
)
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"XML|document|elements"):
        parse_xml(text)
