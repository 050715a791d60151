"""The JSON API and the page, without workers: what is asked, answered and refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from starlette.testclient import TestClient

from models.settings import ASSETS, Settings
from studio.api.kits import zip_chunks, zip_name
from studio.api.service import Service
from studio.api.waves import peaks, vtt
from studio.app import create_app


class Idle(Service):
    """A service whose workers are never started: jobs stay queued."""

    def start(self) -> None:
        """Nothing runs."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), cache=Settings.from_env().cache, fakes=True, offline=True)
    app = create_app(settings, service=Idle(settings))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def brief(**changes: Any) -> dict[str, Any]:
    sample: dict[str, Any] = yaml.safe_load((ASSETS / "briefs" / "coffee.zh.yaml").read_text("utf-8"))
    sample["video"].pop("voice")
    return {**sample, **changes}


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "#b93a16").save(buffer, kind)
    return buffer.getvalue()


def submit(api: TestClient, **order: Any) -> str:
    answer = api.post("/api/jobs", json={"brief": brief(), **order})
    assert answer.status_code == 201, answer.text
    job: str = answer.json()["job"]
    return job


# -- page -------------------------------------------------------------------------------------------------------------


def test_the_page_loads_our_style_and_nothing_from_elsewhere(api: TestClient) -> None:
    page = api.get("/").text
    head, _, _ = page.partition("</head>")
    assert '<script src="studio/boot.js?v=' in head
    assert '<link rel="stylesheet" href="studio/studio.css?v=' in head
    config = json.loads(page.partition("window.gradio_config = ")[2].partition(";</script>")[0])
    assert config["analytics_enabled"] is False
    assert not config["footer_links"]
    assert all(item.get("api_visibility") != "public" for item in config["dependencies"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("studio.css", "text/css"),
        ("boot.js", "text/javascript"),
        ("app.js", "text/javascript"),
        ("icon.svg", "image/svg"),
    ],
)
def test_our_files_are_served_for_ever(api: TestClient, name: str, kind: str) -> None:
    answer = api.get(f"/studio/{name}")
    assert answer.headers["content-type"].startswith(kind)
    assert "immutable" in answer.headers["cache-control"]


def test_modules_import_one_another_by_version(api: TestClient) -> None:
    text = api.get("/studio/app.js").text
    assert 'from "./form.js?v=' in text
    assert '.js";' not in text


@pytest.mark.parametrize("name", ["..%2f..%2fpyproject.toml", "%2e%2e", "nothing.css", "fonts/none.otf"])
def test_other_files_are_not(api: TestClient, name: str) -> None:
    assert api.get(f"/studio/{name}").status_code == 404


def test_strings_and_fonts(api: TestClient) -> None:
    assert set(api.get("/studio/strings.json").json()) == {"zh-CN", "en"}
    assert api.get("/studio/fonts/serif-sc.otf").headers["content-type"] == "font/otf"


# -- recipes and briefs -----------------------------------------------------------------------------------------------


def test_health_recipes_schema_samples(api: TestClient) -> None:
    assert api.get("/api/health").json()["status"] == "ok"
    recipe = next(item for item in api.get("/api/recipes").json()["recipes"] if item["name"] == "campaign")
    assert recipe["parts"] == ["copy", "posters", "voice", "video"]
    assert "product" in api.get("/api/recipes/campaign/schema").json()["properties"]
    samples = api.get("/api/recipes/campaign/samples").json()["samples"]
    assert {sample["language"] for sample in samples} == {"zh", "en"}
    for sample in samples:
        answer = api.get(f"/{sample['photo']}")
        assert answer.headers["content-type"] == "image/webp"


def test_checking_names_every_field_in_both_languages(api: TestClient) -> None:
    draft = brief(channels=["nowhere"], call_to_action="")
    found = api.post("/api/briefs/check", json={"brief": draft}).json()["problems"]
    problems = {item["field"]: item["message"] for item in found}
    assert set(problems) == {"channels", "call_to_action"}
    assert all(set(message) >= {"zh", "en"} for message in problems.values())
    assert api.post("/api/briefs/check", json={"brief": brief()}).json() == {"problems": []}


@pytest.mark.parametrize("photo", ["/etc/hostname", "../journal.sqlite", "sample:none", "nothing.png"])
def test_a_photo_outside_the_workspace_is_refused(api: TestClient, photo: str) -> None:
    draft = brief()
    draft["product"]["photo"] = photo
    answer = api.post("/api/jobs", json={"brief": draft})
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["error"]["problems"]] == ["product.photo"]


