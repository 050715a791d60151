"""Palettes: always readable, always the brand's; and the two steps that choose and paint."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.image.backdrop import BackdropPainter
from models.image.painter.colour import contrast, lab_from_hex, lch
from models.settings import ASSETS
from pipelines.steps.choose_palette import ChoosePaletteRequest, choose_palette
from pipelines.steps.colour import READABLE, choose, ink_on, photo_colours, readable
from pipelines.steps.paint_backdrop import PaintBackdropRequest, paint_backdrop
from pipelines.steps.vocabulary import Palette
from tests.support.context import MemoryContext

HEX = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)
COLOURS = st.lists(HEX, max_size=5).map(tuple)
MOODS = st.sampled_from(["light", "dark", "vivid"])
PHOTOS = ASSETS / "briefs/photos"


def turn(one: str, other: str) -> float:
    """Angle between the hues of two colours, degrees."""
    gap = lch(lab_from_hex(one))[2] - lch(lab_from_hex(other))[2]
    return abs(math.degrees((gap + math.pi) % (2 * math.pi) - math.pi))


@given(COLOURS, COLOURS, MOODS, st.integers(0, 9))
@settings(max_examples=300)
def test_every_text_pair_is_readable(brand: tuple[str, ...], photo: tuple[str, ...], mood: str, seed: int) -> None:
    palette = choose(brand, photo, mood, seed=seed)  # type: ignore[arg-type]
    assert contrast(palette.ink, palette.background) >= READABLE
    assert contrast(palette.ink, palette.surface) >= READABLE
    assert contrast(palette.muted, palette.background) >= READABLE
    assert contrast(palette.muted, palette.surface) >= READABLE
    assert contrast(palette.on_accent, palette.accent) >= READABLE
    assert palette.dark == (lab_from_hex(palette.ink)[0] > lab_from_hex(palette.background)[0])
    if mood == "light":
        assert not palette.dark
    if mood == "dark":
        assert palette.dark


@given(st.lists(HEX, min_size=1, max_size=5).map(tuple), MOODS)
@settings(max_examples=200)
def test_the_accent_is_the_brands(brand: tuple[str, ...], mood: str) -> None:
    palette = choose(brand, (), mood)  # type: ignore[arg-type]
    colourful = [value for value in brand if lch(lab_from_hex(value))[1] >= 0.04]
    if colourful and lch(lab_from_hex(palette.accent))[1] > 0.02:
        assert min(turn(palette.accent, value) for value in colourful) < 6
    assert palette.swatches[0] == brand[0].lower()


@given(COLOURS, MOODS)
def test_the_accent_stands_off_the_background(brand: tuple[str, ...], mood: str) -> None:
    palette = choose(brand, (), mood)  # type: ignore[arg-type]
    assert contrast(palette.accent, palette.background) >= 1.35


@given(HEX, HEX)
def test_readable_keeps_the_hue(wanted: str, background: str) -> None:
    value = readable(wanted, background)
    assert contrast(value, background) >= READABLE
    if lch(lab_from_hex(value))[1] > 0.03 and lch(lab_from_hex(wanted))[1] > 0.03:
        assert turn(value, wanted) < 8


@given(HEX, st.floats(-3, 3), st.floats(0, 0.2))
def test_ink_reads_on_anything(background: str, hue: float, chroma: float) -> None:
    assert contrast(ink_on(background, hue=hue, chroma=chroma), background) >= READABLE


def test_brand_colours_are_used_as_they_are() -> None:
    dark = choose(("#0b1e3b", "#ffb347"), (), "dark")
    assert (dark.background, dark.accent) == ("#0b1e3b", "#ffb347")
    light = choose(("#0b1e3b", "#ffb347"), (), "light")
    assert light.accent == "#ffb347"
    assert lab_from_hex(light.background)[0] > 0.94


def test_a_grey_brand_takes_its_accent_from_the_photograph() -> None:
    palette = choose(("#222222", "#eeeeee"), ("#c2402a", "#553322"), "light")
    assert turn(palette.accent, "#c2402a") < 3


def test_colours_of_a_photograph() -> None:
    coffee = photo_colours(PHOTOS / "coffee.png")
    assert turn(coffee[0], "#b03a1c") < 25, "the red of the cup comes first"
    rocket = photo_colours(PHOTOS / "rocket.png")
    assert any(turn(value, "#203060") < 30 for value in rocket), "the blue of the sky is there"
    assert photo_colours(PHOTOS / "coffee.png") == coffee


def test_clear_pixels_have_no_colour(tmp_path: Path) -> None:
    image = Image.new("RGBA", (60, 60), (0, 255, 0, 0))
    image.paste((200, 30, 30, 255), (20, 20, 40, 40))
    image.save(tmp_path / "a.png")
    assert photo_colours(tmp_path / "a.png") == ("#c81e1e",)
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    assert photo_colours(tmp_path / "b.png") == ()


def test_steps(tmp_path: Path) -> None:
    context = MemoryContext(tmp_path, models={"backdrop": BackdropPainter()})
    photo = context.add_file(PHOTOS / "coffee.png", "image")
    request = ChoosePaletteRequest(colours=("#0b1e3b", "#ffb347"), photo=photo, mood="dark")
    chosen = choose_palette(request, context)["palette"]
    assert choose_palette(request, context)["palette"] == chosen
    palette = Palette.model_validate(context.read_json(chosen))
    assert len(palette.swatches) > 2
    painted = paint_backdrop(
        PaintBackdropRequest(palette=chosen, style="waves", width=216, height=288, mood="dark", seed=2**40), context
    )["backdrop"]
    with Image.open(context.path(painted)) as image:
        assert image.size == (216, 288)
        pixels = np.asarray(image)[:120:7, ::9].reshape(-1, 3)
    worst = min(contrast(palette.ink, "#{:02x}{:02x}{:02x}".format(*pixel)) for pixel in pixels)
    assert worst >= READABLE


@pytest.mark.parametrize("mood", ["light", "dark", "vivid"])
@pytest.mark.parametrize(
    "brand", [("#0b1e3b", "#ffb347"), ("#c8102e",), ("#6c3bff", "#ff4d8d"), ("#ffd400", "#111111")]
)
def test_ink_of_the_palette_reads_on_its_backdrops(tmp_path: Path, brand: tuple[str, ...], mood: str) -> None:
    context = MemoryContext(tmp_path, models={"backdrop": BackdropPainter()})
    chosen = choose_palette(ChoosePaletteRequest(colours=brand, mood=mood), context)["palette"]
    ink = context.read_json(chosen)["ink"]
    for style in ("gradient", "mesh", "light_leak", "bokeh", "waves", "paper", "studio_floor"):
        request = PaintBackdropRequest(palette=chosen, style=style, width=180, height=240, mood=mood, seed=5, grain=0)
        with Image.open(context.path(paint_backdrop(request, context)["backdrop"])) as image:
            pixels = np.asarray(image)[:100:5, 10:-10:7].reshape(-1, 3)
        ratios = sorted(contrast(ink, "#{:02x}{:02x}{:02x}".format(*pixel)) for pixel in pixels)
        assert ratios[len(ratios) // 50] >= 3.0, (style, ratios[0])
        assert np.median(ratios) >= READABLE, style
