"""Posters for tests: briefs, pictures drawn by code, and what must hold for every layout."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from pipelines.steps.lay_out.poster import Job
from pipelines.steps.lay_out.templates import Template
from pipelines.steps.vocabulary import LABEL_TEXT, Brand, Label, Palette, Product

SIZES = {
    "portrait": (1080, 1440),
    "tall": (1080, 1920),
    "square": (1080, 1080),
    "landscape": (1920, 1080),
    "banner": (1600, 640),
}

PALETTES = {
    "light": Palette(
        background="#f6f2ea", surface="#e9e1d2", ink="#1d1a17", muted="#6b6258", accent="#b5391f", on_accent="#ffffff",
        swatches=("#b5391f", "#d9a15a"),
    ),
    "dark": Palette(
        background="#14100e", surface="#2a201b", ink="#fff7ea", muted="#c9b9a6", accent="#ffb347", on_accent="#1b1208",
        swatches=("#ffb347", "#0b1e3b"), dark=True,
    ),
    "vivid": Palette(
        background="#c8321a", surface="#e2552f", ink="#fff8ec", muted="#ffe3cd", accent="#ffd24a", on_accent="#3a1206",
        swatches=("#ffd24a", "#c8321a"), dark=True,
    ),
}  # fmt: skip

BRIEFS: dict[str, dict[str, Any]] = {
    "zh": {
        "headline": "30秒，唤醒清晨",
        "subhead": "低温慢萃12小时，一杯清醒，不负好时光",
        "brand": "星野",
        "product": "冷萃咖啡",
        "facts": ("0糖0脂", "30秒速溶", "低温慢萃12小时"),
        "price": "¥9.9",
        "offer": "首单立减5元",
        "call_to_action": "立即尝鲜",
    },
    "en": {
        "headline": "Slow brewed. Ready in seconds.",
        "subhead": "Twelve hours in cold water, thirty seconds to your cup.",
        "brand": "Hoshino",
        "product": "Cold brew coffee",
        "facts": ("Zero sugar, zero fat", "Dissolves in 30 seconds", "Steeped cold for 12 hours"),
        "price": "$9.90",
        "offer": "$5 off your first order",
        "call_to_action": "Try it today",
    },
}
LONG: dict[str, dict[str, Any]] = {
    "zh": {
        "headline": "从城市天文馆的穹顶之下出发，穿过四十六亿年的陨石与星尘，和真正的宇航员一起回望这颗小小的蓝色星球",
        "price": "¥1,299,999.00/套起",
        "offer": "首单立减5元，满三件再享八折，11月30日截止",
        "call_to_action": "立即预约周末双人体验名额",
        "facts": ("360°沉浸穹幕", "40件陨石真品", "周末宇航员对谈", "儿童免票", "讲解器免费借用", "全程无障碍"),
    },
    "en": {
        "headline": "From the dome of the planetarium to the far side of everything we have ever managed to photograph",
        "price": "From $1,299,999.00 a year",
        "offer": "Early bird for two: save $6 until 30 November",
        "call_to_action": "Reserve two seats for the weekend",
        "facts": (
            "360° dome",
            "40 real meteorites",
            "Meet an astronaut",
            "Children free",
            "Audio guide",
            "Step-free access",
        ),
    },
}


def make_job(template: Template, size: tuple[int, int], language: str = "zh", **changes: Any) -> Job:
    """A complete job; `changes` are fields of the brief, `url`, `position` of the label, or picture paths."""
    brief = {**BRIEFS[language], "url": "", "position": "bottom_right", **changes}
    return Job(
        template=template.path,
        width=size[0],
        height=size[1],
        safe=0.05,
        language=language,
        headline=brief["headline"],
        subhead=brief["subhead"],
        brand=Brand(name=brief["brand"]),
        product=Product(
            name=brief["product"], facts=brief["facts"], price=brief["price"], offer=brief["offer"], url=brief["url"]
        ),
        call_to_action=brief["call_to_action"],
        palette=brief.get("palette", PALETTES[template.palette]),
        label=Label(text=brief.get("label", LABEL_TEXT[language]), position=brief["position"]),
        seed=7,
        **{name: brief.get(name) for name in ("photo", "cutout", "backdrop", "logo")},
    )


def draw_pictures(folder: Path) -> dict[str, Path]:
    """A photograph with bright and dark parts, its subject cut out, and a logo."""
    y, x = np.mgrid[0:600, 0:900].astype(np.float32)
    sky = np.dstack([60 + 190 * x / 900, 90 + 120 * y / 600, 220 - 160 * x / 900]).astype(np.uint8)
    photo = Image.fromarray(sky)
    draw = ImageDraw.Draw(photo)
    draw.ellipse((300, 140, 620, 520), fill=(232, 214, 190), outline=(120, 60, 30), width=14)
    draw.rectangle((420, 20, 480, 160), fill=(20, 20, 26))
    cutout = Image.new("RGBA", (320, 380))
    ImageDraw.Draw(cutout).ellipse((4, 4, 316, 376), fill=(232, 214, 190, 255), outline=(120, 60, 30, 255), width=14)
    logo = Image.new("RGBA", (240, 120))
    ImageDraw.Draw(logo).rounded_rectangle((0, 0, 239, 119), 30, fill=(20, 120, 220, 255))
    paths = {name: folder / f"{name}.png" for name in ("photo", "cutout", "logo")}
    for name, image in (("photo", photo), ("cutout", cutout), ("logo", logo)):
        image.save(paths[name])
    return paths


def _overlap(a: dict[str, Any], b: dict[str, Any]) -> tuple[float, float]:
    return (
        min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"]),
        min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"]),
    )


def _holds(outer: dict[str, Any], inner: dict[str, Any], slack: float = 1.5) -> bool:
    return bool(
        inner["x"] >= outer["x"] - slack
        and inner["y"] >= outer["y"] - slack
        and inner["x"] + inner["w"] <= outer["x"] + outer["w"] + slack
        and inner["y"] + inner["h"] <= outer["y"] + outer["h"] + slack
    )


def layout_problems(elements: list[dict[str, Any]], job: Job) -> list[str]:
    """What breaks a rule: outside the safe margin, over another element, or too small to read."""
    short = min(job.width, job.height)
    margin = job.safe * short - 0.5
    found = []
    for e in elements:
        inside = e["x"] >= margin and e["y"] >= margin
        if not inside or e["x"] + e["w"] > job.width - margin or e["y"] + e["h"] > job.height - margin:
            found.append(f"{e['id']} leaves the safe area")
        if e["kind"] == "type" and e["size"] < 0.0115 * short:
            found.append(f"{e['id']} is {e['size']:.1f} px small")
    for a, b in combinations(elements, 2):
        wide, tall = _overlap(a, b)
        if wide <= 1 or tall <= 1:
            continue
        if "frame" in (a["kind"], b["kind"]) and (_holds(a, b) or _holds(b, a)):
            continue  # type in its button, button on its ticket
        if a.get("turn") and b.get("turn") and tall < 0.35 * min(a["h"], b["h"]):
            continue  # upright boxes around turned strips touch where the strips do not
        found.append(f"{a['id']} overlaps {b['id']} by {wide:.0f} x {tall:.0f} px")
    return found
