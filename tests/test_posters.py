"""The poster step: layouts hold their rules, texts are data, outputs are what they say."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from models.errors import BadInput, Cancelled, StepFailed
from pipelines.steps.lay_out import LayOutRequest, lay_out, templates
from pipelines.steps.lay_out.poster import layout_of, set_poster
from pipelines.steps.lay_out.templates import Template
from pipelines.steps.vocabulary import Brand, Label, Product
from pipelines.steps.write_copy.document import AudienceCopy
from tests.support.context import MemoryContext
from tests.support.posters import BRIEFS, LONG, PALETTES, SIZES, draw_pictures, layout_problems, make_job

TEMPLATES = {template.name: template for template in templates()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def text_of(layout: dict[str, Any], role: str) -> str:
    return "".join(mark["text"] for mark in layout["marks"] if mark["role"] == role)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_leaves_the_margin_or_overlaps(name: str, size: str, tmp_path: Path, pictures: dict[str, Path]) -> None:
    both = {"photo": pictures["photo"], "cutout": pictures["cutout"]}
    cases = {
        "zh": ("zh", both),
        "en, no picture, label top left": ("en", {"position": "top_left"}),
        "zh, everything": ("zh", {**LONG["zh"], **pictures, "url": "https://example.com/a", "position": "top_right"}),
        "en, everything": ("en", {**LONG["en"], **pictures, "url": "https://example.com/a", "position": "bottom_left"}),
    }
    for case, (language, changes) in cases.items():
        job = make_job(TEMPLATES[name], SIZES[size], language, **changes)
        folder = tmp_path / case.replace(" ", "")
        layout = layout_of(job, folder)
        assert layout_problems(layout["marks"], job) == [], case
        assert text_of(layout, "price") == job.product.price
        assert text_of(layout, "call_to_action") == job.call_to_action
        assert len({m["id"] for m in layout["marks"] if m["role"] == "fact"}) >= len(job.product.facts)
        if job.product.url:
            assert any(mark["role"] == "qr" for mark in layout["marks"]), case


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("headline", ["燃", "Go", "好", "¥9.9起"])
def test_a_short_headline_and_nothing_else(name: str, headline: str, tmp_path: Path) -> None:
    bare = {"subhead": "", "facts": (), "price": "", "offer": "", "call_to_action": "", "label": ""}
    job = make_job(TEMPLATES[name], (1080, 1440), "zh", headline=headline, **bare)
    layout = layout_of(job, tmp_path)
    assert layout_problems(layout["marks"], job) == []
    assert text_of(layout, "headline") == headline
    assert max(m["size"] for m in layout["marks"] if m["role"] == "headline") > 60


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(
    "text", ["#panic()", "*x* _y_", "$1+1$", '`#read("/etc/passwd")`', "@label <b> // c", "\\u{1F}", "#{while true {}}"]
)
def test_texts_are_never_source(name: str, text: str, tmp_path: Path) -> None:
    job = make_job(TEMPLATES[name], (1080, 1080), "en", headline=text, subhead=text, facts=(text,), offer=text)
    layout = layout_of(job, tmp_path)
    assert text_of(layout, "headline").replace(" ", "") == text.replace(" ", "")
    assert text_of(layout, "fact").replace(" ", "") == text.replace(" ", "")


def test_what_no_font_draws_is_left_out_and_told(tmp_path: Path) -> None:
    poster = set_poster(make_job(TEMPLATES["swiss"], (640, 640), headline="好咖啡☕️🎉 come"), tmp_path / "a")
    told = poster.boxes["dropped"]["headline"]
    assert "🎉" in told
    shown = "".join(e["text"] for e in poster.boxes["elements"] if e["role"] == "headline")
    assert "🎉" not in shown
    assert "come" in shown
    with pytest.raises(BadInput, match="headline"):
        layout_of(make_job(TEMPLATES["swiss"], (640, 640), headline="🎉🎉"), tmp_path / "b")


@pytest.mark.parametrize(("width", "height"), [(1080, 1440), (999, 333), (320, 701)])
def test_outputs_are_what_they_say(width: int, height: int, tmp_path: Path, pictures: dict[str, Path]) -> None:
    import pikepdf

    poster = set_poster(make_job(TEMPLATES["hero"], (width, height), photo=pictures["photo"]), tmp_path)
    assert Image.open(io.BytesIO(poster.png)).size == (width, height)
    root = ElementTree.fromstring(poster.svg)
    assert root.tag.endswith("svg")
    assert float(re.sub("[^0-9.]", "", root.attrib["width"])) == width
    with pikepdf.open(io.BytesIO(poster.pdf)) as pdf:
        assert len(pdf.pages) == 1
        assert [float(v) for v in pdf.pages[0].mediabox][2:] == [width, height]
        assert embedded_fonts(pdf)
        assert all(embedded_fonts(pdf).values()), embedded_fonts(pdf)


def embedded_fonts(pdf: Any) -> dict[str, bool]:
    """Font name -> whether its programme is in the file."""
    found = {}
    for font in pdf.pages[0].resources.get("/Font", {}).values():
        inner = font.DescendantFonts[0] if "/DescendantFonts" in font else font
        descriptor = inner.get("/FontDescriptor", {})
        found[str(font.BaseFont)] = any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
    return found


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_line_reads_on_a_hostile_picture(name: str, tmp_path: Path, pictures: dict[str, Path]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    Image.fromarray(noise).resize((1600, 1200), Image.Resampling.NEAREST).save(tmp_path / "noise.png")
    hostile = {"photo": tmp_path / "noise.png", "backdrop": tmp_path / "noise.png"}
    poster = set_poster(make_job(TEMPLATES[name], (810, 1080), **hostile), tmp_path / "p")
    weak = {e["id"]: e["contrast"] for e in poster.boxes["elements"] if e["contrast"] and e["contrast"] < 4.5}
    assert weak == {}


def request_for(context: MemoryContext, template: Template, **changes: Any) -> LayOutRequest:
    brief = BRIEFS["zh"]
    copy = AudienceCopy(
        audience="上班族", language="zh", headline=brief["headline"], subhead=brief["subhead"], body="",
        hashtags=(), script=(),
    )  # fmt: skip
    values = {
        "template": template.name,
        "template_sha256": template.sha256,
        "width": 540,
        "height": 720,
        "language": "zh",
        "audience_copy": context.put_json(copy.model_dump(mode="json")),
        "brand": Brand(name=brief["brand"]),
        "product": Product(name=brief["product"], facts=brief["facts"], price=brief["price"]),
        "call_to_action": brief["call_to_action"],
        "palette": context.put_json(PALETTES[template.palette].model_dump(mode="json")),
        "label": Label(text="AI生成"),
        "seed": 3,
        **changes,
    }
    return LayOutRequest(**values)


def test_the_step_gives_the_same_bytes_twice(tmp_path: Path, pictures: dict[str, Path]) -> None:
    made = []
    for run in ("a", "b"):
        context = MemoryContext(tmp_path / run)
        photo = context.put_bytes(pictures["photo"].read_bytes(), "image", ".png")
        outputs = lay_out(request_for(context, TEMPLATES["tech"], photo=photo), context)
        assert set(outputs) == {"png", "pdf", "svg", "boxes"}
        assert outputs["png"].facts["width"] == 540
        made.append({name: artifact.sha256 for name, artifact in outputs.items()})
    assert made[0] == made[1]


def test_a_poor_cutout_is_left_out(tmp_path: Path, pictures: dict[str, Path]) -> None:
    made = {}
    for quality in ("good", "poor", ""):
        context = MemoryContext(tmp_path / f"q{quality}")
        cutout = context.put_bytes(pictures["cutout"].read_bytes(), "image", ".png", facts={"quality": quality})
        request = request_for(context, TEMPLATES["minimal"], cutout=cutout if quality else None)
        made[quality] = lay_out(request, context)["png"].sha256
    assert made["poor"] == made[""]
    assert made["poor"] != made["good"]


def test_the_step_refuses_an_edited_template_and_stops_when_asked(tmp_path: Path) -> None:
    context = MemoryContext(tmp_path)
    with pytest.raises(BadInput, match="edited"):
        lay_out(request_for(context, TEMPLATES["tech"], template_sha256="0" * 64), context)
    context.token.cancel()
    with pytest.raises(Cancelled):
        lay_out(request_for(context, TEMPLATES["tech"]), context)


def test_a_broken_template_is_one_clear_line(tmp_path: Path) -> None:
    header = '// ---\n// name: broken\n// title: {en: Broken}\n// ---\n#import "lib/poster.typ": *\n'
    path = tmp_path / "broken.typ"
    bodies = ("#poster(p => unknown)", "#poster(p => (", '#read("/etc/passwd")', '#read("../../secret")', "= Text")
    for number, body in enumerate(bodies):
        path.write_text(header + body, encoding="utf-8")
        job = make_job(TEMPLATES["swiss"].model_copy(update={"path": path}), (640, 640))
        with pytest.raises(StepFailed, match=r"broken\.typ") as caught:
            layout_of(job, tmp_path / str(number))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("position", ["bottom_right", "bottom_left", "top_right", "top_left"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_label_is_where_it_was_asked_for(name: str, position: str, tmp_path: Path) -> None:
    for size in SIZES.values():
        job = make_job(TEMPLATES[name], size, position=position)
        label = next(m for m in layout_of(job, tmp_path / str(size))["marks"] if m["role"] == "label")
        assert (label["y"] + label["h"] / 2 > size[1] / 2) == position.startswith("bottom")
        assert (label["x"] + label["w"] / 2 > size[0] / 2) == position.endswith("right")
        assert label["h"] >= 0.05 * min(size)
