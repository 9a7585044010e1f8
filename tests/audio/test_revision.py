from __future__ import annotations

from renditor.audio.commands import FINE, FINEST, PLAIN, Decided, Mix
from renditor.audio.formats import AudioFormat
from renditor.audio.loudness import Loudness
from renditor.audio.plan import AudioPlan, plan_audio
from renditor.audio.revision import first_limiter, revise
from renditor.audio.treatment import Treatment
from tests.audio.probes import song, sound


def planned(channels: int = 2, loudness: float | None = -16.0) -> AudioPlan:
    wanted = [AudioFormat("mp3"), AudioFormat("flac")]
    return plan_audio(song(sound(channels=channels, layout="5.1")), wanted, Treatment(loudness=loudness))


def decided(**mixes: Mix) -> Decided:
    return Decided(0.0, 10.0, {mix.channels: mix for mix in mixes.values()})


def heard(mp3: float, flac: float, peak: float = -3.0) -> dict[str, Loudness | None]:
    return {"audio.mp3": Loudness(mp3, 5, peak), "audio.flac": Loudness(flac, 5, peak)}


def test_what_is_right_is_left() -> None:
    plan = planned()
    one = decided(stereo=Mix(2, 5.0, reached=-16.0))
    assert revise(plan, plan.files, one, heard(-16.2, -16.0)) == (one, [])


def test_peaks_that_pass_the_ceiling_get_a_limiter() -> None:
    plan = planned()
    now, due = revise(plan, plan.files, decided(stereo=Mix(2, 5.0, reached=-16.0)), heard(-16.2, -16.0, peak=0.5))
    assert now.mixes[2] == Mix(2, 5.0, FINEST, -16.0)
    assert due == list(plan.files)
    lossy = {"audio.mp3": Loudness(-16, 5, 0.5), "audio.flac": None}
    assert revise(plan, plan.files, decided(stereo=Mix(2, 5.0, reached=-16.0)), lossy)[0].mixes[2] == Mix(
        2, 5.0, FINE, -16.0
    )


def test_the_first_limiter_is_the_cheapest_where_all_it_lets_pass_is_seen() -> None:
    plan = planned()
    assert first_limiter(plan.files) == FINE
    assert first_limiter(plan.files[1:]) == PLAIN


def test_a_limiter_that_let_peaks_pass_works_finer_once() -> None:
    plan = planned()
    now, due = revise(plan, plan.files, decided(stereo=Mix(2, 5.0, FINE, -16.0)), heard(-16.2, -16.0, peak=0.5))
    assert now.mixes[2] == Mix(2, 5.0, FINEST, -16.0)
    assert due == list(plan.files)
    assert revise(plan, plan.files, now, heard(-16.2, -16.0, peak=0.5))[1] == []


def test_peaks_that_a_lossy_codec_made_are_left() -> None:
    plan = planned()
    given = {"audio.mp3": Loudness(-16, 5, 0.5), "audio.flac": Loudness(-16, 5, -1.2)}
    one = decided(stereo=Mix(2, 5.0, FINE, -16.0))
    assert revise(plan, plan.files, one, given) == (one, [])


def test_only_the_mix_with_the_peaks_is_made_again() -> None:
    plan = planned(channels=6)
    given = {"audio.mp3": Loudness(-16, 5, 0.5), "audio.flac": Loudness(-16, 5, -4)}
    now, due = revise(
        plan, plan.files, decided(stereo=Mix(2, 5.0, reached=-16.0), all=Mix(6, 4.0, reached=-16.0)), given
    )
    assert [file.name for file in due] == ["audio.mp3"]
    assert (now.mixes[2].limiter, now.mixes[6].limiter) == (FINE, 0)


def test_what_a_codec_takes_off_is_corrected_twice_at_most() -> None:
    plan = planned()
    now, due = revise(plan, plan.files, decided(stereo=Mix(2, 5.0, reached=-16.0)), heard(-17.5, -16.0))
    assert now.corrections == {"audio.mp3": (1.5,)}
    assert [file.name for file in due] == ["audio.mp3"]
    now, due = revise(plan, plan.files, now, heard(-16.5, -16.0))
    assert now.corrections == {"audio.mp3": (1.5, 0.5)}
    assert [file.name for file in due] == ["audio.mp3"]
    assert revise(plan, plan.files, now, heard(-16.5, -16.0)) == (now, [])


def test_what_its_limiter_holds_back_is_not_corrected() -> None:
    plan = planned()
    assert revise(plan, plan.files, decided(stereo=Mix(2, 20.0, FINEST, -17.0)), heard(-17.2, -17.0))[1] == []


def test_what_was_not_changed_is_not_revised() -> None:
    for plan, mix in ((planned(), Mix(2)), (planned(loudness=None), Mix(2, 5.0, reached=-16.0))):
        assert revise(plan, plan.files, decided(stereo=mix), heard(-30.0, -30.0, peak=2.0))[1] == []