def test_arguments_that_are_wrong_are_named(api: TestClient) -> None:
    assert "seed" in api.post("/api/jobs", json={"brief": brief(), "seed": -1}).json()["error"]["message"]
    assert "sed" in api.post("/api/jobs", json={"brief": brief(), "sed": 1}).json()["error"]["message"]
    answer = api.post("/api/jobs", json={"brief": brief(), "only": ["songs"]})
    assert answer.status_code == 400
    assert "songs" in answer.json()["error"]["message"]
    assert api.post("/api/jobs", json={"recipe": "opera", "brief": brief()}).status_code == 400


# -- jobs -------------------------------------------------------------------------------------------------------------


def test_a_queued_job_shows_what_will_come(api: TestClient) -> None:
    job = submit(api, seed=41)
    view = api.get(f"/api/jobs/{job}").json()
    assert (view["state"], view["seed"], view["title"], view["only"]) == ("queued", 41, "星野 · 冷萃咖啡", [])
    assert [copy["state"] for copy in view["copies"]] == ["waiting"] * 3
    assert len(view["posters"]) == 9
    assert all(poster["png"] == "" and poster["state"] == "waiting" for poster in view["posters"])
    stages = [stage["id"] for stage in view["progress"]["stages"]]
    assert stages == ["copy", "pictures", "posters", "voice", "video", "kit"]
    assert view["progress"]["seconds_left"] > 0
    assert view["brief"]["product"]["photo"] == "sample:coffee"
    assert not view["kit"]["ready"]


