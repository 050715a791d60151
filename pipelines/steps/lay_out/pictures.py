"""Pictures for the slots of a poster: cropped, graded, lit and shadowed for exactly one place.

Design:
- A slot says its size in px and options; a picture is made at that size, so Typst never scales.
- A photograph is graded towards the palette (split tone by one look-up table a channel), then shaded and grained.
  Everything smooth (vignette, shade, scrim) is made at an eighth of the size and blended once.
- Arrays are uint8 RGB(A), (height, width, channels), unless said otherwise; colours are "#rrggbb".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Sources:
    """What there is to work with, read when first needed; None where the brief has no such picture."""

    photo_file: Path | None = None
    cutout_file: Path | None = None
    backdrop_file: Path | None = None
    colours: tuple[str, ...] = ("#20242c", "#e8e2d6", "#c9573a")  # palette: ground, surface, accent first
    dark: bool = False
    seed: int = 0

    @cached_property
    def photo(self) -> U8 | None:
        return read(self.photo_file) if self.photo_file else None

    @cached_property
    def cutout(self) -> U8 | None:
        """RGBA."""
        return read(self.cutout_file, alpha=True) if self.cutout_file else None

    @cached_property
    def backdrop(self) -> U8 | None:
        return read(self.backdrop_file) if self.backdrop_file else None


def rgb(colour: str) -> F32:
    """(3,) in 0..255."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def read(path: Path, *, alpha: bool = False) -> U8:
    """A picture file as RGB or RGBA."""
    from PIL import Image

    flags = cv2.IMREAD_UNCHANGED if alpha else cv2.IMREAD_COLOR
    found = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    if found is not None and found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == (4 if alpha else 3):
        return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA if alpha else cv2.COLOR_BGR2RGB), np.uint8)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA" if alpha else "RGB")).copy()


# ------------------------------------------------------------------ crop


def _interest(image: U8) -> tuple[float, float, float]:
    """Where the eye goes, as fractions: the centre of detail and colour (x), and where that begins and ends (y)."""
    small = cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    blur = cv2.GaussianBlur(lab, (0, 0), 12)
    energy = np.linalg.norm(cv2.GaussianBlur(lab, (0, 0), 2) - blur, axis=2)
    energy = np.maximum(energy - np.percentile(energy, 60), 0) + 1e-3
    ramp = np.exp(-((np.linspace(-1, 1, 96, dtype=np.float32)) ** 2) / 0.9)
    energy *= ramp[:, None] * ramp[None, :]
    total = energy.sum()
    x = float((energy.sum(0) * np.arange(96)).sum() / total / 95)
    rising = np.cumsum(energy.sum(1)) / total
    return x, float(np.searchsorted(rising, 0.04)) / 95, float(np.searchsorted(rising, 0.95)) / 95


def crop_cover(image: U8, width: int, height: int, *, at: tuple[float, float] = (0.5, 0.5), zoom: float = 1.0) -> U8:
    """Fill width x height px, with the point of interest as near to `at` (fractions of the slot) as the picture lets.

    A subject taller than the slot keeps its head: what must go, goes at the bottom.
    """
    ih, iw = image.shape[:2]
    scale = max(width / iw, height / ih) * max(zoom, 1.0)
    cw, ch = width / scale, height / scale
    fx, top, end = _interest(image)
    x = min(max(fx * iw - at[0] * cw, 0.0), iw - cw)
    wanted = (top + end) / 2 * ih - at[1] * ch
    y = min(max(min(wanted, top * ih - 0.07 * ch), 0.0), ih - ch)
    x0, y0 = round(x), round(y)
    part = image[y0 : max(y0 + round(ch), y0 + 1), x0 : max(x0 + round(cw), x0 + 1)]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (width, height), interpolation=way), np.uint8)


# ------------------------------------------------------------------ grade


def _tone_table(shadow: F32, light: F32, *, amount: float, contrast: float, lift: float) -> U8:
    """(256, 3) look-up: an S curve, shadows leaning to one colour and lights to another."""
    x = np.linspace(0, 1, 256, dtype=np.float32)
    curve = x + contrast * 0.35 * (np.sin((x - 0.5) * np.pi) / 2 + 0.5 - x)
    curve = lift + curve * (1 - lift)
    table = np.repeat(curve[:, None], 3, axis=1)
    cold = (shadow - shadow.mean()) / 255
    warm = (light - light.mean()) / 255
    table += amount * 0.55 * (1 - x[:, None]) ** 2 * cold + amount * 0.4 * x[:, None] ** 2 * warm
    return np.clip(table * 255, 0, 255).astype(np.uint8)


def _saturate(image: U8, amount: float) -> U8:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    matrix = amount * np.eye(3, dtype=np.float32) + (1 - amount) * weights[None, :]
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _duotone(image: U8, dark: F32, light: F32) -> U8:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.createCLAHE(clipLimit=1.6, tileGridSize=(4, 4)).apply(grey)
    x = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    table = np.clip(dark * (1 - x) + light * x, 0, 255).astype(np.uint8)
    return table[grey]


