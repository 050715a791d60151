"""Pictures for the slots of a poster: cropped, graded, lit and shadowed for exactly one place.

Design:
- A slot says its size in px and options; a picture is made at that size, so Typst never scales.
- A photograph is graded towards the palette (split tone by one look-up table a channel), then shaded and grained.
  Everything smooth (vignette, shade, scrim) is made at an eighth of the size and blended once.
- A cut-out brings its own light: contact and ambient shadow, a sticker's paper edge or a glow, painted into `spill`
  px around the slot.
- Arrays are uint8 RGB(A), (height, width, channels), unless said otherwise; colours are "#rrggbb".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Sources:
    """What there is to work with; None where the brief has no such picture. `cutout` is RGBA."""

    photo: U8 | None = None
    cutout: U8 | None = None
    backdrop: U8 | None = None
    colours: tuple[str, ...] = ("#20242c", "#e8e2d6", "#c9573a")  # palette: ground, surface, accent first
    dark: bool = False
    seed: int = 0
    cache: dict[str, Any] = field(default_factory=dict)


def rgb(colour: str) -> F32:
    """(3,) in 0..255."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def read(path: Path, *, alpha: bool = False) -> U8:
    """A picture file as RGB or RGBA."""
    from PIL import Image

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
    shadow, light = shadow / 255, light / 255
    cold = shadow - shadow.mean()
    warm = light - light.mean()
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

    def ease(t: F32) -> F32:
        t = np.clip(t, 0, 1)
        return t * t * (3 - 2 * t)

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
    return np.asarray(cv2.resize(np.clip(field_, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC))


# ------------------------------------------------------------------ slots


def photo_slot(width: int, height: int, options: Mapping[str, Any], sources: Sources, *, kind: str) -> U8:
    """A picture that fills its slot, before any scrim."""
    image = sources.photo if kind == "photo" and sources.photo is not None else sources.backdrop
    drawn = image is sources.photo and kind == "photo"
    if image is None and options.get("plain"):
        image = np.full((16, 16, 3), rgb(sources.colours[0]).astype(np.uint8), np.uint8)
    elif image is None:
        image = painted_ground(width, height, sources)
    at = options.get("at", (0.5, 0.5))
    part = crop_cover(image, width, height, at=(float(at[0]), float(at[1])), zoom=float(options.get("zoom", 1.0)))
    if drawn:
        part = grade(part, options.get("grade", "cohesive"), sources, ink=options.get("ink", ""), paper=options.get("paper", ""))
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
    shadow = cv2.GaussianBlur(np.roll(paper, round(short * 0.008), axis=0), (0, 0), short * 0.012).astype(np.float32) * 0.42
    a = paper.astype(np.float32)
    alpha = a + shadow * (1 - a / 255)
    share = (a / np.maximum(alpha, 1e-3))[..., None]
    colour = colour * share + np.array([28, 22, 16], np.float32) * (1 - share)
    return np.dstack([np.clip(colour, 0, 255).astype(np.uint8), np.clip(alpha, 0, 255).astype(np.uint8)])


def _flat_sides(alpha: U8) -> dict[str, float]:
    """Sides where the photograph's own edge cut the subject, as the share of that side it covers."""
    sides = {"top": alpha[:2].max(0), "bottom": alpha[-2:].max(0), "left": alpha[:, :2].max(1), "right": alpha[:, -2:].max(1)}
    return {name: float((line > 128).mean()) for name, line in sides.items() if (line > 128).mean() > 0.22}


def cutout_slot(width: int, height: int, spill: int, options: Mapping[str, Any], sources: Sources) -> U8:
    """RGBA of (height + 2 spill, width + 2 spill): the subject inside the slot with its shadow, outline or glow."""
    assert sources.cutout is not None
    subject = sources.cutout
    ih, iw = subject.shape[:2]
    scale = min(width / iw, height / ih)
    w, h = max(round(iw * scale), 2), max(round(ih * scale), 2)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    alpha = cv2.resize(subject[..., 3], (w, h), interpolation=way)
    colour = cv2.resize(np.ascontiguousarray(subject[..., :3]), (w, h), interpolation=way)
    how = options.get("grade", "bright")
    colour = grade(np.asarray(colour, np.uint8), how, sources, ink=options.get("ink", ""), paper=options.get("paper", ""))
    effect = options.get("effect", "soft")
    flat = _flat_sides(np.asarray(alpha, np.uint8))
    if effect != "sticker":
        stands = {"bottom"} if options.get("keep_bottom") else set()
        alpha = _soften_cut(np.asarray(alpha, np.uint8), {side: share for side, share in flat.items() if side not in stands})
    ax, ay = options.get("anchor", (0.5, 1.0))
    full = (height + 2 * spill, width + 2 * spill)
    x, y = spill + round((width - w) * float(ax)), spill + round((height - h) * float(ay))
    mask = np.zeros(full, np.float32)
    mask[y : y + h, x : x + w] = np.asarray(alpha, np.float32) / 255
    paint = np.zeros((*full, 3), np.float32)
    paint[y : y + h, x : x + w] = colour
    behind, tone = _behind(mask, (x, y, w, h), effect, options, sources, flat)
    behind = behind * _frame_fade(full, spill)
    out_alpha = mask + behind * (1 - mask)
    share = (mask / np.maximum(out_alpha, 1e-4))[..., None]
    result = paint * share + tone * (1 - share)
    return np.dstack([np.clip(result, 0, 255), np.clip(out_alpha * 255, 0, 255)]).astype(np.uint8)


def cut_sides(path: Path) -> list[str]:
    """Sides on which the photograph ended before the subject did."""
    from PIL import Image

    with Image.open(path) as image:
        alpha = image.convert("RGBA").getchannel("A")
        alpha.thumbnail((400, 400))
        return sorted(_flat_sides(np.asarray(alpha, np.uint8)))


def _soften_cut(alpha: U8, flat: Mapping[str, float]) -> U8:
    """Fade the sides on which the photograph ended, so that no straight cut shows."""
    h, w = alpha.shape
    fade = np.ones((h, w), np.float32)
    x = np.linspace(0, 1, w, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    distance = {"left": x, "right": 1 - x, "top": y, "bottom": 1 - y}
    for side in flat:
        t = np.clip(distance[side] / (0.16 if side == "bottom" else 0.06), 0, 1)
        fade = fade * t * t * (3 - 2 * t)
    return (alpha * fade).astype(np.uint8)


def _small_blur(mask: F32, sigma: float) -> F32:
    """Gaussian blur of a large sigma, made on a smaller picture."""
    factor = max(int(sigma / 3), 1)
    h, w = mask.shape
    small = cv2.resize(mask, (max(w // factor, 2), max(h // factor, 2)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / factor, 0.3))
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)


def _shift(mask: F32, dx: float, dy: float) -> F32:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(cv2.warpAffine(mask, matrix, (mask.shape[1], mask.shape[0])), np.float32)


def _frame_fade(shape: tuple[int, int], spill: int) -> F32:
    """1 inside, falling to 0 over the outer part of the spill, so that no shadow ends in a straight line."""
    reach = max(spill * 0.8, 1.0)
    h, w = shape
    y = np.minimum(np.arange(h), np.arange(h)[::-1])[:, None]
    x = np.minimum(np.arange(w), np.arange(w)[::-1])[None, :]
    t = np.clip(np.minimum(x, y) / reach, 0, 1).astype(np.float32)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _behind(
    mask: F32, place: tuple[int, int, int, int], effect: str, options: Mapping[str, Any], sources: Sources, flat: Mapping[str, float]
) -> tuple[F32, F32]:
    """Alpha behind the subject and its colour (broadcastable to (h, w, 3))."""
    x, y, w, h = place
    size = max(w, h)
    if effect == "none":
        return np.zeros_like(mask), np.zeros(3, np.float32)
    if effect == "glow":
        glow = np.clip(_small_blur(mask, size * 0.03) * 0.42 + _small_blur(mask, size * 0.1) * 0.5, 0, 0.7)
        return glow, rgb(options.get("colour", sources.colours[2]))
    if effect == "sticker":
        edge = max(size * 0.018, 2.0)
        outline = np.clip((_small_blur(mask, edge) - 0.06) * 9, 0, 1)
        outline = np.clip((cv2.GaussianBlur(outline, (0, 0), max(edge * 0.25, 0.6)) - 0.35) * 4, 0, 1)
        drop = _small_blur(_shift(outline, size * 0.006, size * 0.016), size * 0.016) * 0.4
        alpha = outline + drop * (1 - outline)
        share = (outline / np.maximum(alpha, 1e-4))[..., None]
        white = rgb(options.get("colour", "#ffffff"))
        return alpha, white * share + np.array([20, 16, 12], np.float32) * (1 - share)
    strength = float(options.get("strength", 1.0))
    ambient = _small_blur(_shift(mask, 0, size * 0.03), size * 0.05) * 0.3
    contact = np.zeros_like(mask)
    if "bottom" not in flat:
        # The foot's own width makes the contact: a flat dark oval close to it, a wide pale one around.
        foot = np.flatnonzero(mask[y + int(h * 0.86) : y + h, x : x + w].max(0) > 0.5)
        if len(foot):
            centre = (round(x + float(foot.mean())), y + h - round(size * 0.012))
            reach = len(foot) * 0.5
            for share, depth, level, soft in ((0.86, 0.026, 0.55, 0.012), (1.2, 0.05, 0.3, 0.035)):
                oval = np.zeros_like(mask)
                axes = (max(round(reach * share), 2), max(round(size * depth), 2))
                cv2.ellipse(oval, centre, axes, 0, 0, 360, level, -1, cv2.LINE_AA)
                contact = np.maximum(contact, _small_blur(oval, size * soft))
    alpha = np.clip(1 - (1 - ambient * strength) * (1 - contact * strength), 0, 0.8).astype(np.float32)
    return alpha, rgb(options.get("colour", "#14100c"))