def test_a_job_that_did_not_change_costs_an_empty_answer(api: TestClient) -> None:
    job = submit(api, only=["copy"])
    api.post(f"/api/jobs/{job}/cancel")
    first = api.get(f"/api/jobs/{job}")
    assert api.get(f"/api/jobs/{job}", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_parts_that_were_not_asked_for_are_not_shown(api: TestClient) -> None:
    view = api.get(f"/api/jobs/{submit(api, only=['copy'])}").json()
    assert view["only"] == ["copy"]
    assert view["posters"] == view["voices"] == view["videos"] == []


def test_a_seed_nobody_chose_is_told(api: TestClient) -> None:
    assert isinstance(api.get(f"/api/jobs/{submit(api, only=['copy'])}").json()["seed"], int)


def test_cancel_retry_remove_and_versions(api: TestClient) -> None:
    first, second = submit(api, only=["copy"]), submit(api, only=["copy"])
    rows = {row["id"]: row for row in api.get("/api/jobs").json()["jobs"]}
    assert rows[second]["version"] == rows[first]["version"] + 1
    assert {first, second} <= set(api.get("/api/jobs/running").json()["running"])
    assert api.delete(f"/api/jobs/{first}").status_code == 409
    assert api.post(f"/api/jobs/{first}/retry").status_code == 409
    api.post(f"/api/jobs/{first}/cancel")
    assert api.get(f"/api/jobs/{first}").json()["state"] == "cancelled"
    api.post(f"/api/jobs/{first}/retry")
    assert api.get(f"/api/jobs/{first}").json()["state"] == "queued"
    api.post(f"/api/jobs/{first}/cancel")
    assert api.delete(f"/api/jobs/{first}").status_code == 200
    assert api.get(f"/api/jobs/{first}").status_code == 404


def test_events_of_an_ended_job_end(api: TestClient) -> None:
    job = submit(api, only=["copy"])
    api.post(f"/api/jobs/{job}/cancel")
    text = api.get(f"/api/jobs/{job}/events").text
    assert text.startswith("id: 1\nevent: job\n")
    assert '"state": "cancelled"' in text
    assert text.endswith("event: end\ndata: {}\n\n")
    last = max(int(line[4:]) for line in text.splitlines() if line.startswith("id: "))
    assert api.get(f"/api/jobs/{job}/events", headers={"last-event-id": str(last)}).text == "event: end\ndata: {}\n\n"


@pytest.mark.parametrize(
    "path", ["", "/events", "/kit.zip", "/kit/index.html", "/works?ref=poster.1.x.png", "/captions.vtt?ref=a.b"]
)
def test_jobs_that_are_not_there(api: TestClient, path: str) -> None:
    answer = api.get(f"/api/jobs/none{path}")
    assert answer.status_code == 404
    assert "none" in answer.json()["error"]["message"]


def test_works_that_are_not_made_yet(api: TestClient) -> None:
    job = submit(api)
    assert api.get(f"/api/jobs/{job}/kit.zip").status_code == 409
    assert api.get(f"/api/jobs/{job}/kit/posters/none.png").status_code == 404
    assert api.get(f"/api/jobs/{job}/kit/../../journal.sqlite").status_code == 404
    assert api.get(f"/api/jobs/{job}/works", params={"ref": "../../journal.sqlite"}).status_code == 404


# -- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_kept_once_and_can_be_named_in_a_brief(api: TestClient, kind: str) -> None:
    params = {"name": "../../我的 照片.png"}
    answers = [api.post("/api/files", params=params, content=picture(kind)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    name = answers[0]["name"]
    assert "/" not in name
    assert ".." not in name
    assert "我的-照片" in name
    assert (answers[0]["width"], answers[0]["height"]) == (64, 48)
    assert api.get(f"/api/files/{name}").headers["content-type"] == "image/webp"
    draft = brief()
    draft["product"]["photo"] = name
    assert api.post("/api/briefs/check", json={"brief": draft}).json() == {"problems": []}


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture()[:60], picture(size=(8, 8)), b"GIF89a"],
    ids=["empty", "text", "svg", "cut short", "tiny", "gif"],
)
def test_what_is_no_sound_picture_is_refused(api: TestClient, data: bytes) -> None:
    answer = api.post("/api/files", params={"name": "x.png"}, content=data)
    assert answer.status_code == 422
    assert set(answer.json()["error"]["message"]) >= {"zh", "en"}


def test_too_large_a_file_is_refused(api: TestClient) -> None:
    assert api.post("/api/files", params={"name": "x.png"}, content=bytes(20_000_001)).status_code == 422


@pytest.mark.parametrize(
    "name", ["..%2Fjournal.sqlite", "journal.sqlite", "sample:none", "0123456789ab-x.png", "sample:..%2Fcoffee"]
)
def test_pictures_that_are_not_there(api: TestClient, name: str) -> None:
    assert api.get(f"/api/files/{name}").status_code in {400, 404}


# -- models -----------------------------------------------------------------------------------------------------------


def test_models_say_what_runs_each_task(api: TestClient) -> None:
    report = api.get("/api/models").json()
    assert report["machine"]["cores"] >= 1
    tasks = {task["task"]: task for task in report["tasks"]}
    assert tasks["speech"]["chosen"]["fake"]
    assert set(tasks["speech"]["why"]) == {"zh", "en"}
    cards = [card for task in report["tasks"] for card in task["cards"]]
    assert all({"zh", "en"} <= set(card["title"]) for card in cards)
    assert all(set(card["reason"]) == {"zh", "en"} for card in cards)
    untold = {
        card["reason"]["en"] for card in cards if card["reason"]["en"] and card["reason"]["zh"] == card["reason"]["en"]
    }
    assert not untold  # every reason of the catalog is said in Chinese too


# -- small conversions ------------------------------------------------------------------------------------------------


def test_srt_becomes_vtt_with_its_words_escaped() -> None:
    srt = "1\r\n00:00:00,690 --> 00:00:02,830\r\n出门 <b>& 走\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n两\r\n行\r\n"
    assert vtt(srt) == (
        "WEBVTT\n\n00:00:00.690 --> 00:00:02.830\n出门 &lt;b&gt;&amp; 走\n\n00:00:03.000 --> 00:00:04.000\n两\n行\n"
    )


def test_peaks_follow_the_sound(tmp_path: Path) -> None:
    import wave
    from array import array

    samples = array("h", [0] * 4800 + [16000] * 4800)
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 48000, 0, "NONE", ""))
        sound.writeframes(samples.tobytes())
    found = peaks(path, 4)
    assert found == [0.0, 0.0, 1.0, 1.0]
    (tmp_path / "y.mp3").write_bytes(b"ID3")
    assert peaks(tmp_path / "y.mp3") == []


def test_a_folder_is_packed_while_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "上班族.md").write_text("文案", "utf-8")
    (tmp_path / "film.mp4").write_bytes(bytes(range(256)) * 9000)
    chunks = list(zip_chunks(tmp_path))
    assert len(chunks) > 2
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None
        assert archive.read("copy/上班族.md").decode() == "文案"
        assert archive.getinfo("film.mp4").compress_type == zipfile.ZIP_STORED
    assert zip_name("星野 · 冷萃/咖啡", "20261122-050829-c7be851b") == "星野-冷萃-咖啡-20261122-050829.zip"
