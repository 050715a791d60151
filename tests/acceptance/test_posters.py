"""Posters on real pictures, read back by a real reader and measured on their pixels.

Design:
- The photograph goes through the real preparing, palette and backdrop steps once; every template is then set in the
  formats of the channels, in Chinese and English.
- OCR reads the finished PNG cropped to where the boxes say a text stands: that proves the text and its box.
- Contrast is measured between the letters' own pixels and what surrounds them, in the finished PNG.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.catalog import Catalog
from models.image import backdrop, matting, upscaling
from models.settings import ASSETS
from pipelines.steps.choose_palette import ChoosePaletteRequest, choose_palette
from pipelines.steps.lay_out import templates
from pipelines.steps.lay_out.contrast import luminance, ratio
from pipelines.steps.lay_out.pictures import rgb
from pipelines.steps.lay_out.poster import Job, Poster, set_poster
from pipelines.steps.paint_backdrop import PaintBackdropRequest, paint_backdrop
from pipelines.steps.prepare_photo import PreparePhotoRequest, prepare_photo
from pipelines.steps.vocabulary import Palette
from tests.support.context import MemoryContext
from tests.support.ocr import plain, read_lines
from tests.support.posters import SIZES, layout_problems, make_job
from tests.support.readback import distance

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1200)]

TEMPLATES = {template.name: template for template in templates()}
READ = ("headline", "price", "call_to_action")
PICTURES = ("both", "photo", "cutout", "none")


@dataclass(frozen=True)
class Made:
    name: str
    job: Job
    poster: Poster
    pixels: np.ndarray[Any, Any]  # RGB

    def of(self, role: str) -> list[dict[str, Any]]:
        return [e for e in self.poster.boxes["elements"] if e["role"] == role and e["kind"] == "type"]


@pytest.fixture(scope="session")
def posters(tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    """Nine templates; each in three formats and a language each, the pictures taking turns."""
    folder = tmp_path_factory.mktemp("posters")
    catalog = Catalog()
    cards = {"matting": ("u2netp-modnet", matting), "upscaling": ("realesrgan", upscaling)}
    models: dict[str, Any] = {}
    for task, (card_id, module) in cards.items():
        card = catalog.get(card_id)
        models[task] = module.load(card, catalog.ready(card), options={**card.defaults, "threads": 2})
    models["backdrop"] = backdrop.BackdropPainter()
    context = MemoryContext(folder, models=models)
    source = context.put_bytes((ASSETS / "briefs/photos/coffee.png").read_bytes(), "image", ".png")
    prepared = prepare_photo(PreparePhotoRequest(photo=source), context)
    made = []
    formats = list(SIZES.items())
    for turn, (name, template) in enumerate(TEMPLATES.items()):
        palette = choose_palette(
            ChoosePaletteRequest(colours=("#0b1e3b", "#ffb347"), photo=prepared["photo"], mood=template.palette),
            context,
        )["palette"]
        for step, language in enumerate(("zh", "en", "zh")):
            title, size = formats[(turn + 2 * step) % len(formats)]
            pictures = PICTURES[(turn + step) % len(PICTURES)]
            changes: dict[str, Any] = {"palette": Palette.model_validate(context.read_json(palette))}
            if pictures in ("both", "photo"):
                changes["photo"] = context.path(prepared["photo"])
            if pictures in ("both", "cutout"):
                changes["cutout"] = context.path(prepared["cutout"])
            if template.backdrop is not None:
                wanted = PaintBackdropRequest(
                    palette=palette,
                    style=template.backdrop.style,
                    mood=template.backdrop.mood,
                    width=size[0],
                    height=size[1],
                )
                changes["backdrop"] = context.path(paint_backdrop(wanted, context)["backdrop"])
            job = make_job(template, size, language, **changes)
            case = f"{name}-{title}-{language}-{pictures}"
            poster = set_poster(job, folder / case)
            made.append(Made(case, job, poster, np.asarray(Image.open(io.BytesIO(poster.png)).convert("RGB"))))
    return made


def test_the_text_is_read_back(posters: list[Made]) -> None:
    wrong: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    notes = []
    for made in posters:
        for role in READ:
            marks = made.of(role)
            assert marks, f"{made.name} has no {role}"
            said = plain("".join(mark["text"] for mark in marks))
            seen = read_lines(made.pixels, marks)
            missed = distance(said, seen)
            wrong[role] += missed
            total[role] += len(said)
            if missed:
                notes.append(f"{made.name} {role}: {said!r} read as {seen!r}")
    share = 1 - sum(wrong.values()) / sum(total.values())
    assert share >= 0.98, (share, dict(wrong), notes)
    assert all(1 - wrong[role] / count >= 0.96 for role, count in total.items()), notes


def test_letters_stand_out_from_what_is_around_them(posters: list[Made]) -> None:
    """Pixels of the letters (near the ink's colour) against the other pixels of the box, in the finished poster."""
    weak = []
    for made in posters:
        for mark in made.poster.boxes["elements"]:
            if mark["kind"] != "type" or mark.get("turn") or len(mark["ink"]) != 1:
                continue
            box = made.pixels[
                int(mark["y"]) : int(mark["y"] + mark["h"]) + 1, int(mark["x"]) : int(mark["x"] + mark["w"]) + 1
            ]
            pixels = box.reshape(-1, 3).astype(np.float32)
            away = np.abs(pixels - rgb(mark["ink"][0])).max(1)
            letters, around = pixels[away < 24], pixels[away > 90]
            if len(letters) < 12 or len(around) < 12:
                weak.append(f"{made.name} {mark['id']}: no letters or no ground to be seen")
                continue
            # Half-covered edge pixels lie between ink and ground: the ground is the farther half.
            ground = around[np.argsort(np.abs(around - rgb(mark["ink"][0])).sum(1))[len(around) // 2 :]]
            worst = float(np.percentile(ratio(luminance(ground), float(np.median(luminance(letters)))), 2))
            if worst < 4.5:
                weak.append(f"{made.name} {mark['id']}: {worst:.2f}")
    assert weak == []


def test_rules_of_the_layout_hold(posters: list[Made]) -> None:
    for made in posters:
        elements = made.poster.boxes["elements"]
        assert layout_problems(elements, made.job) == [], made.name
        assert made.pixels.shape[:2] == (made.job.height, made.job.width)
        weak = {e["id"]: e["contrast"] for e in elements if e["contrast"] is not None and e["contrast"] < 4.5}
        assert weak == {}, made.name


def test_the_label_is_as_tall_as_asked(posters: list[Made]) -> None:
    """Rows of the finished poster that hold ink of the label, at least 5 % of the shortest side."""
    for made in posters:
        (mark,) = made.of("label")
        rows = made.pixels[
            int(mark["y"]) - 2 : int(mark["y"] + mark["h"]) + 3, int(mark["x"]) : int(mark["x"] + mark["w"]) + 1
        ]
        away = np.abs(rows.astype(np.float32) - rgb(mark["ink"][0])).max(2)
        inked = np.flatnonzero((away < 60).any(1))
        assert inked[-1] - inked[0] + 1 >= 0.05 * min(made.job.width, made.job.height), made.name


def test_a_code_can_be_scanned(tmp_path: Path) -> None:
    import zxingcpp

    url = "https://example.com/shop/cold-brew?from=poster"
    for name, template in TEMPLATES.items():
        for size in ("portrait", "banner"):
            poster = set_poster(make_job(template, SIZES[size], url=url), tmp_path / f"{name}-{size}")
            found = zxingcpp.read_barcodes(Image.open(io.BytesIO(poster.png)).convert("RGB"))
            assert [code.text for code in found] == [url], (name, size)
