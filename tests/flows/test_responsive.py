"""The story of a page: a snippet of a picture, its URLs, and pictures made before the first visitor comes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import pyvips

from renditor.testing import media
from tests.client import Client
from tests.html import Tags
from tests.inprocess import in_process

MODERN, OLD = "image/avif,image/webp,*/*", "*/*"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.photo(tmp_path_factory.mktemp("photo") / "holiday.jpg", 1000, 750)


@pytest.fixture(scope="module")
def asset(client: Client, photo: Path) -> dict[str, Any]:
    made: dict[str, Any] = client.upload(photo).json()
    return made


def srcset(client: Client, asset: dict[str, Any], **asked: str) -> dict[str, Any]:
    response = client.call("GET", f"/media/{asset['id']}/srcset", params=asked)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def entries(text: str) -> dict[str, int]:
    """URL -> width."""
    pairs = (entry.rsplit(" ", 1) for entry in text.split(", "))
    return {url: int(width.removesuffix("w")) for url, width in pairs}


def job_done(client: Client, answer: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        job: dict[str, Any] = client.call("GET", f"/media/{answer['media_id']}/jobs/{answer['job_id']}").json()
        if job["status"] not in ("queued", "running"):
            return job
        assert time.monotonic() < end, job
        time.sleep(0.1)


def pictures_of(client: Client, asset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = client.call("GET", f"/media/{asset['id']}").json()["renditions"]
    return {rendition["name"]: rendition for rendition in found if rendition["kind"] == "image"}


def test_every_url_is_as_wide_as_it_says(client: Client, asset: dict[str, Any]) -> None:
    answer = srcset(client, asset, widths="200, 400,2000", sizes="50vw", alt="A day")
    assert answer["sizes"] == "50vw"
    offered = entries(answer["srcset"])
    assert list(offered) == answer["urls"]
    assert list(offered.values()) == [200, 400, 1000]
    for url, width in offered.items():
        response = client.get(url, accept=MODERN)
        assert response.headers["content-type"] == "image/avif"
        assert "accept" in response.headers["vary"].lower()
        assert pyvips.Image.new_from_buffer(response.content, "").width == width
    ((tag, image),) = Tags(answer["html"]).found
    assert tag == "img"
    assert (image["srcset"], image["sizes"], image["alt"]) == (answer["srcset"], "50vw", "A day")
    assert (image["width"], image["height"]) == ("1000", "750")
    assert (image["loading"], image["decoding"]) == ("lazy", "async")
    assert image["src"] in offered


def test_named_formats_are_sources(client: Client, asset: dict[str, Any]) -> None:
    answer = srcset(client, asset, widths="200,400", formats="avif,webp")
    tags = Tags(answer["html"]).found
    assert [tag for tag, _ in tags] == ["picture", "source", "source", "img"]
    assert [values.get("type") for _, values in tags] == [None, "image/avif", "image/webp", None]
    for source in answer["sources"]:
        for url in entries(source["srcset"]):
            assert client.get(url, accept=OLD).headers["content-type"] == source["type"]
    assert answer["sources"][-1]["type"] == "image/jpeg"


def test_without_widths_it_is_the_ladder(client: Client, asset: dict[str, Any]) -> None:
    assert list(entries(srcset(client, asset)["srcset"]).values()) == [320, 480, 640, 800, 960, 1000]


def test_a_transformation_is_kept_at_every_width(client: Client, asset: dict[str, Any]) -> None:
    answer = srcset(client, asset, widths="100,300", transformation="ar_1:1,c_fill,g_auto")
    for url, width in entries(answer["srcset"]).items():
        made = pyvips.Image.new_from_buffer(client.get(url).content, "")
        assert (made.width, made.height) == (width, width)
    image = Tags(srcset(client, asset, transformation="t_thumb")["html"]).found[0][1]
    assert (image["width"], image["height"]) == ("200", "200")


def test_the_placeholder_comes_with_the_analysis(client: Client, asset: dict[str, Any], eventually: Any) -> None:
    eventually(lambda: srcset(client, asset, widths="200")["placeholder"] is not None)
    answer = srcset(client, asset, widths="200")
    assert answer["placeholder"].startswith("data:image/png;base64,")
    assert answer["placeholder"] in Tags(answer["html"]).found[0][1]["style"]
    assert srcset(client, asset, widths="200", transformation="e_grayscale")["placeholder"] is None


def test_what_a_user_writes_cannot_leave_its_attribute(client: Client, photo: Path) -> None:
    asset = client.upload(photo, public_id="we\"ird/<b>&'").json()
    nasty = '"><script>alert(1)</script>'
    answer = srcset(client, asset, widths="50", alt=nasty, sizes=nasty)
    ((tag, image),) = Tags(answer["html"]).found
    assert (tag, image["alt"], image["sizes"]) == ("img", nasty, nasty)
    assert client.get(str(image["src"])).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"widths": "0"}, 422),
        ({"widths": "-5"}, 422),
        ({"widths": "wide"}, 422),
        ({"widths": "100,,200"}, 422),
        ({"widths": "99999"}, 422),
        ({"widths": ",".join(map(str, range(10, 31)))}, 422),
        ({"formats": "docx"}, 422),
        ({"formats": "auto,webp"}, 422),
        ({"formats": "tiff"}, 422),
        ({"alt": "x" * 1001}, 422),
        ({"sizes": "x" * 1001}, 422),
        ({"transformation": "zz_1"}, 400),
        ({"transformation": "t_nothing"}, 400),
        ({"transformation": "c_crop,w_10,h_10,x_5000"}, 400),
    ],
)
def test_what_is_wrong_is_said(client: Client, asset: dict[str, Any], asked: dict[str, str], status: int) -> None:
    response = client.call("GET", f"/media/{asset['id']}/srcset", params=asked)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_it_is_for_pictures_of_ones_own_that_pages_can_show(client: Client, photo: Path, tmp_path: Path) -> None:
    private = client.upload(photo, visibility="private").json()
    answer = client.call("GET", f"/media/{private['id']}/srcset")
    assert (answer.status_code, answer.json()["code"]) == (409, "private-asset")
    song = client.upload(media.song(tmp_path / "song.mp3", 1)).json()
    for method, path in (("GET", "srcset"), ("POST", "renditions")):
        refused = client.call(method, f"/media/{song['id']}/{path}", json={"preset": "thumb"})
        assert (refused.status_code, refused.json()["code"]) == (422, "not-a-picture")
        assert client.call(method, f"/media/{'0' * 26}/{path}", json={"bad": 1}).status_code == 404
        assert client.http.request(method, f"/media/{private['id']}/{path}").status_code == 401


def test_pictures_made_ahead_are_hits_for_every_browser(client: Client, photo: Path) -> None:
    asset = client.upload(photo).json()
    asked = {"widths": [150, 300]}
    response = client.call("POST", f"/media/{asset['id']}/renditions", json=asked)
    assert response.status_code == 202
    assert response.headers["location"] == f"/media/{asset['id']}/jobs/{response.json()['job_id']}"
    job = job_done(client, response.json())
    assert (job["status"], job["progress"], job["error"]) == ("completed", 100, None)
    made = pictures_of(client, asset)
    assert sorted(made) == sorted(
        f"c_limit,q_auto,w_{width}.{fmt}" for width in (150, 300) for fmt in ("avif", "webp", "jpg")
    )
    for url in srcset(client, asset, widths="150,300")["urls"]:
        for accept in (MODERN, "image/webp", OLD):
            assert client.get(url, accept=accept).status_code == 200
    assert pictures_of(client, asset) == made  # the visitors found them; nothing was made again
    again = client.call("POST", f"/media/{asset['id']}/renditions", json=asked).json()
    assert job_done(client, again)["status"] == "completed"
    assert pictures_of(client, asset) == made


def test_chains_and_presets_are_made_ahead(client: Client, photo: Path) -> None:
    asset = client.upload(photo).json()
    chains = ["w_60,f_png", "e_grayscale,w_70"]
    for body in ({"preset": "thumb"}, {"transformation": "w_50"}, {"transformations": chains}):
        answer = client.call("POST", f"/media/{asset['id']}/renditions", json=body)
        assert job_done(client, answer.json())["status"] == "completed"
    names = {"c_fill,g_auto,h_200,w_200.jpg", "w_50.jpg", "w_60.png", "e_grayscale,w_70.jpg"}
    assert set(pictures_of(client, asset)) == names


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ([], 422),
        ({"transformation": "w_10", "preset": "thumb"}, 422),
        ({"transformations": []}, 422),
        ({"transformations": ["w_10"] * 51}, 422),
        ({"formats": ["webp"]}, 422),
        ({"transformation": "w_10", "formats": ["webp"]}, 422),
        ({"widths": []}, 422),
        ({"widths": [0]}, 422),
        ({"widths": list(range(1, 30))}, 422),
        ({"widths": [10], "formats": ["exe"]}, 422),
        ({"preset": "thumb/w_10"}, 422),
        ({"recipe": "nothing"}, 400),
        ({"transformation": "zz_1"}, 400),
        ({"preset": "nothing"}, 400),
        ({"transformations": ["w_10", "c_crop,w_10,h_10,x_5000"]}, 400),
        ({"transformation": "sp_auto"}, 400),
        ({"transformation": "w_10/so_1"}, 400),
        ({"widths": [10], "transformation": "so_1"}, 400),
        ({"transformation": "l_nothing,w_10/fl_layer_apply"}, 404),
    ],
)
def test_nothing_begins_where_something_is_wrong(
    client: Client, asset: dict[str, Any], body: object, status: int
) -> None:
    before = pictures_of(client, asset)
    response = client.call("POST", f"/media/{asset['id']}/renditions", json=body)
    assert response.status_code == status, response.text
    assert pictures_of(client, asset) == before


@pytest.mark.parametrize("chain", ["so_1", "sp_auto", "w_10/so_1,f_auto", "l_text:Arial_20:Hi/fl_layer_apply/so_1"])
def test_pictures_have_nothing_that_only_videos_have(client: Client, asset: dict[str, Any], chain: str) -> None:
    ahead = client.call("POST", f"/media/{asset['id']}/renditions", json={"transformation": chain})
    visited = client.get(f"/main/image/upload/{chain}/{asset['public_id']}.jpg")
    for refused in (ahead, visited):
        assert refused.status_code == 400, refused.text
        assert "applies to video only" in refused.text


@pytest.mark.parametrize(
    ("chain", "accept", "content_type"),
    [
        ("if_w_gt_900/f_png/if_end", OLD, "image/png"),
        ("if_w_gt_2000/f_png/if_end", OLD, "image/jpeg"),
        ("w_50/if_w_gt_900/f_png/if_else/f_webp/if_end", OLD, "image/webp"),
        ("f_webp/if_w_gt_2000/f_png/if_end/w_50", OLD, "image/webp"),
        ("if_w_gt_900/f_auto/if_else/f_png/if_end/w_300", MODERN, "image/avif"),
        ("if_w_gt_900/f_auto/if_else/f_png/if_end/w_300", OLD, "image/jpeg"),
    ],
)
def test_a_format_counts_where_its_condition_holds(
    client: Client, asset: dict[str, Any], chain: str, accept: str, content_type: str
) -> None:
    url = f"/main/image/upload/{chain}/{asset['public_id']}.jpg"
    for _ in ("made", "from memory"):
        response = client.get(url, accept=accept)
        assert (response.status_code, response.headers["content-type"]) == (200, content_type)
        assert ("vary" in response.headers) is ("f_auto" in chain)


def test_a_picture_made_ahead_has_the_format_of_the_condition_that_holds(client: Client, photo: Path) -> None:
    asset = client.upload(photo).json()
    chain = "if_w_gt_2000/f_png/if_else/f_webp/if_end/w_52"
    answer = client.call("POST", f"/media/{asset['id']}/renditions", json={"transformation": chain})
    assert job_done(client, answer.json())["status"] == "completed"
    ((name, made),) = pictures_of(client, asset).items()
    assert made["content_type"] == "image/webp", name
    served = client.get(f"/main/image/upload/{chain}/{asset['public_id']}.jpg")
    assert served.headers["content-type"] == "image/webp"
    assert len(pictures_of(client, asset)) == 1


def test_jobs_belong_to_their_asset(client: Client, asset: dict[str, Any], photo: Path) -> None:
    other = client.upload(photo).json()
    job = client.call("POST", f"/media/{asset['id']}/renditions", json={"transformation": "w_20"}).json()
    for media_id, job_id in ((other["id"], job["job_id"]), (asset["id"], "0" * 26), (asset["id"], "nonsense")):
        assert client.call("GET", f"/media/{media_id}/jobs/{job_id}").status_code == 404


def test_where_signatures_are_asked_for_urls_are_signed(photo: Path, tmp_path: Path) -> None:
    with in_process(tmp_path / "data", delivery={"mode": "ladder"}) as client:
        asset = client.upload(photo, public_id="fo lder/ph~oto").json()
        on_ladder, off_ladder = srcset(client, asset, widths="320,321")["urls"]
        assert "/s--" not in on_ladder
        assert "/upload/s--" in off_ladder
        text = srcset(client, asset, widths="50", transformation="l_text:Arial_20:50%25%20off,g_north")["urls"]
        for url in (on_ladder, off_ladder, *text):
            assert client.get(url).status_code == 200, url


def test_the_urls_of_assets_work_as_they_stand_where_everything_is_signed(photo: Path, tmp_path: Path) -> None:
    with in_process(tmp_path / "data", worker=True, delivery={"mode": "signed"}) as client:
        uploaded = client.upload(photo, public_id="fo lder/ph~oto").json()
        chains = {"transformations": ["w_60,f_png", "l_text:Arial_20:50%25%20off,g_north"]}
        job = client.call("POST", f"/media/{uploaded['id']}/renditions", json=chains).json()
        assert job_done(client, job)["status"] == "completed"
        path = f"/media/{uploaded['id']}"
        asset = client.call("GET", path).json()
        (listed,) = client.call("GET", "/media").json()["items"]
        status = client.call("GET", f"{path}/status").json()
        urls = [some["url"] for some in (uploaded, asset, listed, status, *asset["renditions"])]
        assert len(urls) == 6
        for url in urls:
            assert client.get(url).status_code == 200, url
        bare = asset["url"]
        assert client.get(re.sub("s--[^/]*--/", "", bare)).status_code == 401
        clip = client.upload(media.video(tmp_path / "clip.mp4", "160x90", 1)).json()
        done = client.done(clip["id"])
        for name in ("url", "mp4_url", "hls_url", "dash_url", "poster_url"):
            assert client.get(done[name]).status_code == 200, name
        for rendition in done["renditions"]:
            assert "/s--" not in rendition["url"]  # sets need no signature
            assert client.get(rendition["url"]).status_code == 200


def test_the_cap_of_renditions_holds(photo: Path, tmp_path: Path) -> None:
    with in_process(tmp_path / "data", worker=True, delivery={"max_renditions_per_asset": 3}) as client:
        asset = client.upload(photo).json()
        path = f"/media/{asset['id']}/renditions"
        refused = client.call("POST", path, json={"transformations": ["w_1", "w_2", "w_3", "w_4"]})
        assert (refused.status_code, refused.json()["code"]) == (400, "too-many-renditions")
        made = client.call("POST", path, json={"transformations": ["w_1", "w_2", "w_3"]}).json()
        assert job_done(client, made)["status"] == "completed"
        assert len(pictures_of(client, asset)) == 3
