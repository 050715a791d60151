"""One poster, from its request to PNG, PDF, SVG and the boxes of everything on it.

Design: passes over one Typst source.
1. The texts are cleaned and broken, and the layout is read back: where type stands, which pictures are wanted.
2. The pictures are made for their slots.
3. The poster is set bare at half size, contrast is measured behind every line of type, and scrims and inks are
   corrected until each reads.
4. PNG, PDF and SVG come from the same data.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.control import Control
from models.errors import BadInput
from pipelines.steps.lay_out import contrast
from pipelines.steps.lay_out.breaks import is_cjk, typeset
from pipelines.steps.lay_out.cutouts import cut_sides, cutout_slot
from pipelines.steps.lay_out.fonts import clean
from pipelines.steps.lay_out.pictures import F32, U8, Sources, blend, finish, photo_slot, rgb
from pipelines.steps.lay_out.typesetter import Typesetter
from pipelines.steps.vocabulary import Brand, Label, Palette, Product

BARE_SCALE = 0.5
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
MOST_FACTS = 6

_PRICE = re.compile(r"^(?P<prefix>[^\d]{0,16}?)\s*(?P<figure>\d[\d,]*(?:\.\d+)?)\s*(?P<suffix>[^\d]{0,16})$")
_SYMBOLS = set("¥￥$€£₩₹")


@dataclass(frozen=True)
class Job:
    """All that decides a poster; paths are of readable picture files or None."""

    template: Path
    width: int  # px
    height: int  # px
    safe: float  # margin kept free, fraction of the shortest side
    language: str
    headline: str
    subhead: str
    brand: Brand
    product: Product
    call_to_action: str
    palette: Palette
    label: Label
    seed: int
    photo: Path | None = None
    cutout: Path | None = None
    backdrop: Path | None = None
    logo: Path | None = None


@dataclass(frozen=True)
class Poster:
    """A finished poster. `boxes` lists every element with role, text, place in px and measured contrast."""

    png: bytes
    pdf: bytes
    svg: bytes
    boxes: dict[str, Any] = field(repr=False)


def layout_of(job: Job, folder: Path) -> dict[str, Any]:
    """Where everything of a poster would stand, {"marks": [...], "slots": [...]}, without pictures or output."""
    setter = Typesetter(folder / "root", job.template)
    return setter.layout(_data(job, _sources(job), setter.root, {}))


def _sources(job: Job) -> Sources:
    return Sources(
        photo_file=job.photo,
        cutout_file=job.cutout,
        backdrop_file=job.backdrop,
        colours=(job.palette.background, job.palette.surface, job.palette.accent),
        dark=job.palette.dark,
        seed=job.seed,
    )


def set_poster(job: Job, folder: Path, *, control: Control | None = None) -> Poster:
    """Set a poster in `folder`, an empty folder of its own."""
    control = control or Control()
    setter = Typesetter(folder / "root", job.template)
    dropped: dict[str, str] = {}
    sources = _sources(job)
    data = _data(job, sources, setter.root, dropped)
    control.progress(0.05, "layout")
    layout = setter.layout(data)
    control.check()

    made: dict[str, U8] = {}
    for slot in layout["slots"]:
        control.check()
        made[slot["name"]] = _make(slot, sources)
    _save(layout["slots"], made, {}, sources, setter.root, data)
    control.progress(0.3, "contrast")

    worst = _correct(layout, made, sources, setter, data)
    control.check()
    control.progress(0.55, "png")
    png = setter.render(data, "png")
    control.check()
    control.progress(0.75, "pdf")
    pdf = setter.render(data, "pdf")
    control.check()
    control.progress(0.9, "svg")
    svg = setter.render(data, "svg")
    boxes = {
        "width": job.width,
        "height": job.height,
        "safe": job.safe,
        "template": job.template.stem,
        "elements": [{**_rounded(mark), "contrast": worst.get(mark["id"])} for mark in layout["marks"]],
        "pictures": [_rounded(slot) for slot in layout["slots"]],
        "dropped": dropped,
    }
    return Poster(png=png, pdf=pdf, svg=svg, boxes=boxes)


# ------------------------------------------------------------------ data


def _data(job: Job, sources: Sources, root: Path, dropped: dict[str, str]) -> dict[str, Any]:
    def words(name: str, text: str) -> dict[str, Any] | None:
        kept, lost = clean(text)
        if lost:
            dropped[name] = lost
        return typeset(kept) if kept else None

    headline = words("headline", job.headline)
    brand = words("brand", job.brand.name) or words("product", job.product.name)
    if headline is None or brand is None:
        name = "headline" if headline is None else "brand.name"
        raise BadInput(f"{name}: nothing in it can be set on a poster.", hint="Use letters the fonts have (zh, en).")
    facts = [words(f"facts.{i}", fact) for i, fact in enumerate(job.product.facts[:MOST_FACTS])]
    files, aspect = {}, {"logo": 1.0, "photo": 1.5, "cutout": 1.0}
    for name, path in (("photo", job.photo), ("cutout", job.cutout), ("logo", job.logo)):
        if path is not None:
            aspect[name] = _aspect(path)
    if job.logo is not None:
        files["logo"] = _logo(job.logo, root)
    if job.product.url:
        files["qr"] = _qr(job.product.url, root)
    return {
        "width": job.width,
        "height": job.height,
        "safe": job.safe,
        "language": job.language,
        "seed": job.seed,
        "title": job.headline,
        "colours": job.palette.model_dump(mode="json"),
        "texts": {
            "headline": headline,
            "subhead": words("subhead", job.subhead),
            "brand": brand,
            "product": words("product", job.product.name),
            "price": _price(words("price", job.product.price)),
            "offer": words("offer", job.product.offer),
            "call_to_action": words("call_to_action", job.call_to_action),
            "facts": [fact for fact in facts if fact is not None],
            "label": words("label", job.label.text),
        },
        "label": {
            "position": job.label.position,
            "height": job.label.min_fraction * min(job.width, job.height) + 1.0,
        },
        "has": {
            "photo": job.photo is not None,
            "cutout": job.cutout is not None,
            "backdrop": job.backdrop is not None,
            "logo": job.logo is not None,
            "qr": bool(job.product.url),
        },
        "aspect": aspect,
        "cut": [] if sources.cutout is None else cut_sides(sources.cutout),
        "files": files,
        "pictures": {},
        "inks": {},
        "bare": False,
    }


def _price(words: dict[str, Any] | None) -> dict[str, Any] | None:
    """A price in three parts: what comes before the figure, the figure, what follows it."""
    if words is None:
        return None
    text = words["text"]
    found = _PRICE.match(text)
    parts = found.groupdict() if found else {"prefix": "", "figure": text, "suffix": ""}
    cjk = any(map(is_cjk, text.replace("￥", "¥")))
    return {
        "text": text,
        **parts,
        "prefix": parts["prefix"].replace("￥", "¥"),
        "symbol": bool(parts["prefix"]) and parts["prefix"] in _SYMBOLS,
        "cjk": cjk,
        "desc": bool(set("gjpqy,/") & set(text)),
    }


def _aspect(path: Path) -> float:
    from PIL import Image

    with Image.open(path) as image:
        return image.width / max(image.height, 1)


def _logo(path: Path, root: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        picture = image.convert("RGBA")
        picture.thumbnail((800, 800))
        picture.save(root / "logo.png")
    return "/logo.png"


def _qr(url: str, root: Path) -> str:
    import segno

    buffer = io.BytesIO()
    segno.make(url, error="l", micro=False, boost_error=False).save(
        buffer, kind="svg", border=0, scale=10, dark="#000", light=None
    )
    (root / "qr.svg").write_bytes(buffer.getvalue())
    return "/qr.svg"


# ------------------------------------------------------------------ pictures


def _make(slot: dict[str, Any], sources: Sources) -> U8:
    width, height = max(round(slot["w"]), 2), max(round(slot["h"]), 2)
    if slot["kind"] == "cutout" and sources.cutout_file is not None:
        return cutout_slot(width, height, round(slot["spill"]), slot["options"], sources)
    return photo_slot(width, height, slot["options"], sources, kind=slot["kind"])


def _save(
    slots: list[dict[str, Any]],
    made: dict[str, U8],
    veils: dict[str, list[tuple[F32, F32]]],
    sources: Sources,
    root: Path,
    data: dict[str, Any],
) -> None:
    """Write the pictures of the slots (all, or those that have a veil) for Typst to read."""
    for slot in slots:
        name = slot["name"]
        if veils and name not in veils:
            continue
        image = made[name]
        if not (slot["kind"] == "cutout" and sources.cutout_file is not None):
            for field_, colour in veils.get(name, []):
                image = blend(image, colour, field_)
            image = finish(image, slot["options"], sources)
        turn = 1 if veils else 0
        if image.shape[2] == 4:
            file = f"{name}-{turn}.png"
            ok, coded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        else:
            file = f"{name}-{turn}.jpg"
            ok, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), JPEG)
        assert ok
        (root / file).write_bytes(coded.tobytes())
        data["pictures"][name] = f"/{file}"


# ------------------------------------------------------------------ contrast


def _correct(
    layout: dict[str, Any], made: dict[str, U8], sources: Sources, setter: Typesetter, data: dict[str, Any]
) -> dict[str, float]:
    """Lay scrims and change inks until every line reads; the lowest contrast of each mark."""
    bare = _bare(setter, data)
    marks = [mark for mark in layout["marks"] if mark["kind"] == "type" and mark["ink"]]
    grounds = [s for s in layout["slots"] if s["kind"] != "cutout" and s["options"].get("scrim")]
    needs: dict[str, list[tuple[dict[str, Any], float]]] = {}
    for mark in marks:
        # Turned type stands on a strip of its own: its ink is corrected, not the picture far behind.
        if mark.get("turn") or contrast.measured(bare, mark, BARE_SCALE) >= contrast.AIM:
            continue
        slot = next((s for s in grounds if _inside(mark, s)), None)
        if slot is None:
            continue
        veil = _veil_colour(slot, sources)
        alpha = contrast.needed_veil(bare, mark, BARE_SCALE, veil)
        if alpha < 0.9:
            needs.setdefault(slot["name"], []).append((mark, alpha))
    if needs:
        veils: dict[str, list[tuple[F32, F32]]] = {}
        for slot in grounds:
            group = needs.get(slot["name"], [])
            if group:
                field_ = contrast.veil_field(group, slot, reach=0.085 * min(data["width"], data["height"]))
                veils[slot["name"]] = [(field_, _veil_colour(slot, sources))]
        _save(layout["slots"], made, veils, sources, setter.root, data)
        bare = _bare(setter, data)
    worst: dict[str, float] = {}
    for mark in marks:
        found = contrast.measured(bare, mark, BARE_SCALE)
        if found < contrast.LEAST * 1.04:
            ink = contrast.readable_ink(bare, mark, BARE_SCALE)
            data["inks"][mark["id"]] = ink
            mark["ink"] = [ink]
            found = contrast.measured(bare, mark, BARE_SCALE)
        worst[mark["id"]] = round(found, 2)
    return worst


def _veil_colour(slot: dict[str, Any], sources: Sources) -> F32:
    """One tone a poster, or a veil for one line would spoil its neighbour: the dark ground's own dark, else light."""
    ground = rgb(slot["options"].get("shade_colour", sources.colours[0]))
    level = float(contrast.luminance(ground))
    if sources.dark:
        return ground if level < 0.03 else ground * 0.12
    return ground if level > 0.75 else 255 - (255 - ground) * 0.12


def _inside(mark: dict[str, Any], slot: dict[str, Any]) -> bool:
    x, y = mark["x"] + mark["w"] / 2, mark["y"] + mark["h"] / 2
    return bool(slot["x"] <= x <= slot["x"] + slot["w"] and slot["y"] <= y <= slot["y"] + slot["h"])


def _bare(setter: Typesetter, data: dict[str, Any]) -> U8:
    png = setter.render({**data, "bare": True}, "png", scale=BARE_SCALE)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _rounded(item: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in item.items()}
