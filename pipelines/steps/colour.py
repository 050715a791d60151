"""Choosing colours: a palette from brand and photograph whose text can be read.

Design:
- All choosing happens in OKLCH, where "a little darker, same hue" means what it says; all promises are in WCAG
  contrast, which is what accessibility law asks for.
- The accent is the brand's own colour: its hue is never turned and its lightness moves only to stand off the
  background. With grey brands the photograph gives the accent.
- Contrast is made, not hoped for: ink is tinted where it can be, black or white where it must be (one of the two
  always reaches 4.58:1), and muted text goes as near to the background as 4.5:1 allows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array, contrast, from_lch, hex_from_lab, lab_from_hex, lch, mix
from pipelines.steps.vocabulary import Palette

Mood = Literal["light", "dark", "vivid"]

READABLE = 4.5  # WCAG AA for text
GREY = 0.03  # OKLCH chroma under which a colour has no hue to speak of
APART = 1.4  # contrast at which a shape of the accent stands off the background
NEUTRAL = ("#22252b", "#8a8f98", "#f3f1ec")  # a brand without colours and without a photograph


def choose(colours: tuple[str, ...], photo: tuple[str, ...], mood: Mood, *, seed: int = 0) -> Palette:
    """A palette from the brand's colours and the photograph's, each most important first."""
    brand = [lab_from_hex(value) for value in colours]
    seen = [lab_from_hex(value) for value in photo]
    first, accent = _leads(brand, seen)
    _, first_c, first_h = lch(first)
    _, accent_c, accent_h = lch(accent)
    if first_c < GREY:
        first_h = accent_h
    background = _background(brand, first, accent, mood, warm=seed % 2 == 0)
    own = hex_from_lab(background)
    ink = ink_on(own, hue=first_h, chroma=min(first_c, 0.035))
    accent_hex = hex_from_lab(_stand_off(accent, own))
    surface = _surface(background, ink, mood)
    dark = colour.luminance(ink) > colour.luminance(own)
    return Palette(
        background=own,
        surface=surface,
        ink=ink,
        muted=_muted(ink, own, surface),
        accent=accent_hex,
        on_accent=ink_on(accent_hex, hue=accent_h, chroma=min(accent_c, 0.04)),
        swatches=_swatches(colours, photo, accent_hex),
        dark=dark,
    )


def _leads(brand: list[Array], seen: list[Array]) -> tuple[Array, Array]:
    """The leading colour and the accent."""
    colours = brand or seen or [lab_from_hex(value) for value in NEUTRAL]
    pool = brand if any(lch(c)[1] >= GREY for c in brand) else [*brand, *seen] or colours
    # Most colourful, brighter before darker, earlier before later: amber rather than navy, for navy can lead.
    accent = max(enumerate(pool), key=lambda item: lch(item[1])[1] * (0.5 + lch(item[1])[0]) - 0.004 * item[0])[1]
    return colours[0], accent


def _background(brand: list[Array], first: Array, accent: Array, mood: Mood, *, warm: bool) -> Array:
    _, first_c, first_h = lch(first)
    accent_h = lch(accent)[2]
    if mood == "light":
        for own in brand:
            if lch(own)[0] >= 0.94 and lch(own)[1] < 0.04:
                return own  # the brand has a paper colour of its own
        return from_lch(0.962, 0.014, accent_h if warm or first_c < GREY else first_h)
    if mood == "dark":
        for own in brand:
            if 0.12 <= lch(own)[0] <= 0.30:
                return own
        hue = first_h if first_c >= GREY else accent_h
        return from_lch(0.19, min(0.5 * max(first_c, lch(accent)[1] * 0.5), 0.045), hue)
    lead = first if first_c >= GREY else accent
    lead_l, lead_c, lead_h = lch(lead)
    lightness = float(np.clip(lead_l, 0.70, 0.86)) if lead_l >= 0.64 else float(np.clip(lead_l, 0.34, 0.55))
    return from_lch(lightness, max(lead_c, 0.05 if lead_c >= GREY else 0.0), lead_h)


def ink_on(background: str, *, hue: float, chroma: float) -> str:
    """Text colour for `background` ("#rrggbb"), contrast >= 4.5, tinted by `hue` when that still reads well."""
    light, dark = hex_from_lab(from_lch(0.985, chroma * 0.3, hue)), hex_from_lab(from_lch(0.20, chroma, hue))
    on_light, on_dark = contrast(dark, background), contrast(light, background)
    # Designers set white on a strong colour as long as it can be read, black only when it cannot.
    tinted = light if on_dark >= READABLE + 0.1 and on_dark > 0.55 * on_light else dark
    if contrast(tinted, background) >= READABLE:
        return tinted
    return max(("#ffffff", "#000000"), key=lambda value: contrast(value, background))


def readable(wanted: str, background: str, *, ratio: float = READABLE) -> str:
    """`wanted` moved in lightness, hue kept, until it has `ratio` on `background`; black or white if nothing else."""
    if contrast(wanted, background) >= ratio:
        return wanted
    lightness, chroma, hue = lch(lab_from_hex(wanted))
    options = []
    for direction in (1.0, -1.0):
        for step in np.arange(0.02, 1.0, 0.02):
            level = lightness + direction * step
            if not 0.0 <= level <= 1.0:
                break
            value = hex_from_lab(from_lch(level, chroma, hue))
            if contrast(value, background) >= ratio:
                options.append((step, value))
                break
    if options:
        return min(options)[1]
    return max(("#ffffff", "#000000"), key=lambda value: contrast(value, background))


def _stand_off(accent: Array, background: str) -> Array:
    """The accent, moved in lightness as little as needed to be seen on the background."""
    lightness, chroma, hue = lch(accent)
    if contrast(hex_from_lab(accent), background) >= APART:
        return accent
    ground = lch(lab_from_hex(background))[0]
    direction = 1.0 if ground < 0.62 else -1.0
    for step in np.arange(0.02, 0.8, 0.02):
        moved = from_lch(float(np.clip(lightness + direction * step, 0.0, 0.97)), chroma, hue)
        if contrast(hex_from_lab(moved), background) >= APART:
            return moved
    return from_lch(0.95 if direction > 0 else 0.3, chroma, hue)


def _surface(background: Array, ink: str, mood: Mood) -> str:
    """A card's colour: one step above the background, with the same ink readable on it."""
    lightness, chroma, hue = lch(background)
    step = {"light": 0.028, "dark": 0.065, "vivid": 0.06}[mood]
    away = -1.0 if colour.luminance(ink) > 0.5 and mood == "vivid" else 1.0
    for share in (1.0, 0.6, 0.3, 0.0):
        value = hex_from_lab(
            from_lch(min(lightness + away * step * share, 0.995), chroma * (0.6 if mood == "light" else 1), hue)
        )
        if contrast(ink, value) >= READABLE:
            return value
    return hex_from_lab(background)


