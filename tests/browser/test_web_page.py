"""The page at ``/`` in a real browser: what a person does with it, and what it must never do."""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.client import Client
from tests.server import RunningServer

from .visit import Visit, until

HOSTILE_NAME = "<img src=x onerror=alert(1)>.png"

# Drops a file on the page as a desktop does: the same three events, one DataTransfer.
DROP = """([name, type, content]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name, { type }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
    document.getElementById("drop").dispatchEvent(event);
  }
}"""

# Keeps every word that a line of the list ever showed.
WATCH = """() => {
  window.said = [];
  new MutationObserver(() => {
    for (const line of document.querySelectorAll("#items li")) {
      window.said.push(`${line.dataset.phase}: ${line.querySelector(".sub").textContent}`);
    }
  }).observe(document.getElementById("items"), { subtree: true, childList: true, attributes: true });
}"""

PAINTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, place) => place % 4 < 3 && value > 0);
}"""

WORDS = """video => [...video.textTracks].filter((track) => track.mode === "showing")
  .flatMap((track) => [...(track.cues ?? [])].map((cue) => cue.text))"""


def drop(page: Page, file: Path, kind: str) -> None:
    page.evaluate(DROP, [file.name, kind, base64.b64encode(file.read_bytes()).decode()])


def listed(client: Client, name: str) -> dict[str, Any] | None:
    """The newest asset of that file name, as the API lists it."""
    items: list[dict[str, Any]] = client.call("GET", "/media?limit=20").json()["items"]
    return next((item for item in items if item["filename"] == name), None)


def throttle(visit: Visit, kilobytes_per_second: int) -> None:
    """Slow the browser's sending down, so that an upload can be watched and stopped."""
    session = visit.page.context.new_cdp_session(visit.page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": kilobytes_per_second * 1000}
    session.send("Network.emulateNetworkConditions", limits)


def percents(lines: list[str], phase: str) -> list[int]:
    words = [line.removeprefix(f"{phase}: ").split() for line in lines if line.startswith(f"{phase}: ")]
    return [int(word) for line in words for word, following in pairwise(line) if following == "%"]


def test_a_dropped_photo_is_shown(visit: Visit, server: RunningServer, client: Client, photo: Path) -> None:
    visit.enter(server.key)
    drop(visit.page, photo, "image/jpeg")
    visit.finished("photo.jpg")
    picture = visit.page.locator(".sheet img")
    until(lambda: picture.evaluate("image => image.naturalWidth") == 1024, "the preview is 1024 px wide")
    caption = visit.page.locator("figcaption")
    words = "1024\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}683"
    until(lambda: caption.inner_text().startswith(words), "the caption says its size")

    shown = visit.page.locator("#stage .copyline code").first.inner_text()
    assert "/image/upload/c_limit,f_auto,w_1024/v" in shown
    assert 'srcset="' in visit.page.locator(".snippet pre").inner_text()
    answer = client.get(shown)  # the URL works as it stands, without a key
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/")
    visit.assert_clean()


def test_the_playground_changes_the_picture(visit: Visit, server: RunningServer, client: Client, photo: Path) -> None:
    visit.enter(server.key)
    visit.add(photo)
    visit.finished("photo.jpg")
    picture = visit.page.locator(".sheet img")
    size = "image => `${image.naturalWidth}x${image.naturalHeight}`"

    visit.page.get_by_role("button", name="Width 320 px").click()
    until(lambda: picture.evaluate(size) == "320x213", "the preview is 320 px wide")
    visit.page.get_by_role("radio", name="Fill").check()
    until(lambda: picture.evaluate(size) == "320x320", "fill makes it a square")
    visit.page.get_by_role("radio", name="north west").check()
    visit.page.get_by_role("radio", name="WebP").check()
    until(lambda: "WEBP" in visit.page.locator("figcaption").inner_text(), "the preview is WebP")
    quality = visit.page.get_by_role("slider", name="Quality")
    quality.focus()
    quality.press("ArrowLeft")
    shown = visit.page.locator("#stage .copyline code").first
    wanted = "/image/upload/c_fill,f_webp,g_north_west,h_320,q_79,w_320/v"
    until(lambda: wanted in shown.inner_text(), "the URL says all of it")
    assert client.get(shown.inner_text()).headers["content-type"] == "image/webp"
    visit.assert_clean()


def test_copy_puts_the_url_on_the_clipboard(visit: Visit, server: RunningServer, photo: Path) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.enter(server.key)
    visit.add(photo)
    visit.finished("photo.jpg")
    visit.page.get_by_role("button", name="Copy the URL of this rendition").click()
    shown = visit.page.locator("#stage .copyline code").inner_text()
    until(lambda: visit.page.evaluate("navigator.clipboard.readText()") == shown, "the clipboard holds the URL")
    visit.assert_clean()


def test_a_video_shows_its_progress_and_plays(visit: Visit, server: RunningServer, client: Client, clip: Path) -> None:
    visit.enter(server.key)
    visit.page.evaluate(WATCH)
    throttle(visit, max(300, clip.stat().st_size // 2000))  # about two seconds of sending
    visit.add(clip)
    visit.finished("clip.mp4")

    said: list[str] = visit.page.evaluate("window.said")
    sent, made = percents(said, "uploading"), percents(said, "processing")
    assert any(0 < percent < 100 for percent in sent), said
    assert sent == sorted(sent)
    assert any(0 < percent < 100 for percent in made), said
    assert made == sorted(made)

    video = visit.page.locator("video")
    assert video.evaluate("video => video.canPlayType('application/vnd.apple.mpegurl')"), (
        "this Chromium plays HLS itself"
    )
    assert "sp_auto" in video.evaluate("video => video.src")
    video.evaluate("video => { video.play(); }")
    until(lambda: video.evaluate("video => video.currentTime") > 0.5, "the video plays")
    assert video.evaluate("video => video.error") is None
    named = ["HLS", "DASH", "MP4", "Poster", "Storyboard", "Preview"]
    assert visit.page.locator(".urls dt").all_inner_texts() == named
    for url in visit.page.locator(".urls code").all_inner_texts():
        assert client.get(url).status_code == 200, url
    visit.assert_clean()


def test_storyboard_and_captions_of_a_video(visit: Visit, server: RunningServer, clip: Path, tmp_path: Path) -> None:
    visit.enter(server.key)
    visit.add({"name": "captioned.mp4", "mimeType": "video/mp4", "buffer": clip.read_bytes()})
    visit.finished("captioned.mp4")
    video = visit.page.locator("video")
    until(lambda: video.evaluate("video => video.readyState > 0"), "the video is there")
    tile = visit.page.get_by_role("button", name="Go to 0:02")
    until(lambda: tile.locator("canvas").evaluate(PAINTED), "its picture is drawn")
    tile.click()
    until(lambda: video.evaluate("video => video.currentTime") == 2, "it goes there")

    broken, text = tmp_path / "broken.srt", tmp_path / "en.srt"
    broken.write_text("1\n00:00:02,000 --> 00:00:01,000\nbackwards\n")
    text.write_text("1\n00:00:00,200 --> 00:00:01,900\nWelcome\n")
    form = visit.page.get_by_role("form", name="Add captions")
    form.get_by_label("WebVTT or SRT file").set_input_files(broken)
    form.get_by_role("button", name="Add").click()
    assert "Line 2" in visit.page.locator("#stage .problem").inner_text()
    visit.errors.clear()  # the browser notes the 422, too

    form.get_by_label("WebVTT or SRT file").set_input_files(text)
    form.get_by_label("Language").fill("en")
    form.get_by_label("Shown by default").check()
    form.get_by_role("button", name="Add").click()
    visit.page.get_by_role("button", name="Remove English").wait_for()
    until(lambda: video.evaluate(WORDS) == ["Welcome"], "the player shows it")
    assert 'srclang="en"' in visit.page.locator(".snippet pre").inner_text()
    visit.page.get_by_role("button", name="Remove English").click()
    visit.page.get_by_text("None yet.").wait_for()
    visit.assert_clean()


def test_a_song_plays(visit: Visit, server: RunningServer, song: Path) -> None:
    visit.enter(server.key)
    visit.add(song)
    visit.finished("song.mp3")
    audio = visit.page.locator("audio")
    audio.evaluate("audio => { audio.play(); }")
    until(lambda: audio.evaluate("audio => audio.currentTime") > 0.5, "the song plays")
    assert audio.evaluate("audio => audio.duration") > 7.5

    audio.evaluate("audio => audio.pause()")
    position = visit.page.get_by_role("slider", name="Position")
    position.focus()
    position.press("Home")
    position.press("PageUp")  # a tenth of it
    until(lambda: 0.5 < audio.evaluate("audio => audio.currentTime") < 1, "the waveform goes there")
    said = position.get_attribute("aria-valuetext")
    assert said == "0:00 of 0:08"
    drawn = visit.page.locator(".wave path").first.evaluate("path => path.getBBox().height")
    assert 1.9 < drawn < 2.1  # from the loudest to the loudest
    visit.assert_clean()


def test_a_reload_loses_nothing(visit: Visit, server: RunningServer, photo: Path, song: Path) -> None:
    visit.enter(server.key)
    picture = {"mimeType": "image/jpeg", "buffer": photo.read_bytes()}
    sound = {"mimeType": "audio/mpeg", "buffer": song.read_bytes()}
    names = ["one.jpg", "two.mp3", "three.jpg", "four.mp3"]
    visit.add(*({"name": name, **(picture if name.endswith("jpg") else sound)} for name in names))
    for name in names:
        until(lambda name=name: visit.phase(name) in {"processing", "completed"}, f"{name} has arrived")  # type: ignore[misc]
    visit.page.reload()
    for name in names:
        visit.item(name).wait_for()
        visit.finished(name)
    visit.open("one.jpg")
    visit.page.reload()  # the address says what was open
    visit.page.locator("#stage h2").wait_for()
    assert visit.page.locator("#stage h2").inner_text() == "one.jpg"
    visit.assert_clean()


def test_an_upload_can_be_stopped(visit: Visit, server: RunningServer, client: Client, clip: Path) -> None:
    visit.enter(server.key)
    throttle(visit, 50)
    content = {"name": "stopped.mp4", "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    visit.add(content)
    until(lambda: visit.phase("stopped.mp4") == "uploading", "it is being sent")
    visit.page.get_by_role("button", name="Cancel stopped.mp4").click()
    until(lambda: visit.item("stopped.mp4").count() == 0, "it is gone from the list")
    assert listed(client, "stopped.mp4") is None


def test_processing_can_be_cancelled(visit: Visit, server: RunningServer, client: Client, clip: Path) -> None:
    visit.enter(server.key)
    visit.add({"name": "cancelled.mp4", "mimeType": "video/mp4", "buffer": clip.read_bytes()})
    until(lambda: visit.phase("cancelled.mp4") == "processing", "it is being processed")
    visit.page.get_by_role("button", name="Cancel cancelled.mp4").click()
    visit.finished("cancelled.mp4", "cancelled", seconds=30)
    asset = listed(client, "cancelled.mp4")
    assert asset is not None
    assert asset["status"] == "cancelled"
    visit.assert_clean()


def test_delete_asks_first_and_then_deletes(visit: Visit, server: RunningServer, client: Client, photo: Path) -> None:
    visit.enter(server.key)
    visit.add({"name": "to delete.jpg", "mimeType": "image/jpeg", "buffer": photo.read_bytes()})
    visit.finished("to delete.jpg")
    asset = listed(client, "to delete.jpg")
    assert asset is not None
    visit.page.get_by_role("button", name="Delete to delete.jpg").click()
    visit.page.get_by_role("button", name="Keep it").click()
    assert visit.phase("to delete.jpg") == "completed"
    visit.page.get_by_role("button", name="Delete to delete.jpg").click()
    visit.page.get_by_role("button", name="Delete", exact=True).click()
    until(lambda: visit.item("to delete.jpg").count() == 0, "it is gone from the list")
    assert client.get(asset["url"]).status_code == 404
    visit.assert_clean()


def test_a_refused_file_shows_what_the_server_said(visit: Visit, server: RunningServer) -> None:
    visit.enter(server.key)
    with visit.page.expect_response(f"{server.url}/media/upload") as answer:
        visit.add({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"plain text, whatever the name says\n"})
    visit.finished("notes.jpg", "failed")
    problem = answer.value.json()
    assert answer.value.status == 415
    text = visit.page.locator("#stage .problem").inner_text()
    for part in ("title", "detail", "request_id"):
        assert problem[part] in text
    assert visit.item("notes.jpg").locator(".sub").inner_text() == problem["title"]
    visit.page.get_by_role("button", name="Dismiss", exact=True).click()
    until(lambda: visit.item("notes.jpg").count() == 0, "it is gone from the list")


def test_a_picture_that_is_gone_says_so(visit: Visit, server: RunningServer, client: Client, photo: Path) -> None:
    visit.enter(server.key)
    visit.add({"name": "behind its back.jpg", "mimeType": "image/jpeg", "buffer": photo.read_bytes()})
    visit.finished("behind its back.jpg")
    visit.page.locator(".sheet:not(.waiting) img").wait_for()
    asset = listed(client, "behind its back.jpg")
    assert asset is not None
    assert client.call("DELETE", f"/media/{asset['id']}").status_code == 204
    with visit.page.expect_response("**/*w_640/**") as answer:
        visit.page.get_by_role("button", name="Width 640 px").click()
    assert answer.value.status == 404
    visit.page.locator(".sheet .problem").wait_for()
    assert answer.value.json()["title"] in visit.page.locator(".sheet .problem").inner_text()


def test_a_hostile_file_name_stays_text(visit: Visit, server: RunningServer) -> None:
    visit.enter(server.key)
    dot = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    visit.add({"name": HOSTILE_NAME, "mimeType": "image/png", "buffer": dot})
    visit.finished(HOSTILE_NAME)
    assert visit.page.locator("#stage h2").inner_text() == HOSTILE_NAME
    assert visit.page.locator("img[src=x], [onerror]").count() == 0
    visit.page.get_by_role("button", name=f"Delete {HOSTILE_NAME}").click()
    assert HOSTILE_NAME in visit.page.locator("#confirm-text").inner_text()
    visit.assert_clean()


def test_a_wrong_key_says_where_the_right_one_is(visit: Visit, server: RunningServer) -> None:
    visit.page.goto(server.url)
    visit.page.get_by_label("API key").fill("not-the-key")
    visit.page.get_by_role("button", name="Continue").click()
    visit.page.locator("#gate .problem").wait_for()
    assert "terminal that started renditor" in visit.page.locator("#gate").inner_text()
    assert visit.page.evaluate("sessionStorage.length + localStorage.length") == 0

    visit.page.get_by_label("API key").fill("schlüssel mit lücken")  # cannot even be sent in a header
    visit.page.get_by_role("button", name="Continue").click()
    assert "not an API key" in visit.page.locator("#gate .problem").inner_text()
    assert [error for error in visit.errors if "401" not in error] == []


def test_the_key_in_the_fragment_leaves_the_address_at_once(visit: Visit, server: RunningServer) -> None:
    visit.enter(server.key)
    assert server.key not in visit.page.evaluate("location.href")
    visit.page.go_back()
    assert server.key not in visit.page.url
    visit.assert_clean()


def test_the_key_is_kept_where_the_person_said(visit: Visit, server: RunningServer) -> None:
    visit.page.goto(server.url)
    visit.page.get_by_label("API key").fill(server.key)
    visit.page.get_by_label("Remember it in this browser").check()
    visit.page.get_by_role("button", name="Continue").click()
    visit.page.locator("#workspace").wait_for()
    tab = visit.page.context.new_page()
    tab.goto(server.url)
    tab.locator("#workspace").wait_for()
    tab.get_by_role("button", name="Forget key").click()
    tab.locator("#gate").wait_for()
    assert tab.evaluate("sessionStorage.length + localStorage.length") == 0


def test_the_page_comes_with_a_policy_that_forbids_injected_code(visit: Visit, server: RunningServer) -> None:
    answer = visit.page.goto(server.url)
    assert answer is not None
    policy = {
        line.split()[0]: line.split()[1:]
        for line in answer.headers["content-security-policy"].split(";")
        if line.strip()
    }
    assert policy["default-src"] == ["'none'"]
    assert len(policy["script-src"]) == 1
    assert policy["script-src"][0].startswith(("'sha256-", "'nonce-"))
    assert "'unsafe-inline'" not in policy["style-src"]
    visit.page.evaluate("""() => {
      const script = document.createElement("script");
      try { script.textContent = "window.injected = true"; } catch { /* trusted types say no even earlier */ }
      document.body.append(script);
    }""")
    assert visit.page.evaluate("window.injected") is None


def test_a_phone_shows_list_and_item_one_at_a_time(visit: Visit, server: RunningServer, photo: Path) -> None:
    visit.page.set_viewport_size({"width": 375, "height": 700})
    visit.enter(server.key)
    visit.add({"name": "phone.jpg", "mimeType": "image/jpeg", "buffer": photo.read_bytes()})
    visit.finished("phone.jpg")
    assert not visit.page.locator("#stage").is_visible()
    visit.open("phone.jpg")
    assert visit.page.locator("#stage").is_visible()
    assert not visit.page.locator("#items").is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 375  # nothing sticks out
    visit.page.go_back()
    assert visit.page.locator("#items").is_visible()
    visit.assert_clean()


def test_it_can_be_used_with_the_keyboard_alone(visit: Visit, server: RunningServer, photo: Path) -> None:
    visit.enter(server.key)
    visit.add({"name": "first.jpg", "mimeType": "image/jpeg", "buffer": photo.read_bytes()})
    visit.finished("first.jpg")
    visit.add({"name": "second.jpg", "mimeType": "image/jpeg", "buffer": photo.read_bytes()})
    visit.finished("second.jpg")
    focused = "document.activeElement.textContent"
    visit.page.locator("#files").focus()
    for _ in range(3):
        visit.page.keyboard.press("Tab")
        if "first.jpg" in visit.page.evaluate(focused):
            break
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate(focused) == "first.jpg", "the heading of what was opened has the focus"
    tabs = visit.page.get_by_role("tab")
    tabs.first.focus()
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate(focused) == "curl"
    assert visit.page.locator(".snippet pre").inner_text().startswith("# this file\ncurl ")
    visit.assert_clean()
