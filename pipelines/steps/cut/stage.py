"""The stage: where things may stand in a frame, the colours, and the pictures cut to size for it.

Design:
- Zones are fractions of the frame chosen by its ratio; a portrait frame keeps its lowest 18 % and the right 12 %
  of its type free, where short-video apps put their buttons.
- `unit` is 1 px of a frame whose shortest side is 1080; every size is written in units, so any size works.
- Pictures are resampled once to what a scene needs at its largest, with an area filter when they shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.steps.cut.planes import BAND, Layer, Picture, soft_shadow
from pipelines.steps.vocabulary import Palette


@dataclass(frozen=True)
class Zone:
    """A rectangle in px."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


# Fractions of width and height: x0, y0, x1, y1.
_ZONES: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "portrait": {
        "type": (0.085, 0.13, 0.88, 0.42),
        "product": (0.06, 0.385, 0.94, 0.70),
        "captions": (0.12, 0.70, 0.88, 0.815),
    },
    "square": {
        "type": (0.07, 0.12, 0.93, 0.42),
        "product": (0.16, 0.38, 0.84, 0.80),
        "captions": (0.08, 0.80, 0.92, 0.96),
    },
    "landscape": {
        "type": (0.06, 0.15, 0.55, 0.74),
        "product": (0.56, 0.10, 0.96, 0.76),
        "captions": (0.16, 0.79, 0.84, 0.95),
    },
}


@dataclass(frozen=True)
class Stage:
    """A frame's size and zones."""

    width: int
    height: int

    @property
    def ratio(self) -> str:
        if abs(self.width - self.height) * 10 <= min(self.width, self.height):
            return "square"
        return "portrait" if self.height > self.width else "landscape"

    @property
    def unit(self) -> float:
        return min(self.width, self.height) / 1080

    def zone(self, name: str) -> Zone:
        x0, y0, x1, y1 = _ZONES[self.ratio][name]
        return Zone(x0 * self.width, y0 * self.height, x1 * self.width, y1 * self.height)


