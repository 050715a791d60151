"""What every style paints with: the scene, its colour scheme, fields of noise and the finishing of a picture.

Design:
- A style paints linear light, (height, width, 3) float32, at the scene's paint size. Soft things are painted small
  and enlarged; only what has an edge is painted at full size. That is what keeps a poster under a second.
- Lengths are in units of the shortest side, so that a banner and a story get the same brush.
- The scheme turns a palette and a mood into roles once, for all styles: a base the type will stand on, its deep and
  lifted neighbours, an accent that keeps the brand's hue, and tints for everything between.
- Finishing keeps the upper 45 % calm enough for type (its light stays near the base's), then adds film grain and
  dither: a gradient of 8 bits shows bands without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from models.image.painter import colour
from models.image.painter.colour import Array

Mood = Literal["light", "dark", "vivid"]

CALM = 0.45  # share of the height, from the top, kept calm for type
FULL = 2400  # px; longest side painted, larger pictures are enlarged from it before the grain goes on


@dataclass(frozen=True)
class Scheme:
    """Roles of colours, each OKLab (3,).

    Attributes:
        base: What type stands on.
        deep: The base in shadow.
        lift: The base in light.
        accent: The brand's strongest colour, in full.
        second: Another colour of the palette, or the accent's neighbour.
        bleed: The accent as its light dies on film: deeper, its hue turned towards red or towards `second`.
        glow: What light looks like: the accent, nearly white.
        tints: Four to eight colours at the mood's own lightness, palette order.
        dark: Whether type on the base is light.
    """

    base: Array
    deep: Array
    lift: Array
    accent: Array
    second: Array
    bleed: Array
    glow: Array
    tints: tuple[Array, ...]
    dark: bool


def make_scheme(palette: tuple[str, ...], mood: Mood) -> Scheme:
    """A scheme from 1 to 8 colours "#rrggbb", most important first.

    A first colour that can be the mood's ground already is the base as it is; the rest then leads.
    """
    labs = [colour.lab_from_hex(value) for value in palette]
    first_l = float(labs[0][0])
    own = {"light": first_l >= 0.9, "dark": first_l <= 0.30, "vivid": len(labs) > 1 and 0.33 <= first_l <= 0.87}
    leads = _leads(labs, ground=labs[0] if own[mood] else None, mood=mood)
    return {"light": _light_scheme, "dark": _dark_scheme, "vivid": _vivid_scheme}[mood](leads)


@dataclass(frozen=True)
class _Leads:
    """What a palette says, as lightness, chroma, hue: its first, strongest and second colour, and all that lead."""

    ground: Array | None
    first: tuple[float, float, float]
    accent: tuple[float, float, float]
    second: tuple[float, float, float]
    bleed: float  # hue
    leading: tuple[tuple[float, float, float], ...]


def _leads(labs: list[Array], *, ground: Array | None, mood: Mood) -> _Leads:
    polar = [colour.lch(value) for value in labs]
    leading = polar[1:] if ground is not None and len(polar) > 1 else polar
    # The accent is the most colourful, with a bonus for brightness: amber rather than navy.
    strongest = max(range(len(leading)), key=lambda i: leading[i][1] * (0.5 + leading[i][0]) - 0.004 * i)
    accent_l, accent_c, accent_h = leading[strongest]
    first_l, first_c, first_h = polar[0]
    if accent_c < 0.02:
        accent_h = 1.2  # greys are printed warm
    if first_c < 0.02:
        first_h = accent_h
    others = [p for i, p in enumerate(leading) if i != strongest and p[1] > 0.03 and _turn(p[2], accent_h) > 0.35]
    second = others[0] if others else (accent_l * 0.92, accent_c * 0.9, accent_h - 0.7)
    if mood == "dark" and not others and first_c > 0.03:
        second = (0.42, max(first_c, 0.07), first_h)
    # Film's light dies away towards red (hue 0.25 in OKLCH).
    bleed = accent_h + float(np.clip(_signed_turn(0.25, accent_h), -0.62, 0.62))
    return _Leads(
        ground, (first_l, first_c, first_h), (accent_l, max(accent_c, 0.015), accent_h), second, bleed, tuple(leading)
    )


def _light_scheme(leads: _Leads) -> Scheme:
    (first_l, first_c, first_h), (accent_l, accent_c, accent_h) = leads.first, leads.accent
    make, tight = colour.from_lch, np.clip
    base = make(0.955, min(0.4 * first_c + 0.006, 0.022), accent_h if first_l < 0.4 else first_h)
    return _complete(
        base=base if leads.ground is None else leads.ground,
        deep=make(0.86, min(0.6 * first_c, 0.05), first_h),
        lift=make(0.985, min(first_c, 0.008), accent_h),
        accent=make(tight(accent_l, 0.64, 0.84), accent_c, accent_h),
        second=make(tight(leads.second[0] + 0.3, 0.70, 0.85), min(leads.second[1], 0.11), leads.second[2]),
        bleed=make(0.78, min(accent_c, 0.13), leads.bleed),
        glow=make(0.985, min(accent_c, 0.025), accent_h),
        tints=[make(0.82 + 0.11 * p[0], min(0.66 * p[1], 0.105), p[2]) for p in leads.leading],
    )


def _dark_scheme(leads: _Leads) -> Scheme:
    (first_l, first_c, first_h), (accent_l, accent_c, accent_h) = leads.first, leads.accent
    make, tight, alive = colour.from_lch, np.clip, accent_c > 0.02
    base = make(tight(first_l * 0.9, 0.15, 0.23), tight(first_c, 0.004, 0.065), first_h)
    base = base if leads.ground is None else leads.ground
    base_l, base_c, base_h = colour.lch(base)
    return _complete(
        base=base,
        deep=make(base_l * 0.5, base_c * 0.6, base_h),
        lift=make(base_l + 0.14, max(base_c * 1.25, 0.03 if alive else 0.0), base_h),
        accent=make(tight(accent_l, 0.62, 0.82), accent_c, accent_h),
        second=make(tight(leads.second[0], 0.40, 0.6), max(leads.second[1], 0.07) if alive else 0.01, leads.second[2]),
        bleed=make(0.52, max(accent_c, 0.12) if alive else 0.01, leads.bleed),
        glow=make(0.94, min(accent_c, 0.07), accent_h),
        tints=[make(0.24 + 0.30 * p[0], min(0.95 * p[1], 0.16), p[2]) for p in leads.leading],
    )


def _vivid_scheme(leads: _Leads) -> Scheme:
    (first_l, first_c, first_h), (accent_l, accent_c, accent_h) = leads.first, leads.accent
    make, tight, alive = colour.from_lch, np.clip, accent_c > 0.02
    level = tight(first_l, 0.70, 0.86) if first_l >= 0.62 else tight(first_l, 0.36, 0.55)
    base = make(level, max(first_c * 1.15, 0.10), first_h) if first_c >= 0.02 else make(0.5, accent_c, accent_h)
    base = base if leads.ground is None else leads.ground
    base_l, base_c, base_h = colour.lch(base)
    return _complete(
        base=base,
        deep=make(base_l * 0.7, base_c * 1.05, base_h - 0.22),
        lift=make(min(base_l + 0.13, 0.93), base_c * 1.1, base_h + 0.25),
        accent=make(tight(accent_l, 0.64, 0.84), accent_c * 1.1, accent_h),
        second=make(tight(leads.second[0], 0.5, 0.72), max(leads.second[1], 0.14) if alive else 0.01, leads.second[2]),
        bleed=make(0.6, max(accent_c, 0.17) if alive else 0.01, leads.bleed),
        glow=make(0.96, min(accent_c, 0.08), accent_h),
        tints=[make(tight(0.4 + 0.45 * p[0], 0.45, 0.84), max(1.15 * p[1], 0.13) if p[1] > 0.02 else 0.0, p[2])
               for p in leads.leading],
    )  # fmt: skip


def _complete(
    *,
    base: Array,
    deep: Array,
    lift: Array,
    accent: Array,
    second: Array,
    bleed: Array,
    glow: Array,
    tints: list[Array],
) -> Scheme:
    """The scheme, its tints filled up to four by colours between its own."""
    between = [colour.mix(accent, second, 0.5, around=0.9), bleed]
    between += [colour.mix(base, accent, 0.45), colour.mix(base, second, 0.55)]
    full = [*tints, *between][: max(4, len(tints))]
    return Scheme(base, deep, lift, accent, second, bleed, glow, tuple(full), dark=float(base[0]) < 0.66)


def _signed_turn(to: float, start: float) -> float:
    return float((to - start + np.pi) % (2 * np.pi) - np.pi)


def _turn(one: float, other: float) -> float:
    """Angle between two hues, radians, 0 to pi."""
    return abs(_signed_turn(one, other))


@dataclass(frozen=True)
class Scene:
    """A picture to paint: `width` x `height` px at paint size, its colours, its chance.

    `floor` is where a floor meets the wall, as a fraction of the height.
    """

    width: int
    height: int
    scheme: Scheme
    mood: Mood
    floor: float
    rng: np.random.Generator

    @property
    def unit(self) -> int:
        """px of the shortest side."""
        return min(self.width, self.height)

    def grid(self, longest: int = 0) -> tuple[Array, Array, Array]:
        """x and y in units from the top left, and v = y as a fraction of the height; (h, w) each.

        `longest` > 0 gives a small grid of that many px on the longest side, for soft things.
        """
        width, height = self.soft_size(longest) if longest else (self.width, self.height)
        across = (np.arange(width, dtype=np.float32) + 0.5) * (self.width / width / self.unit)
        down = (np.arange(height, dtype=np.float32) + 0.5) * (self.height / height / self.unit)
        x, y = np.meshgrid(across, down)
        return x, y, y * np.float32(self.unit / self.height)

    def soft_size(self, longest: int) -> tuple[int, int]:
        scale = min(1.0, longest / max(self.width, self.height))
        return max(8, round(self.width * scale)), max(8, round(self.height * scale))

    def enlarge(self, soft: Array) -> Array:
        """A soft picture or field at paint size."""
        return np.asarray(cv2.resize(soft, (self.width, self.height), interpolation=cv2.INTER_CUBIC), np.float32)

    @property
    def right(self) -> float:
        """x of the right side, in units."""
        return self.width / self.unit

    @property
    def bottom(self) -> float:
        """y of the lower side, in units."""
        return self.height / self.unit


def noise(x: Array, y: Array, rng: np.random.Generator, *, cells: float, octaves: int = 1, gain: float = 0.5) -> Array:
    """Smooth noise about -1..1 on the grid (h, w); `cells` bumps a unit in the first octave."""
    height, width = x.shape
    reach_x, reach_y = float(x[0, -1] - x[0, 0]), float(y[-1, 0] - y[0, 0])
    total = np.zeros((height, width), np.float32)
    weight, sum_of_squares = 1.0, 0.0
    for octave in range(octaves):
        frequency = cells * 2**octave
        columns = min(max(4, int(reach_x * frequency) + 4), width + 4)
        rows = min(max(4, int(reach_y * frequency) + 4), height + 4)
        lattice = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
        map_x = np.linspace(1, 1 + min(reach_x * frequency, columns - 3), width, dtype=np.float32)
        map_y = np.linspace(1, 1 + min(reach_y * frequency, rows - 3), height, dtype=np.float32)
        maps = np.meshgrid(map_x, map_y)
        total += weight * cv2.remap(lattice, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        sum_of_squares += weight * weight
        weight *= gain
    return np.asarray(total * np.float32(1.5 / np.sqrt(sum_of_squares)), np.float32)


def smoothstep(low: float, high: float, value: Array) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def light(lab: Array) -> Array:
    """OKLab colour or picture -> linear light, nothing below zero."""
    return np.maximum(colour.linear_from_lab(lab), 0.0)


def over(under: Array, upper: Array, alpha: Array) -> Array:
    """Linear picture `upper` (colour (3,) or picture) laid over `under` by `alpha` (h, w)."""
    return np.asarray(under + (upper - under) * alpha[..., None], np.float32)


def screen(under: Array, add: Array) -> Array:
    """Light added as on film: it never burns out hard."""
    return np.asarray(1.0 - (1.0 - np.minimum(under, 1.0)) * (1.0 - np.clip(add, 0.0, 1.0)), np.float32)


def bend(one: Array, via: Array, other: Array, share: Array) -> Array:
    """OKLab pictures mixed by `share` (h, w) along a curve that leans towards the colour `via`.

    Straight mixes of far hues cross grey; leaning on a colour between them keeps the mix alive.
    """
    t = share[..., None]
    return np.asarray(one * (1 - t) ** 2 + via * (2 * t * (1 - t)) + other * t**2, np.float32)


def warm_ramp(scheme: Scheme, ground: Array, *, mood: Mood) -> Array:
    """From the ground through the bleed and the accent to the glow: what light of the accent does to it."""
    near = colour.mix(ground, scheme.bleed, 0.55 if mood != "light" else 0.35, around=0.9)
    return colour.ramp(
        [(0.0, ground), (0.28, near), (0.50, scheme.bleed), (0.76, scheme.accent), (1.0, scheme.glow)], around=0.9
    )


def finish(scene: Scene, picture: Array, *, width: int, height: int, grain: float) -> np.ndarray:
    """Calm the type area, resize to `width` x `height`, add grain and dither; (height, width, 3) uint8."""
    picture = _calm(scene, picture)
    if (scene.width, scene.height) != (width, height):
        shrink = width * height < scene.width * scene.height
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    result = np.empty((height, width, 3), np.uint8)
    strip = max(1, 2_000_000 // width)  # rows at a time: a large picture must not need gigabytes
    for top in range(0, height, strip):
        rows = slice(top, min(top + strip, height))
        encoded = colour.encode(picture[rows])
        # Film shows its grain in the middle tones; triangular noise of one level breaks up what banding is left.
        tone = encoded[..., 1]
        speck = scene.rng.standard_normal(tone.shape, dtype=np.float32)
        speck += 0.55 * cv2.GaussianBlur(speck, (3, 3), 0.8)
        strength = np.float32(grain * 0.019) * (0.35 + 2.2 * tone * (1.0 - tone))
        dither = scene.rng.random(tone.shape, dtype=np.float32) - scene.rng.random(tone.shape, dtype=np.float32)
        encoded = encoded + (speck * strength + dither * np.float32(0.7 / 255))[..., None]
        result[rows] = (np.clip(encoded, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    return result


def _calm(scene: Scene, picture: Array) -> Array:
    """Keep the light of the upper part where type is set near the base's, by a soft gain."""
    size = scene.soft_size(96)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    bright = cv2.GaussianBlur(small @ np.array([0.2126, 0.7152, 0.0722], np.float32), (0, 0), 1.2)
    y = (np.arange(size[1], dtype=np.float32) + 0.5) / size[1]
    where = (1.0 - smoothstep(CALM - 0.02, CALM + 0.13, y))[:, None]
    level = float(light(scene.scheme.base) @ np.array([0.2126, 0.7152, 0.0722], np.float32))
    if scene.scheme.dark:
        ceiling = max(level * 1.9, 0.075) if scene.mood == "dark" else max(level * 1.35, 0.13)
        gain = np.minimum(1.0, (ceiling + 0.12 * np.maximum(bright - ceiling, 0)) / np.maximum(bright, 1e-4))
        gain = 1.0 - where * (1.0 - gain)
        return np.asarray(picture * scene.enlarge(np.asarray(gain, np.float32))[..., None], np.float32)
    floor = level * 0.74
    # Lifting towards white by the share of darkness that is too much.
    share = np.minimum(1.0, (1.0 - floor - 0.12 * np.minimum(floor - bright, 0)) / np.maximum(1.0 - bright, 1e-4))
    share = np.where(bright < floor, 1.0 - where * (1.0 - share), 1.0)
    return np.asarray(1.0 - (1.0 - picture) * scene.enlarge(np.asarray(share, np.float32))[..., None], np.float32)
