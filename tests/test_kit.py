"""The kit: what is written, what is said of each file, and what is never touched."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.card import Card
from models.errors import BadInput, DiskFull
from pipelines.engine.artifacts import Artifact
from pipelines.engine.plan import Plan, PlanStep
from pipelines.export.kit import KitSource, StepRun, licence_verdict, write_kit
from pipelines.export.labels import AigcLabel, write_label


def card(card_id: str, commercial: str = "yes") -> Card:
    return Card.model_validate(
        {
            "id": card_id,
            "task": "text",
            "adapter": "fake-text",
            "title": {"zh": card_id, "en": card_id},
            "sources": [{"kind": "builtin"}],
            "licence": {"id": "Apache-2.0", "commercial_use": commercial, "commercial_output": commercial},
            "memory": {"resident": 1},
        }
    )


class Shelf:
    """Artifacts in a folder, and a plan of three steps over them."""

    def __init__(self, folder: Path, headline: str = "三十秒，<醒来>") -> None:
        self.folder = folder
        self.outputs: dict[str, Artifact] = {}
        raw = folder / "raw.png"
        Image.new("RGB", (40, 60), "#204060").save(raw)
        write_label(raw, folder / "poster.png", AigcLabel(ContentProducer="p", ProduceID="i"))
        self.put("label.poster.work", (folder / "poster.png").read_bytes(), "image", ".png")
        self.put("poster.png", raw.read_bytes(), "image", ".png")
        copy = {"audience": "上班族", "headline": headline, "subhead": "副题", "body": "正文", "hashtags": ["咖啡"]}
        copy |= {
            "script": ["一句。"],
            "state": "needs_review",
            "flags": [{"field": "body", "reason": {"zh": "短", "en": "short"}}],
        }
        self.put("copy.1.copy", json.dumps(copy).encode(), "json", ".json")
        steps = (
            PlanStep(id="copy.1", step="write_copy", version=1, params={}, models={"text": "m-text"}),
            PlanStep(id="poster", step="lay_out", version=1, params={"copy": {"$ref": "copy.1.copy"}}),
            PlanStep(id="label.poster", step="label_work", version=1, params={"work": {"$ref": "poster.png"}}),
        )
        audience = {
            "name": "上班族",
            "slug": "01",
            "copy": "copy.1.copy",
            "deck": "",
            "posters": [
                {
                    "channel": "c",
                    "title": "小红书",
                    "width": 40,
                    "height": 60,
                    "paths": ["posters/a.png"],
                    "preview": "poster.png",
                }
            ],
            "voice": None,
            "video": None,
        }
        brief = {
            "brand": {"name": "星野"},
            "product": {"name": "冷萃", "facts": ["0糖"], "price": "¥9.9", "offer": ""},
            "call_to_action": "立即尝鲜",
        }
        self.plan = Plan(
            recipe="campaign",
            title="t",
            steps=steps,
            deliver={"posters/a.png": "label.poster.work"},
            meta={"language": "zh", "brief": brief, "audiences": [audience]},
        )

    def put(self, ref: str, data: bytes, kind: Any, suffix: str) -> None:
        sha = hashlib.sha256(data).hexdigest()
        (self.folder / sha).write_bytes(data)
        self.outputs[ref] = Artifact(sha256=sha, kind=kind, suffix=suffix, bytes=len(data))

    def source(self) -> KitSource:
        return KitSource(
            plan=self.plan,
            job="j1",
            made="2026-11-22T00:00:00+00:00",
            output=self.outputs.__getitem__,
            path=lambda artifact: self.folder / artifact.sha256,
            runs={"poster": StepRun(1.25, False), "label.poster": StepRun(0.1, False), "copy.1": StepRun(9, True)},
            card=card,
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "store").mkdir()
    return Shelf(tmp_path / "store")


def test_each_file_is_described(shelf: Shelf, tmp_path: Path) -> None:
    kit = write_kit(shelf.source(), tmp_path / "kit")
    on_disk = json.loads((tmp_path / "kit" / "kit.json").read_text("utf-8"))
    assert on_disk == kit
    (entry,) = kit["files"]
    data = (tmp_path / "kit" / "posters" / "a.png").read_bytes()
    assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert entry["bytes"] == len(data)
    assert entry["step"] == "lay_out"  # not the labelling
    assert entry["models"] == ["m-text"]  # the copy it rests on
    assert entry["seconds"] == 1.25
    assert entry["licence"]["commercial"] == "yes"
    assert entry["label"] == {"aigc": True, "id": "i"}
    assert kit["needs_review"][0]["audience"] == "上班族"
    assert kit["steps"] == {"run": 2, "cached": 1}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.urls += [value for key, value in attrs if key in {"src", "href", "poster"} and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_escaped(shelf: Shelf, tmp_path: Path) -> None:
    write_kit(shelf.source(), tmp_path / "kit")
    html = (tmp_path / "kit" / "index.html").read_text("utf-8")
    page = _Links()
    page.feed(html)
    assert "<醒来>" not in html  # escaped in the source …
    assert "三十秒，<醒来>" in page.text  # … and shown as written
    assert not [url for url in page.urls if url.startswith(("http:", "https:", "//"))]
    for url in page.urls:
        if not url.startswith(("data:", "#")):
            assert (tmp_path / "kit" / url).is_file(), url
    assert "short" not in page.text  # flags in the kit's language
    assert "短" in page.text


def test_writing_again_removes_only_what_an_earlier_kit_named(shelf: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "kit"
    write_kit(shelf.source(), out)
    (out / "notes.txt").write_text("mine")
    shelf.plan = shelf.plan.model_copy(update={"deliver": {"posters/b.png": "label.poster.work"}})
    shelf.plan.meta["audiences"][0]["posters"][0]["paths"] = ["posters/b.png"]
    write_kit(shelf.source(), out)
    assert not (out / "posters" / "a.png").exists()
    assert (out / "posters" / "b.png").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_with_other_things_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match="other things"):
        write_kit(shelf.source(), tmp_path / "home")
    with pytest.raises(BadInput, match="is a file"):
        write_kit(shelf.source(), tmp_path / "home" / "thesis.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "store"]


def test_a_full_disk_leaves_the_earlier_kit(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "kit"
    write_kit(shelf.source(), out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFull):
        write_kit(shelf.source(), out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob(".kit*"))


def test_a_malicious_kit_json_cannot_delete_outside(shelf: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "kit"
    out.mkdir()
    (tmp_path / "precious").write_text("keep")
    (out / "kit.json").write_text(json.dumps({"files": [{"path": "../precious"}]}))
    write_kit(shelf.source(), out)
    assert (tmp_path / "precious").read_text() == "keep"


@pytest.mark.parametrize(
    ("kinds", "verdict"),
    [
        (["yes"], "yes"),
        (["yes", "no"], "no"),
        (["yes", "conditional"], "conditional"),
        (["unknown", "conditional"], "unknown"),
        ([], "yes"),
    ],
)
def test_the_most_restrictive_licence_wins(kinds: list[str], verdict: str) -> None:
    cards = [card(f"c{index}", kind) for index, kind in enumerate(kinds)]
    assert licence_verdict(cards)["commercial"] == verdict