def grade(image: U8, how: str, sources: Sources, *, ink: str = "", paper: str = "") -> U8:
    """`how`: cohesive (default), bright, moody, night, duotone, mono, none."""
    ground, _, accent = (rgb(c) for c in sources.colours[:3])
    if how == "none":
        return image
    if how in ("duotone", "mono"):
        dark = rgb(ink) if ink else (ground if sources.dark else np.array([22, 22, 24], np.float32))
        light = rgb(paper) if paper else np.array([248, 246, 242], np.float32)
        return _duotone(image, dark, light)
    looks = {
        "cohesive": {"amount": 0.55, "contrast": 0.5, "lift": 0.0, "saturation": 0.94},
        "bright": {"amount": 0.3, "contrast": 0.25, "lift": 0.035, "saturation": 0.96},
        "moody": {"amount": 0.7, "contrast": 0.75, "lift": 0.0, "saturation": 0.9},
        "night": {"amount": 1.3, "contrast": 0.7, "lift": 0.0, "saturation": 0.7},
    }
    look = looks.get(how, looks["cohesive"])
    shadow = ground if sources.dark else np.array([34, 40, 58], np.float32)
    table = _tone_table(shadow, accent, amount=look["amount"], contrast=look["contrast"], lift=look["lift"])
    toned = np.dstack([cv2.LUT(image[..., c], table[:, c]) for c in range(3)])
    return _saturate(np.ascontiguousarray(toned), look["saturation"])


# ------------------------------------------------------------------ light over a picture


def blend(image: U8, colour: F32, alpha: F32) -> U8:
    """Lay one colour over a picture by a small smooth alpha field in [0, 1]."""
    height, width = image.shape[:2]
    veil = cv2.resize(np.clip(alpha, 0, 1), (width, height), interpolation=cv2.INTER_CUBIC)
    veil8 = cv2.merge([np.clip(veil * 255, 0, 255).astype(np.uint8)] * 3)
    kept = cv2.multiply(image, cv2.bitwise_not(veil8), scale=1 / 255)
    plane = np.empty_like(image)
    plane[:] = colour.astype(np.uint8)
    return np.asarray(cv2.add(kept, cv2.multiply(plane, veil8, scale=1 / 255)), np.uint8)


