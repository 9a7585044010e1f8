from __future__ import annotations

from fractions import Fraction

from renditor.video.manifests import finish_manifest, manifest_files

MANIFEST = """<?xml version="1.0"?>
<!--Generated with a packager-->
<MPD><AdaptationSet maxFrameRate="12800/512"><Representation frameRate="16384/3276800">
<SegmentTemplate timescale="1" initialization="480p/init.mp4" media="480p/$Number$.m4s" startNumber="1">
</SegmentTemplate></Representation></AdaptationSet></MPD>"""


def test_a_manifest_is_finished() -> None:
    text = finish_manifest(MANIFEST, Fraction(30000, 1001))
    assert "Generated" not in text
    assert 'maxFrameRate="30000/1001"' in text
    assert ' frameRate="30000/1001"' in text
    assert manifest_files(text, {"480p": 2}) == {"480p/init.mp4", "480p/1.m4s", "480p/2.m4s"}