def rgb_of(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def blend(first: str, second: str, share: float) -> str:
    """`first` with `share` of `second` in it."""
    pairs = zip(rgb_of(first), rgb_of(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG, 0..1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb_of(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG, 1..21."""
    a, b = sorted((luminance(first), luminance(second)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def readable(wanted: str, ground: str, *others: str, least: float = 4.5) -> str:
    """The first of the colours with enough contrast on `ground`; black or white when none has."""
    for colour in (wanted, *others):
        if contrast(colour, ground) >= least:
            return colour
    return max(("#ffffff", "#0b0d12"), key=lambda colour: contrast(colour, ground))


@dataclass(frozen=True)
class Props:
    """The pictures of a film as RGB(A) arrays, uint8; any may be missing."""

    palette: Palette
    photo: np.ndarray | None
    cutout: np.ndarray | None
    backdrop: np.ndarray | None
    subject: tuple[float, float, float, float] | None = None  # the product's box in the photograph, as fractions

    @property
    def focus(self) -> tuple[float, float]:
        """Where a crop of the photograph should be centred."""
        if self.subject is not None:
            x0, y0, x1, y1 = self.subject
            return (x0 + x1) / 2, (y0 + y1) / 2
        return focus(self.photo) if self.photo is not None else (0.5, 0.5)

    @property
    def subject_top(self) -> float:
        """Upper edge of the product in the photograph, as a fraction of its height."""
        return self.subject[1] if self.subject is not None else 0.12


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """The image at `scale`, by area when it shrinks and by Lanczos when it grows."""
    size = (max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    if image.shape[2] == 4:  # resample premultiplied, or the edge takes the colour of what was cut away
        alpha = np.ascontiguousarray(image[..., 3])
        colour = cv2.multiply(image[..., :3], cv2.merge([alpha] * 3), scale=1 / 255)
        flat = cv2.resize(np.dstack([colour, alpha]), size, interpolation=how).astype(np.float32)
        shade = np.maximum(flat[..., 3:] / 255, 1e-3)
        return np.dstack([np.clip(flat[..., :3] / shade, 0, 255), flat[..., 3]]).round().astype(np.uint8)
    return cv2.resize(image, size, interpolation=how)


def focus(rgb: np.ndarray) -> tuple[float, float]:
    """Where the eye goes, as fractions of width and height: edges and saturated colour, the middle preferred."""
    small = cv2.resize(rgb, (96, 96), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = cv2.GaussianBlur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), (0, 0), 4)
    colour = small.max(axis=2).astype(np.float32) - small.min(axis=2)
    odd = np.abs(grey - np.median(grey))
    ys, xs = np.mgrid[0:96, 0:96].astype(np.float32) / 95
    prior = np.exp(-((xs - 0.5) ** 2 + (ys - 0.5) ** 2) / 0.12)
    weight = (edges / max(edges.max(), 1) + 0.4 * colour / 255 + 0.6 * odd / 255) * prior
    weight = weight**2
    total = float(weight.sum()) or 1.0
    return float((weight * xs).sum() / total), float((weight * ys).sum() / total)


def cover(
    image: np.ndarray, *, width: int, height: int, room: float, at: tuple[float, float], soft: bool = False
) -> Picture:
    """The picture cut to `room` times the box around the focus `at` (fractions), sharp at that size."""
    want_w, want_h = width * room, height * room
    scale = max(want_w / image.shape[1], want_h / image.shape[0])
    crop_w, crop_h = min(image.shape[1], want_w / scale), min(image.shape[0], want_h / scale)
    x = min(max(at[0] * image.shape[1] - crop_w / 2, 0), image.shape[1] - crop_w)
    y = min(max(at[1] * image.shape[0] - crop_h / 2, 0), image.shape[0] - crop_h)
    part = image[int(y) : int(y + crop_h + 0.5), int(x) : int(x + crop_w + 0.5)]
    return Picture.of(resized(part, scale), soft=soft)


def rising(image: np.ndarray, ground: str, *, width: int, height: int, room: float, props: Props) -> Picture:
    """A wide photograph in a tall frame: it fills the lower part and dissolves upwards into the ground.

    So the product is seen whole, below the type, and the type stands on a calm colour. A photograph that is as tall
    as the frame is simply `cover`ed.
    """
    at, top = props.focus, props.subject_top
    if image.shape[1] / image.shape[0] < width / height * 1.25:
        return cover(image, width=width, height=height, room=room, at=at)
    # The product's upper edge comes to stand at 41 % of the frame.
    share = min(max(0.59 / max(1 - top, 0.1), 0.56), 0.8)
    want_w, want_h = round(width * room), round(height * room)
    tall = round(want_h * share)
    scale = max(tall / image.shape[0], want_w / image.shape[1])
    crop = min(image.shape[1], want_w / scale)
    x = int(min(max(at[0] * image.shape[1] - crop / 2, 0), image.shape[1] - crop))
    part = resized(image[:, x : x + int(crop + 0.5)], scale)
    part = cv2.resize(part, (want_w, part.shape[0])) if part.shape[1] != want_w else part
    part = part[max(0, part.shape[0] - want_h) :]
    soft = want_h * min(max(top * share + 0.05, 0.1), 0.3)
    ramp = np.clip(np.arange(part.shape[0], dtype=np.float32) / soft, 0, 1)
    ramp = (ramp * ramp * (3 - 2 * ramp))[:, None, None]
    out = np.empty((want_h, want_w, 3), np.uint8)
    out[...] = rgb_of(ground)
    first, rows = want_h - part.shape[0], int(soft) + 1
    noise = np.random.default_rng(5).standard_normal((rows, want_w, 1), dtype=np.float32)  # against banding
    mixed = out[first : first + rows] * (1 - ramp[:rows]) + part[:rows] * ramp[:rows] + noise
    out[first:] = part
    out[first : first + rows] = np.clip(mixed + 0.5, 0, 255)
    return Picture.of(out)


def graded(rgb: np.ndarray, palette: Palette, *, amount: float = 1.0) -> np.ndarray:
    """A photograph with a gentle S-curve and its shadows leaning to the palette's darkest colour."""
    dark = min((palette.background, palette.ink, *palette.swatches), key=luminance)
    tint = np.array(rgb_of(dark), np.float32) / 255
    out = np.empty_like(rgb)
    for top in range(0, rgb.shape[0], BAND):
        x = rgb[top : top + BAND].astype(np.float32) / 255
        curve = x + amount * 0.35 * x * (1 - x) * (2 * x - 1)
        shade = (1 - curve.mean(axis=2, keepdims=True)) ** 2 * 0.16 * amount
        out[top : top + BAND] = np.clip((curve * (1 - shade) + tint * shade) * 255 + 0.5, 0, 255)
    return out


def shaded(rgb: np.ndarray, ink: str, ground: str, *, until: float, least: float = 5.0) -> np.ndarray:
    """The picture with as much of `ground` laid over its upper part as `ink` needs to be read there.

    Full down to `until` (share of the height), gone a quarter of the height further down. The brightest (for light
    ink) or darkest twentieth of the pixels is what counts.
    """
    rows = max(2, int(rgb.shape[0] * until))
    share = needed_shade(rgb[:rows], ink, ground, least=least)
    if share <= 0:
        return rgb
    y = np.linspace(0, 1, rgb.shape[0], dtype=np.float32)
    weight = ((0.5 + 0.5 * np.cos(np.pi * np.clip((y - until) / 0.25, 0, 1))) * share)[:, None, None]
    over = np.array(rgb_of(ground), np.float32)
    out = np.empty_like(rgb)
    for top in range(0, rgb.shape[0], BAND):
        part = slice(top, top + BAND)
        out[part] = rgb[part] * (1 - weight[part]) + over * weight[part] + 0.5
    return out


def needed_shade(rgb: np.ndarray, ink: str, ground: str, *, least: float) -> float:
    """Share 0..0.95 of `ground` over the picture at which `ink` has contrast `least` on all but a twentieth of it."""
    small = cv2.resize(rgb, (48, 48), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    light = small @ np.array([0.2126, 0.7152, 0.0722])
    worst = small[np.argsort(light)[int(len(light) * (0.95 if luminance(ink) > 0.4 else 0.05))]]
    colour = "#" + "".join(f"{int(value):02x}" for value in worst)
    for step in range(20):
        if contrast(ink, blend(colour, ground, step * 0.05)) >= least:
            return step * 0.05
    return 0.95


def paper(palette: Palette, width: int, height: int) -> np.ndarray:
    """A backdrop for films that were given none: soft light from the palette's own colours. [h, w, 3] uint8."""
    ys, xs = np.mgrid[0 : height // 4, 0 : width // 4].astype(np.float32)
    ys, xs = ys / max(1, height // 4 - 1), xs / max(1, width // 4 - 1)
    base = np.array(rgb_of(palette.background), np.float32)
    light = np.array(rgb_of(blend(palette.background, palette.surface, 0.8)), np.float32)
    glow = np.array(rgb_of(blend(palette.background, palette.accent, 0.45)), np.float32)
    one = np.exp(-((xs - 0.25) ** 2 + (ys - 0.2) ** 2) / 0.18)[..., None]
    two = np.exp(-((xs - 0.85) ** 2 + (ys - 0.75) ** 2) / 0.14)[..., None]
    image = base * (1 - 0.8 * one) + light * 0.8 * one
    image = image * (1 - 0.7 * two) + glow * 0.7 * two
    # At half the size: it is laid on the stage as a soft picture. The noise is against banding.
    image = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_CUBIC)
    image += np.random.default_rng(7).standard_normal((height // 2, width // 2, 1), dtype=np.float32) * np.float32(1.6)
    image = np.clip(image, 0, 255).astype(np.uint8)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def product_layer(props: Props, *, width: float, height: float, shadow: bool = True) -> Layer | None:
    """The product for a box of that size: the cut-out with its shadow, else the photograph as a framed print."""
    source = props.cutout if props.cutout is not None else framed(props, width, height)
    if source is None:
        return None
    scale = min(width / source.shape[1], height / source.shape[0])
    image = resized(source, scale)
    if shadow:
        image = soft_shadow(image, radius=height * 0.03, opacity=0.42, dy=height * 0.035)
    return Layer.of(image)


def framed(props: Props, width: float, height: float) -> np.ndarray | None:
    """The photograph as a print with round corners, whole unless it is very wide or very tall. RGBA."""
    photo = props.photo
    if photo is None:
        return None
    from pipelines.steps.cut.captions import rounded

    ratio = min(max(photo.shape[1] / photo.shape[0], 0.8), width / height, 1.6)
    w = min(photo.shape[1], round(photo.shape[0] * ratio))
    h = min(photo.shape[0], round(w / ratio))
    fx, fy = props.focus
    x = int(min(max(fx * photo.shape[1] - w / 2, 0), photo.shape[1] - w))
    y = int(min(max(fy * photo.shape[0] - h / 2, 0), photo.shape[0] - h))
    mask = rounded(w, h, radius=min(w, h) * 0.07, colour=(0, 0, 0), alpha=1.0)[..., 3]
    return np.dstack([photo[y : y + h, x : x + w], mask])
