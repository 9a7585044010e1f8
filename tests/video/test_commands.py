from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given

from renditor.ffmpeg.probe import MediaProbe
from renditor.video.commands import encode, encoded_rungs, graph, progressive
from renditor.video.plan import plan
from renditor.video.streams import package
from tests.video.probes import PROBES, audio, probe, video


def test_one_decode_feeds_every_rung() -> None:
    made = plan(probe(video(), audio(language="eng")))
    given_arguments = encode(made, ["-i", "in"], threads=2, tone_mapping=True)
    assert given_arguments.count("-i") == 1
    assert [given_arguments[at + 1] for at, one in enumerate(given_arguments) if one == "-map"] == [
        "[v0]",
        "[v1]",
        "[v2]",
        "[a0]",
    ]
    assert "split=3" in graph(made, tone_mapping=True)
    for output in ("work/720p.mp4", "work/480p.mp4", "work/360p.mp4", "work/audio.mp4"):
        assert output in given_arguments
    # Each output by itself: none inherits place, date or title of the source.
    assert given_arguments.count("-map_metadata") == 4
    assert "language=eng" in given_arguments


def test_key_frames_are_forced_at_the_same_times_in_every_rung() -> None:
    given_arguments = encode(plan(probe()), ["-i", "in"], threads=2, tone_mapping=True)
    forced = {given_arguments[at + 1] for at, one in enumerate(given_arguments) if one == "-force_key_frames"}
    assert len(forced) == 1
    assert given_arguments.count("-sc_threshold") == given_arguments.count("-forced-idr") == 3


def test_frames_are_repeated_only_where_there_are_enough() -> None:
    even = graph(plan(probe(video(frame_rate=Fraction(30000, 1001)))), tone_mapping=True)
    assert "fps=30000/1001:start_time=0" in even
    sparse = plan(probe(video(frames=10)))
    assert "fps=" not in graph(sparse, tone_mapping=True)
    assert "vfr" in encode(sparse, ["-i", "in"], threads=2, tone_mapping=True)


def test_interlaced_sources_are_deinterlaced_first() -> None:
    assert graph(plan(probe(video(interlaced=True))), tone_mapping=True).startswith("[0:0]bwdif")
    assert "bwdif" not in graph(plan(probe()), tone_mapping=True)


@pytest.mark.parametrize(("transfer", "times"), [("smpte2084", 1), ("arib-std-b67", 1), ("bt709", 0)])
def test_hdr_is_mapped_once_for_all_rungs(transfer: str, times: int) -> None:
    made = plan(probe(video(transfer=transfer, primaries="bt2020" if times else None)))
    assert graph(made, tone_mapping=True).count("tonemap=tonemap") == times
    assert "zscale" not in graph(made, tone_mapping=False)


def test_wide_colours_without_hdr_are_converted() -> None:
    text = graph(plan(probe(video(primaries="bt2020"))), tone_mapping=True)
    assert "zscale" in text
    assert "tonemap" not in text


@given(PROBES)
def test_nothing_of_the_source_gets_into_the_graph(described: MediaProbe) -> None:
    made = plan(described)
    for tone_mapping in (True, False):
        text = graph(made, tone_mapping=tone_mapping)
        assert re.fullmatch(r"[A-Za-z0-9_:=,;\[\]()'/.-]*", text)
        assert "movie" not in text
        assert text.count("setsar=1") == len(encoded_rungs(made))


def test_the_mp4_copies_and_puts_the_index_first() -> None:
    with_sound = progressive(plan(probe(video(), audio())), [["-i", "a"], ["-i", "b"]], "video.mp4")
    assert with_sound[with_sound.index("-c") + 1] == "copy"
    assert "+faststart" in with_sound
    assert "1:a:0" in with_sound
    assert "1:a:0" not in progressive(plan(probe()), [["-i", "a"]], "video.mp4")


def test_the_smallest_rung_is_packaged_first() -> None:
    given_arguments = package.arguments(plan(probe(video(), audio(language="eng"))))
    descriptors = [one for one in given_arguments if one.startswith("in=")]
    assert [re.findall(r"init_segment=hls/(\w+)/", one)[0] for one in descriptors] == ["360p", "480p", "720p", "audio"]
    assert "language=en" in descriptors[-1].split(",")
    assert "iframe_playlist_name" not in descriptors[-1]