def shade_field(width: int, height: int, shade: Mapping[str, float], vignette: float) -> F32:
    """Alpha field at an eighth of the size: darkening from named sides, and towards the corners."""
    w, h = max(width // 8, 2), max(height // 8, 2)
    x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    field_ = np.zeros((h, w), np.float32)

    def ease(ramp: NDArray[Any]) -> F32:
        t = np.clip(ramp, 0, 1)
        return np.asarray(t * t * (3 - 2 * t), np.float32)

    ramps = {"top": 1 - y / 0.62, "bottom": 1 - (1 - y) / 0.5, "left": 1 - x / 0.72, "right": 1 - (1 - x) / 0.72}
    for side, amount in shade.items():
        if side in ramps:
            field_ = 1 - (1 - field_) * (1 - amount * ease(ramps[side] + np.zeros_like(field_)))
    if shade.get("all"):
        field_ = 1 - (1 - field_) * (1 - shade["all"])
    if vignette:
        radius = np.sqrt(((x - 0.5) * 1.2) ** 2 + ((y - 0.5) * 1.2) ** 2)
        field_ = 1 - (1 - field_) * (1 - vignette * ease((radius - 0.3) / 0.6))
    return field_.astype(np.float32)


def grain(image: U8, amount: float, seed: int) -> U8:
    """Film grain of `amount` grey levels (standard deviation), tiled from one patch."""
    height, width = image.shape[:2]
    noise = np.random.default_rng(seed).normal(0, amount, (512, 512)).astype(np.float32)
    patch = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.9
    tiles = np.tile(patch, (height // 512 + 1, width // 512 + 1))[:height, :width].astype(np.int16)
    plus = np.clip(tiles, 0, 255).astype(np.uint8)
    minus = np.clip(-tiles, 0, 255).astype(np.uint8)
    return np.asarray(cv2.subtract(cv2.add(image, cv2.merge([plus] * 3)), cv2.merge([minus] * 3)), np.uint8)


def painted_ground(width: int, height: int, sources: Sources) -> U8:
    """A calm field of the palette's colours: what stands in when there is neither photograph nor backdrop."""
    dice = np.random.default_rng(sources.seed)
    ground, surface, accent = (rgb(c) for c in sources.colours[:3])
    w, h = max(width // 8, 8), max(height // 8, 8)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = x / w, y / h
    field_ = ground[None, None, :] * (1 - 0.35 * y[..., None]) + surface[None, None, :] * 0.35 * y[..., None]
    for colour, strength in ((accent, 0.75), (surface, 0.6), (accent, 0.45)):
        cx, cy, size = dice.uniform(0.1, 0.95), dice.uniform(0.2, 1.0), dice.uniform(0.25, 0.5)
        blob = strength * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / size**2) * 1.6)
        field_ = field_ * (1 - blob[..., None]) + colour * blob[..., None]
    return np.asarray(
        cv2.resize(np.clip(field_, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    )


# ------------------------------------------------------------------ slots


def photo_slot(width: int, height: int, options: Mapping[str, Any], sources: Sources, *, kind: str) -> U8:
    """A picture that fills its slot, before any scrim."""
    drawn = kind == "photo" and sources.photo_file is not None
    image = sources.photo if drawn else sources.backdrop
    if image is None and options.get("plain"):
        image = np.full((16, 16, 3), rgb(sources.colours[0]).astype(np.uint8), np.uint8)
    elif image is None:
        image = painted_ground(width, height, sources)
    at = options.get("at", (0.5, 0.5))
    part = crop_cover(image, width, height, at=(float(at[0]), float(at[1])), zoom=float(options.get("zoom", 1.0)))
    if drawn:
        part = grade(
            part, options.get("grade", "cohesive"), sources, ink=options.get("ink", ""), paper=options.get("paper", "")
        )
    if drawn or options.get("shade_backdrop", True):
        veil = shade_field(width, height, options.get("shade", {}), float(options.get("vignette", 0.0)))
        if veil.max() > 0:
            part = blend(part, rgb(options.get("shade_colour", sources.colours[0])), veil)
    return part


def finish(image: U8, options: Mapping[str, Any], sources: Sources) -> U8:
    """Grain, and the shape of its edge; RGBA when the edge is not straight."""
    amount = float(options.get("grain", 3.0))
    if amount:
        image = grain(image, amount, sources.seed)
    sides = options.get("fade", {})
    edge = options.get("edge", "")
    if edge == "torn":
        return torn(image, sources.seed, white=rgb(options.get("edge_colour", "#fbf8f1")))
    if sides:
        height, width = image.shape[:2]
        alpha = np.ones((height, width), np.float32)
        x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        distances = {"left": x, "right": 1 - x, "top": y, "bottom": 1 - y}
        for side, share in sides.items():
            t = np.clip(distances[side] / max(float(share), 1e-3), 0, 1)
            alpha = alpha * (t * t * (3 - 2 * t))
        if "fade_to" in options:
            small = cv2.resize(1 - alpha, (max(width // 8, 2), max(height // 8, 2)), interpolation=cv2.INTER_AREA)
            return blend(image, rgb(options["fade_to"]), np.asarray(small, np.float32))
        return np.dstack([image, (alpha * 255).astype(np.uint8)])
    return image


def torn(image: U8, seed: int, *, white: F32) -> U8:
    """RGBA: the picture as if torn from a page, with a ragged paper edge and a drop shadow inside the frame."""
    height, width = image.shape[:2]
    short = min(width, height)
    dice = np.random.default_rng(seed)
    margin = short * 0.05

    def ragged(inset: float, rough: float) -> U8:
        mask = np.zeros((height, width), np.uint8)
        corners = [(inset, inset), (width - inset, inset), (width - inset, height - inset), (inset, height - inset)]
        points: list[tuple[float, float]] = []
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            count = max(int(np.hypot(x1 - x0, y1 - y0) / (short * 0.008)), 8)
            walk = np.cumsum(dice.normal(0, 1, count))
            walk -= np.linspace(walk[0], walk[-1], count)
            walk = walk / (np.abs(walk).max() + 1e-6) * rough * 1.6 + dice.normal(0, rough * 0.16, count)
            for k, offset in enumerate(walk):
                t = k / count
                nx, ny = (0.0, 1.0) if x0 != x1 else (1.0, 0.0)
                points.append((x0 + (x1 - x0) * t + nx * offset, y0 + (y1 - y0) * t + ny * offset))
        cv2.fillPoly(mask, [np.round(np.array(points) * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
        return mask

    paper = ragged(margin, margin * 0.28)
    ink = cv2.bitwise_and(ragged(margin * 1.32, margin * 0.3), paper)
    fibre = np.clip(white + dice.normal(0, 3, (height, width, 1)), 0, 255)
    t = ink[..., None].astype(np.float32) / 255
    colour = image * t + fibre * (1 - t)
    shadow = (
        cv2.GaussianBlur(np.roll(paper, round(short * 0.008), axis=0), (0, 0), short * 0.012).astype(np.float32) * 0.42
    )
    a = paper.astype(np.float32)
    alpha = a + shadow * (1 - a / 255)
    share = (a / np.maximum(alpha, 1e-3))[..., None]
    colour = colour * share + np.array([28, 22, 16], np.float32) * (1 - share)
    return np.dstack([np.clip(colour, 0, 255).astype(np.uint8), np.clip(alpha, 0, 255).astype(np.uint8)])
