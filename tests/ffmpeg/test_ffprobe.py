"""Reading ffprobe's JSON: what files say in ordinary and hostile ways."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import CorruptMedia, LimitExceeded, RenditorError, UnsupportedMedia
from renditor.ffmpeg.ffprobe import PacketEnds, parse
from renditor.ffmpeg.probe import Chapter, MediaProbe, SubtitleStream, check_limits
from renditor.ffmpeg.settings import FFmpegSettings

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def picture(**changes: Any) -> dict[str, Any]:
    base = {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "width": 1280,
        "height": 720,
        "pix_fmt": "yuv420p",
        "r_frame_rate": "25/1",
        "avg_frame_rate": "25/1",
        "duration": "4.0",
        "nb_frames": "100",
    }
    return {**base, **changes}


def sound(**changes: Any) -> dict[str, Any]:
    base = {"index": 1, "codec_type": "audio", "codec_name": "aac", "channels": 2, "sample_rate": "48000"}
    return {**base, **changes}


def read(*streams: dict[str, Any], **container: Any) -> MediaProbe:
    described = {"format_name": MP4, "duration": "4.0", "tags": {"major_brand": "isom"}, **container}
    return parse({"streams": list(streams), "format": described}, 1_000_000)


def matrix(rotation: float) -> dict[str, Any]:
    return {"side_data_list": [{"side_data_type": "Display Matrix", "rotation": rotation}]}


@pytest.mark.parametrize(
    ("rotation", "degrees", "size"),
    [
        (-90, 90, (720, 1280)),
        (90, 270, (720, 1280)),
        (180, 180, (1280, 720)),
        (0, 0, (1280, 720)),
        (-45, 45, (1280, 720)),
    ],
)
def test_size_is_as_displayed_after_rotation(rotation: float, degrees: int, size: tuple[int, int]) -> None:
    video = read(picture(**matrix(rotation))).video
    assert video
    assert (video.rotation, (video.width, video.height)) == (degrees, size)


def test_the_old_rotate_tag_counts_too() -> None:
    video = read(picture(tags={"rotate": "90"})).video
    assert video
    assert (video.rotation, video.width) == (90, 720)


@pytest.mark.parametrize(
    ("shape", "width"), [("1:1", 720), ("64:45", 1024), ("8:9", 640), ("0:1", 720), ("N/A", 720), ("99999:1", 720)]
)
def test_pixels_are_made_square(shape: str, width: int) -> None:
    video = read(picture(width=720, height=576, sample_aspect_ratio=shape)).video
    assert video
    assert (video.width, video.height) == (width, 576)


def test_the_crop_of_the_container_is_applied() -> None:
    crop = {"side_data_list": [{"side_data_type": "Frame Cropping", "crop_top": 8, "crop_left": 20, "crop_right": 20}]}
    video = read(picture(**crop)).video
    assert video
    assert (video.width, video.height) == (1240, 712)


@pytest.mark.parametrize(
    ("grid", "average", "expected", "variable"),
    [
        ("30000/1001", "30000/1001", Fraction(30000, 1001), False),
        ("30/1", "24/1", Fraction(30), True),
        ("60/1", "1000/1", Fraction(60), False),  # Matroska's guess is too high
        ("90000/1", "25/1", Fraction(25), False),  # a time base is no rate
        ("0/0", "25/1", Fraction(25), False),
        ("1/200", "10/1801", Fraction(1, 200), False),
        ("0/0", "0/0", Fraction(0), False),
    ],
)
def test_frame_rates(grid: str, average: str, expected: Fraction, variable: bool) -> None:
    video = read(picture(r_frame_rate=grid, avg_frame_rate=average)).video
    assert video
    assert (video.frame_rate, video.variable) == (expected, variable)


def test_fields_are_not_frames() -> None:
    video = read(picture(r_frame_rate="50/1", avg_frame_rate="25/1", field_order="tt")).video
    assert video
    assert (video.frame_rate, video.interlaced) == (Fraction(25), True)


@pytest.mark.parametrize(
    ("changes", "hdr", "name"),
    [
        ({"color_transfer": "smpte2084"}, "pq", "pq"),
        ({"color_transfer": "arib-std-b67"}, "hlg", "hlg"),
        ({"color_transfer": "bt709"}, None, None),
        ({"side_data_list": [{"dv_profile": 8}], "color_transfer": "arib-std-b67"}, "hlg", "dolby-vision"),
        ({"side_data_list": [{"dv_profile": 5}]}, "pq", "dolby-vision"),
        ({"side_data_list": [{"dv_profile": 10, "dv_bl_signal_compatibility_id": 0}]}, "pq", "dolby-vision"),
        ({"side_data_list": [{"dv_profile": 10, "dv_bl_signal_compatibility_id": 2}]}, None, "dolby-vision"),
    ],
)
def test_hdr(changes: dict[str, Any], hdr: str | None, name: str | None) -> None:
    video = read(picture(**changes)).video
    assert video
    assert (video.hdr, video.hdr_name) == (hdr, name)


@pytest.mark.parametrize(
    ("pixels", "depth"), [("yuv420p", 8), ("yuv420p10le", 10), ("p010le", 10), ("yuv444p12be", 12), ("gray16le", 8)]
)
def test_bit_depth(pixels: str, depth: int) -> None:
    video = read(picture(pix_fmt=pixels)).video
    assert video
    assert video.bit_depth == depth


def test_an_attached_picture_is_not_a_video() -> None:
    cover = picture(index=1, codec_name="mjpeg", disposition={"attached_pic": 1})
    probe = read(sound(index=0), cover, format_name="mp3")
    assert (probe.media_type, probe.cover, probe.video) == ("audio", 1, None)
    assert probe.to_json()["width"] is None


def test_the_default_track_is_the_main_one() -> None:
    probe = read(picture(), sound(), sound(index=2, channels=6, disposition={"default": 1}))
    assert probe.main_audio
    assert probe.main_audio.index == 2


def test_sound_without_channels_is_not_there() -> None:
    assert read(picture(), sound(channels=0)).audio == ()
    assert read(picture(), sound(sample_rate="0")).audio == ()


@pytest.mark.parametrize("brand", ["heic", "avif", "mif1"])
def test_pictures_in_the_same_boxes_are_refused(brand: str) -> None:
    with pytest.raises(UnsupportedMedia):
        read(picture(), tags={"major_brand": brand})


@pytest.mark.parametrize(
    ("family", "brand", "codecs", "name"),
    [
        (MP4, "isom", ("h264",), "mp4"),
        (MP4, "qt  ", ("h264",), "mov"),
        (MP4, "3gp4", ("h263",), "3gp"),
        (MP4, "M4A ", ("h264",), "m4a"),
        ("matroska,webm", "", ("vp9",), "webm"),
        ("matroska,webm", "", ("h264",), "matroska"),
        ("mpegts", "", ("h264",), "mpegts"),
    ],
)
def test_formats_have_one_name(family: str, brand: str, codecs: tuple[str, ...], name: str) -> None:
    streams = [picture(codec_name=codec) for codec in codecs]
    assert read(*streams, format_name=family, tags={"major_brand": brand}).format == name


def test_only_tags_of_the_work_are_kept() -> None:
    tags = {"title": "A\x00B", "location": "+52+13/", "com.apple.make": "X", "ARTIST": "Me", "creation_time": "2020"}
    assert read(sound(tags={"album": "Z"}), tags=tags).tags == {"title": "A B", "artist": "Me", "album": "Z"}


def test_what_a_cover_is_called_is_no_title() -> None:
    cover = picture(tags={"title": "Our garden"}, disposition={"attached_pic": 1})
    assert read(sound(), cover).tags == {}


def test_no_stream_that_can_be_played() -> None:
    with pytest.raises(CorruptMedia):
        read(picture(width=0))
    with pytest.raises(UnsupportedMedia):
        read({"index": 0, "codec_type": "subtitle", "codec_name": "subrip"})
    with pytest.raises(UnsupportedMedia):
        parse({}, 10)


def test_what_must_be_measured() -> None:
    assert not read(picture()).needs_measuring
    assert read(picture(nb_frames="N/A")).needs_measuring
    assert read(picture(duration="N/A")).needs_measuring
    assert read(sound(duration="1"), duration="N/A").needs_measuring is False
    assert read(sound(), duration="N/A").needs_measuring
    assert parse({"streams": [sound()], "format": {"duration": "3"}}, 10, estimated=True).needs_measuring


def test_measuring_corrects_what_was_guessed_and_no_more() -> None:
    guessed = parse({"streams": [sound()], "format": {"duration": "3", "format_name": "mp3"}}, 8000, estimated=True)
    measured = guessed.with_measured(5.0, 200)
    assert (measured.duration, measured.bitrate, measured.needs_measuring) == (5.0, 21333, False)
    known = read(picture(nb_frames="N/A"), sound(), duration="9.0").with_measured(4.0, 100)
    assert known.video
    assert (known.duration, known.video.duration, known.video.frames) == (9.0, 4.0, 100)


@pytest.mark.parametrize(
    "probe",
    [
        read(picture(width=8192, height=8192)),
        read(picture(coded_width=9000, coded_height=9000)),
        read(picture(), duration="100000"),
        read(picture(duration="100000"), duration="N/A"),
        read(*(sound(index=number) for number in range(65))),
    ],
)
def test_limits(probe: MediaProbe) -> None:
    with pytest.raises(LimitExceeded):
        check_limits(probe, FFmpegSettings())


def test_eight_k_is_within_limits() -> None:
    check_limits(read(picture(width=7680, height=4320)), FFmpegSettings())


def test_packets_tell_the_end() -> None:
    ends = PacketEnds(100)
    for line in ("1.400000,0.040000", "1.480000,0.040000", "1.440000,0.040000", "N/A,0.04", "", "x,y,z"):
        ends.feed(line)
    assert ends.count == 5
    assert ends.seconds == pytest.approx(0.12)
    assert PacketEnds(100).seconds == 0


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        (["0,1,K__", "1,1,___", "2,1,___", "3,1,___"], 0.0),
        (["0,1,K__", "3,1,___"], 2.0),
        (["0,1,K__", "3,1,___", "1,1,___", "2,1,___"], 2.0),  # no codec holds frames back for so long
        (["0,0.5,K__", "1.4,0.5,___", "2.3,0.5,___", "3.2,0.8,___"], 0.0),  # uneven, no hole
        (["2,1,K__", "3,1,___"], 2.0),  # the beginning
        (["0,1,K__", "1,0.5,___"], 2.5),  # the end
        (["0,1,K__", "1,1,__C", "2,1,___", "3,1,__C"], 2.0),
        ([], 4.0),
        (["N/A,N/A,___"], 4.0),
    ],
)
def test_holes_are_added_up(lines: list[str], missing: float) -> None:
    ends = PacketEnds(100)
    for line in lines:
        ends.feed(line)
    assert ends.missing(0.0, 4.0) == pytest.approx(missing)


def test_packets_are_not_read_for_ever() -> None:
    ends = PacketEnds(2)
    ends.feed("0,1")
    ends.feed("1,1")
    with pytest.raises(LimitExceeded):
        ends.feed("2,1")


# Anything that JSON can hold, in the places where ffprobe puts its facts.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FACTS = {*picture(), *sound(), "sample_aspect_ratio", "tags", "disposition", "side_data_list", "color_transfer"}
FACTS |= {"start_time", "field_order", "color_range", "color_space", "bits_per_raw_sample", "channel_layout"}
STREAM = st.fixed_dictionaries(
    {"codec_type": st.sampled_from(["video", "audio", "data"]) | VALUES},
    optional={
        name: VALUES | st.from_regex(r"-?[0-9]{1,12}([./:][0-9]{1,12})?", fullmatch=True)
        for name in FACTS
        if name != "codec_type"
    }
    | {
        "index": st.integers(-1, 3),
        "codec_name": st.sampled_from(["h264", "aac"]) | VALUES,
        "width": st.integers(-2, 10**7),
    },
)


@given(st.lists(STREAM, max_size=3), st.dictionaries(st.sampled_from(["duration", "tags", "bit_rate"]), VALUES))
def test_hostile_facts_give_a_probe_or_an_error_of_ours(streams: list[Any], container: dict[str, Any]) -> None:
    try:
        probe = parse({"streams": streams, "format": container}, 100)
        check_limits(probe, FFmpegSettings())
    except RenditorError:
        return
    json.dumps(probe.to_json(), allow_nan=False)
    if probe.video:
        assert probe.video.width > 0
        assert probe.video.height > 0
        assert 0 <= probe.video.rotation < 360


@given(VALUES)
def test_any_json_is_survived(printed: Any) -> None:
    with pytest.raises(RenditorError):
        parse(printed if isinstance(printed, dict) else {"streams": printed, "format": printed}, 1)


@given(st.text(max_size=50))
def test_any_line_is_survived(line: str) -> None:
    ends = PacketEnds(100)
    ends.feed(line)
    assert ends.seconds >= 0
    assert 0 <= ends.missing(0, 9) <= 9


@pytest.mark.parametrize(
    ("changes", "as_stored"),
    [
        ({}, True),
        ({"sample_aspect_ratio": "1:1"}, True),
        ({"sample_aspect_ratio": "0:1"}, True),
        ({"sample_aspect_ratio": "2430:2431"}, False),  # rounds to the same size
        (matrix(-90), False),
        ({"side_data_list": [{"displaymatrix": "...", "rotation": 0}]}, False),  # mirrored
        ({"tags": {"rotate": "0"}}, False),
        ({"side_data_list": [{"crop_left": 2}]}, False),
        ({"side_data_list": [{"crop_left": 0, "crop_top": 0}]}, True),
    ],
)
def test_whether_pictures_are_shown_as_they_are_stored(changes: dict[str, Any], as_stored: bool) -> None:
    video = read(picture(profile="High", level=31, **changes)).video
    assert video
    assert (video.as_stored, video.profile, video.level) == (as_stored, "High", 31)


def test_subtitles_and_chapters_are_described() -> None:
    tags = {"language": "ger", "title": "Zeile\n1"}
    flags = {"default": 1, "forced": 1, "hearing_impaired": 0}
    streams = [
        {"index": 2, "codec_type": "subtitle", "codec_name": "subrip", "tags": tags, "disposition": flags},
        {"index": 3, "codec_type": "subtitle"},
        {"codec_type": "subtitle", "codec_name": "ass"},
    ]
    marks = [
        {"start_time": "2.0", "end_time": "4.0"},
        {"start_time": "-1", "end_time": "2.0", "tags": {"title": "Start"}},
        {"start_time": "4.0", "end_time": "4.0"},
        {"start_time": "x"},
    ]
    found = parse({"streams": [picture(), *streams], "format": {"format_name": MP4}, "chapters": marks}, 100)
    assert found.subtitles == (
        SubtitleStream(2, "subrip", "ger", "Zeile 1", default=True, forced=True),
        SubtitleStream(3, "unknown"),
    )
    assert found.chapters == (Chapter(0.0, 2.0, "Start"), Chapter(2.0, 4.0))
    many = [{"start_time": str(n), "end_time": str(n + 1)} for n in range(5000)]
    assert len(parse({"streams": [picture()], "chapters": many}, 100).chapters) == 1000
