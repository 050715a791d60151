"""The backdrop painter: calm where type goes, no bands, the same picture at any size, colours the palette asked for."""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.image.backdrop import BackdropPainter
from models.image.base import BackdropRequest, BackdropStyle
from models.image.painter import colour
from models.image.painter.scene import make_scheme, noise

STYLES = get_args(BackdropStyle)
MOODS = ("light", "dark", "vivid")
HEX = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


def paint(style: str, mood: str, **more: object) -> np.ndarray:
    values = {"palette": ("#0b1e3b", "#ffb347"), "width": 270, "height": 360, "seed": 4, **more}
    return np.asarray(BackdropPainter().paint(BackdropRequest(style=style, mood=mood, **values)))


@pytest.mark.parametrize("mood", MOODS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_upper_part_is_calm(style: str, mood: str, seed: int) -> None:
    """Nothing sharp and no swing of light where the headline goes."""
    picture = paint(style, mood, seed=seed, grain=0.0).astype(np.float32)
    upper = picture[: int(0.45 * len(picture)), 20:-20].mean(axis=2)
    smooth = cv2.GaussianBlur(upper, (0, 0), 4)
    assert np.abs(upper - smooth).mean() < 1.6
    assert np.percentile(smooth, 98) - np.percentile(smooth, 2) < 80


@pytest.mark.parametrize(
    "palette", [("#0b1e3b", "#ffb347"), ("#1f7a5c", "#f4e8d0", "#e4572e"), ("#c8102e",), ("#f2f2f2",)]
)
@pytest.mark.parametrize("style", STYLES)
def test_type_can_be_read_on_it(style: str, palette: tuple[str, ...]) -> None:
    for mood, ink in (("light", "#14161a"), ("dark", "#ffffff")):
        picture = cv2.GaussianBlur(paint(style, mood, palette=palette, seed=2), (0, 0), 2)
        upper = picture[: int(0.45 * len(picture))].reshape(-1, 3)[::97]
        worst = min(colour.contrast(ink, "#{:02x}{:02x}{:02x}".format(*pixel)) for pixel in upper)
        assert worst >= 4.5


@pytest.mark.parametrize("grain", [0.0, 0.5])
@pytest.mark.parametrize("style", ["gradient", "mesh", "studio_floor"])
def test_no_bands(style: str, grain: float) -> None:
    """A band is a long run of one value; dither breaks runs up even without grain."""
    green = paint(style, "dark", grain=grain, width=400)[:, :, 1]
    changes = np.diff(green.astype(int), axis=1) != 0
    assert changes.mean() > 0.2


@pytest.mark.parametrize("style", ["gradient", "mesh", "light_leak", "waves", "studio_floor"])
def test_same_picture_at_twice_the_size(style: str) -> None:
    small = paint(style, "vivid", grain=0.0).astype(np.float32)
    large = paint(style, "vivid", grain=0.0, width=540, height=720)
    again = cv2.resize(large, (270, 360), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert np.abs(small - again).mean() < 3


def test_larger_than_it_paints() -> None:
    assert paint("waves", "light", width=3000, height=1000).shape == (1000, 3000, 3)


def test_seeds_give_different_gestures() -> None:
    for style in STYLES:
        one, other = (paint(style, "vivid", seed=seed, grain=0.0).astype(np.float32) for seed in (10, 11))
        assert np.abs(one - other).mean() > 1


@given(st.lists(HEX, min_size=1, max_size=8), st.sampled_from(MOODS))
@settings(max_examples=120)
def test_scheme_of_any_palette(palette: list[str], mood: str) -> None:
    scheme = make_scheme(tuple(palette), mood)  # type: ignore[arg-type]
    for lab in (scheme.base, scheme.deep, scheme.lift, scheme.accent, scheme.second, scheme.bleed, scheme.glow):
        linear = colour.linear_from_lab(lab)
        assert np.isfinite(linear).all()
        assert linear.min() > -0.01
        assert linear.max() < 1.01
    assert len(scheme.tints) >= 4
    if mood == "light":
        assert scheme.base[0] > 0.85
    if mood == "dark":
        assert scheme.base[0] < 0.35


@given(HEX)
def test_hex_survives_oklab(value: str) -> None:
    assert colour.hex_from_lab(colour.lab_from_hex(value)) == value


@given(HEX, HEX, st.floats(0, 1))
def test_mix_stays_in_gamut_and_between(one: str, other: str, share: float) -> None:
    a, b = colour.lab_from_hex(one), colour.lab_from_hex(other)
    mixed = colour.mix(a, b, share)
    assert min(a[0], b[0]) - 1e-3 <= mixed[0] <= max(a[0], b[0]) + 1e-3
    linear = colour.linear_from_lab(mixed)
    assert linear.min() > -0.01
    assert linear.max() < 1.01


def test_encode_table_agrees_with_the_formula() -> None:
    values = np.linspace(0, 1, 9001, dtype=np.float32)
    exact = colour.encode(values[:4000])
    table = colour.encode(values)[:4000]
    assert np.abs(exact - table)[40:].max() < 1 / 255 / 4


def test_contrast_is_wcags() -> None:
    assert colour.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colour.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_noise_is_centred_and_bounded() -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 200, dtype=np.float32), np.linspace(0, 1.3, 260, dtype=np.float32))
    field = noise(x, y, np.random.default_rng(1), cells=6, octaves=3)
    assert abs(float(field.mean())) < 0.35
    assert 0.2 < float(field.std()) < 1.5
