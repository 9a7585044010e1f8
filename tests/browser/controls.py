"""The same few wishes in the words of each player, and what a video element really shows and plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .visit import Visit, until

# What each answers: ``ready``; heights and languages that are offered; and how one is chosen by force.
_HLS_JS: Final = """({
  ready: () => hls.levels.length > 0 || hls.audioTracks.length > 0,
  heights: () => hls.levels.map((level) => level.height),
  height: (wanted) => { hls.currentLevel = hls.levels.findIndex((level) => level.height === wanted); },
  sounds: () => hls.audioTracks.map((track) => track.lang),
  sound: (wanted) => { hls.audioTrack = hls.audioTracks.findIndex((track) => track.lang === wanted); },
  texts: () => hls.subtitleTracks.map((track) => track.lang),
  text: (wanted) => { hls.subtitleTrack = hls.subtitleTracks.findIndex((track) => track.lang === wanted); },
})"""
_SHAKA: Final = """({
  ready: () => player.getVariantTracks().length > 0,
  heights: () => player.getVideoTracks().map((track) => track.height),
  height: (wanted) => {
    player.configure("abr.enabled", false);
    player.selectVideoTrack(player.getVideoTracks().find((track) => track.height === wanted), true);
  },
  sounds: () => player.getAudioTracks().map((track) => track.language),
  sound: (wanted) => player.selectAudioTrack(player.getAudioTracks().find((track) => track.language === wanted)),
  texts: () => player.getTextTracks().map((track) => track.language),
  text: (wanted) => player.selectTextTrack(player.getTextTracks().find((track) => track.language === wanted)),
})"""
_DASH_JS: Final = """({
  ready: () => player.isReady() && player.getTracksFor("audio").length > 0,
  heights: () => player.getRepresentationsByType("video").map((one) => one.height),
  height: (wanted) => {
    player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
    const one = player.getRepresentationsByType("video").find((one) => one.height === wanted);
    player.setRepresentationForTypeById("video", one.id, true);
  },
  sounds: () => player.getTracksFor("audio").map((track) => track.lang),
  sound: (wanted) => player.setCurrentTrack(player.getTracksFor("audio").find((track) => track.lang === wanted)),
  texts: () => player.getTracksFor("text").map((track) => track.lang),
  text: (wanted) => player.setTextTrack(player.getTracksFor("text").findIndex((track) => track.lang === wanted)),
})"""

_EYES_AND_EARS: Final = """(() => {
  const element = document.querySelector("video, audio");
  const canvas = document.createElement("canvas");
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaElementSource(element).connect(analyser).connect(context.destination);
  const strengths = new Uint8Array(analyser.frequencyBinCount);
  return {
    element,
    colour: (across, down) => {
      [canvas.width, canvas.height] = [element.videoWidth, element.videoHeight];
      const drawing = canvas.getContext("2d", { willReadFrequently: true });
      drawing.drawImage(element, 0, 0);
      return [...drawing.getImageData(canvas.width * across, canvas.height * down, 1, 1).data].slice(0, 3);
    },
    tone: () => {
      analyser.getByteFrequencyData(strengths);
      const loudest = strengths.indexOf(Math.max(...strengths));
      return (loudest * context.sampleRate) / analyser.fftSize;
    },
    words: () => [...element.textTracks].filter((track) => track.mode !== "disabled")
      .flatMap((track) => [...(track.activeCues ?? [])]).map((cue) => cue.text),
  };
})()"""


@dataclass(frozen=True)
class Player:
    """One way to play: ``page`` of the docs, and which address stands in it."""

    page: str
    wishes: str
    stream: str


PLAYERS: Final = {
    "hls.js": Player("hls.js", _HLS_JS, "hls_url"),
    "shaka-player, HLS": Player("shaka-player", _SHAKA, "hls_url"),
    "shaka-player, DASH": Player("shaka-player", _SHAKA, "dash_url"),
    "dash.js": Player("dash.js", _DASH_JS, "dash_url"),
}


class Playing:
    """A page with a player in it. Every wait ends, and ends at once where the player reports an error."""

    def __init__(self, visit: Visit, url: str, wishes: str) -> None:
        self._visit = visit
        visit.page.goto(url, wait_until="load")
        visit.page.evaluate(f"window.wishes = {wishes}; window.senses = {_EYES_AND_EARS};")
        self.wait("wishes.ready()")

    def ask(self, expression: str) -> Any:
        return self._visit.page.evaluate(expression)

    def wait(self, expression: str) -> None:
        until(lambda: self.ask(expression) or self._visit.errors, expression)
        assert self._visit.errors == []

    def play(self) -> None:
        """Not awaited: a stream that does not come would make it wait for ever."""
        self.ask("void senses.element.play().catch((error) => console.error(String(error)))")
        self.goes_on()

    def goes_on(self) -> None:
        at = self.ask("senses.element.currentTime")
        self.wait(f"senses.element.currentTime > {at + 0.3}")

    def seek(self, seconds: float) -> None:
        self.ask(f"senses.element.currentTime = {seconds}")
        self.wait(f"!senses.element.seeking && senses.element.currentTime >= {seconds}")

    def offers(self, what: str, expected: Sequence[str | int]) -> None:
        """``what``: heights, sounds or texts. Shaka learns of them one by one."""
        self.wait(f"JSON.stringify([...new Set(wishes.{what}())].sort()) === JSON.stringify({sorted(expected)!r})")

    def wish(self, what: str, wanted: str | int) -> None:
        self.ask(f"void wishes.{what}({wanted!r})")

    def height(self, wanted: int) -> None:
        """Choose a level and wait until its pictures are what is decoded."""
        self.wish("height", wanted)
        self.wait(f"senses.element.videoHeight === {wanted}")
        self.goes_on()

    def sounds_like(self, hertz: float) -> None:
        self.wait(f"Math.abs(senses.tone() - {hertz}) < 12")

    def looks_like(self, colour: tuple[int, int, int], across: float, down: float) -> None:
        """Within what coding and conversion of colours may change."""
        self.wait(f"senses.colour({across}, {down}).every((one, place) => Math.abs(one - {list(colour)}[place]) <= 24)")

    def shows(self, words: list[str]) -> None:
        self.wait(f"JSON.stringify(senses.words()) === JSON.stringify({words!r})")
