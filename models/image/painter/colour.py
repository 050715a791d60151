"""Colour the way the eye orders it: OKLab and OKLCH, in plain numpy.

Design:
- Three spaces: sRGB as written ("#rrggbb", encoded, [0, 1]), linear sRGB (where light adds up), OKLab (where colours
  are mixed and chosen: L in [0, 1], a and b about -0.4..0.4). OKLCH is OKLab in polar form, hue in radians.
- Arrays are (..., 3) float32; colours outside sRGB are brought in by lowering chroma, so that hue and lightness stay.
- A ramp between far hues travels partly around the hue circle, because the straight way crosses grey mud.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 unless said otherwise; OpenCV's stubs know no better

_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]], np.float32
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]], np.float32
)  # fmt: skip
_FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]],
    np.float32,
)
_FROM_LMS = np.array(
    [[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
     [-0.0041960863, -0.7034186147, 1.7076147010]], np.float32
)  # fmt: skip


def decode(srgb: Array) -> Array:
    """Encoded sRGB [0, 1] -> linear light [0, 1]."""
    srgb = np.asarray(srgb, np.float32)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0.0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encode(linear: Array) -> Array:
    """Linear light -> encoded sRGB [0, 1], clipped. Exact to a fifth of an 8-bit level except next to black."""
    linear = np.asarray(linear, np.float32)
    if linear.size < 4096:
        clipped = np.clip(linear, 0.0, 1.0)
        return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055).astype(np.float32)
    # A square-root table: even steps in sqrt(light) are nearly even steps in what is seen.
    index = np.sqrt(np.clip(linear, 0.0, 1.0)) * 16384.0
    return _ENCODE_OF_ROOT[index.astype(np.int32)]


_ROOTS = np.linspace(0.0, 1.0, 16385, dtype=np.float64) ** 2
_ENCODE_OF_ROOT = np.where(
    _ROOTS <= 0.0031308, _ROOTS * 12.92, 1.055 * np.maximum(_ROOTS, 1e-12) ** (1 / 2.4) - 0.055
).astype(np.float32)


def lab_from_linear(linear: Array) -> Array:
    """Linear sRGB (..., 3) -> OKLab (..., 3)."""
    return np.asarray(np.cbrt(np.asarray(linear, np.float32) @ _TO_LMS.T) @ _TO_LAB.T, np.float32)


def linear_from_lab(lab: Array) -> Array:
    """OKLab (..., 3) -> linear sRGB (..., 3); may leave [0, 1]."""
    root = np.asarray(lab, np.float32) @ _FROM_LAB.T
    return np.asarray((root * root * root) @ _FROM_LMS.T, np.float32)


def lab_from_hex(colour: str) -> Array:
    """ "#rrggbb" -> OKLab (3,)."""
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)
    return lab_from_linear(decode(values))


def hex_from_lab(lab: Array) -> str:
    """OKLab (3,) -> "#rrggbb", brought into sRGB by lowering chroma."""
    values = encode(np.clip(linear_from_lab(into_gamut(lab)), 0.0, 1.0))
    return "#" + "".join(f"{int(v * 255 + 0.5):02x}" for v in values)


def lch(lab: Array) -> tuple[float, float, float]:
    """OKLab (3,) -> lightness, chroma, hue (radians)."""
    return float(lab[0]), float(np.hypot(lab[1], lab[2])), float(np.arctan2(lab[2], lab[1]))


def from_lch(lightness: float, chroma: float, hue: float) -> Array:
    """OKLCH -> OKLab (3,), brought into sRGB by lowering chroma."""
    chroma = max(chroma, 0.0)
    return into_gamut(np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], np.float32))


def into_gamut(lab: Array) -> Array:
    """The OKLab colour (3,) with as much of its chroma as sRGB can show at its lightness and hue."""
    lab = np.array(lab, np.float32)
    lab[0] = np.clip(lab[0], 0.0, 1.0)

    def shown(share: float) -> bool:
        linear = linear_from_lab(lab * np.array([1.0, share, share], np.float32))
        return bool((linear >= -1e-4).all() and (linear <= 1.0001).all())

    if shown(1.0):
        return lab
    low, high = 0.0, 1.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if shown(middle) else (low, middle)
    return np.asarray(lab * np.array([1.0, low, low], np.float32), np.float32)


def mix(one: Array, other: Array, share: float, *, around: float = 0.6) -> Array:
    """Between two OKLab colours. `around`: 0 = straight, 1 = along the hue circle keeping the chroma."""
    straight = np.asarray(one) * (1 - share) + np.asarray(other) * share
    (l1, c1, h1), (l2, c2, h2) = lch(one), lch(other)
    turn = (h2 - h1 + np.pi) % (2 * np.pi) - np.pi
    colourful = min(1.0, min(c1, c2) / 0.04)  # greys have no hue to travel from
    curved = from_lch(l1 + (l2 - l1) * share, c1 + (c2 - c1) * share, h1 + turn * share)
    weight = around * colourful
    return into_gamut(np.asarray(straight * (1 - weight) + curved * weight, np.float32))


def ramp(stops: list[tuple[float, Array]], *, size: int = 1024, around: float = 0.6) -> Array:
    """A smooth run of OKLab colours (size, 3) through `stops` (position in [0, 1], colour), positions rising."""
    at = np.linspace(0.0, 1.0, 65)
    positions = [position for position, _ in stops]
    knots = np.empty((at.size, 3), np.float32)
    for index, where in enumerate(at):
        right = min(max(int(np.searchsorted(positions, where)), 1), len(stops) - 1)
        (p0, c0), (p1, c1) = stops[right - 1], stops[right]
        share = float(np.clip((where - p0) / max(p1 - p0, 1e-6), 0.0, 1.0))
        knots[index] = mix(c0, c1, share, around=around)
    # Rounding the corners at the stops: the eye sees a kink in a gradient as a line (Mach band).
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.6) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(knots, ((6, 6), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, channel], kernel, mode="valid") for channel in range(3)], axis=1)
    fine = np.linspace(0.0, 1.0, size)
    return np.stack([np.interp(fine, at, smooth[:, channel]) for channel in range(3)], axis=1).astype(np.float32)


def look_up(table: Array, value: Array) -> Array:
    """Colours (h, w, 3) of a ramp (n, 3) at `value` (h, w) in [0, 1], interpolated between its entries."""
    position = np.clip(value, 0.0, 1.0) * (len(table) - 1.001)
    index = position.astype(np.int32)
    share = (position - index)[..., None]
    return np.asarray(table[index] * (1 - share) + table[index + 1] * share, np.float32)


def luminance(colour: str) -> float:
    """WCAG relative luminance of "#rrggbb"."""
    values = decode(np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)).astype(np.float64)
    return float(values @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