def _muted(ink: str, background: str, surface: str) -> str:
    """Secondary text: the ink taken towards the background as far as it reads on background and surface."""
    one, other = lab_from_hex(ink), lab_from_hex(background)
    for share in np.arange(0.42, 0.0, -0.03):
        value = hex_from_lab(mix(one, other, float(share), around=0.0))
        if min(contrast(value, background), contrast(value, surface)) >= READABLE + 0.1:
            return value
    return ink


def _swatches(brand: tuple[str, ...], photo: tuple[str, ...], accent: str) -> tuple[str, ...]:
    """Brand first, then the photograph's colours that differ from what is there; at most six."""
    chosen: list[str] = []
    for value in [*(c.lower() for c in brand), *(photo if len(brand) < 4 else ()), accent]:
        lab = lab_from_hex(value)
        if len(chosen) < 6 and all(float(np.linalg.norm(lab - lab_from_hex(c))) > 0.07 for c in chosen):
            chosen.append(value)
    return tuple(chosen)


def photo_colours(path: Path, *, count: int = 6) -> tuple[str, ...]:
    """The `count` colours a person would name in a picture, most striking first (k-means in OKLab)."""
    from PIL import Image

    with Image.open(path) as opened:
        small = opened.convert("RGBA")
        small.thumbnail((96, 96))
    pixels = np.asarray(small, dtype=np.float32).reshape(-1, 4) / 255.0
    visible = pixels[pixels[:, 3] > 0.5][:, :3]
    if not len(visible):
        return ()
    lab = colour.lab_from_linear(colour.decode(visible))  # (n, 3)
    centres, sizes = _cluster(lab, count)
    chroma = np.hypot(centres[:, 1], centres[:, 2])
    striking = np.sqrt(sizes) * (0.03 + chroma) * (1.0 - np.abs(centres[:, 0] - 0.58))
    order = np.argsort(-striking, kind="stable")
    return tuple(hex_from_lab(centres[index]) for index in order if sizes[index] > 0.004)


def _cluster(points: Array, count: int) -> tuple[Array, Array]:
    """k-means from farthest-first seeds, so that chance has no part: centres (k, 3), shares of the points (k,)."""
    centres = [points.mean(axis=0)]
    gap = np.linalg.norm(points - centres[0], axis=1)
    for _ in range(count - 1):
        far = int(np.argmax(gap))
        if gap[far] < 0.02:
            break
        centres.append(points[far])
        gap = np.minimum(gap, np.linalg.norm(points - points[far], axis=1))
    means = np.array(centres, np.float32)
    owner = np.zeros(len(points), int)
    for _ in range(12):
        owner = np.argmin(np.linalg.norm(points[:, None] - means[None], axis=2), axis=1)
        means = np.array(
            [points[owner == k].mean(axis=0) if np.any(owner == k) else means[k] for k in range(len(means))], np.float32
        )
    return means, (np.bincount(owner, minlength=len(means)) / len(points)).astype(np.float32)
