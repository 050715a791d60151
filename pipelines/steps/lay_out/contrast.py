"""Contrast of type, measured on the pixels behind it, and what to do where it is too low.

Design:
- The poster is set once without its type at half size; behind each line of type every pixel counts, bar the worst
  one in a hundred (grain, a spark).
- On a picture a scrim is laid: a smooth field, strongest behind the type, just strong enough. Elsewhere, or where a
  scrim cannot help, the ink itself moves towards white or black until it is read.
- Contrast is WCAG 2's ratio of relative luminances, 1..21.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.steps.lay_out.pictures import F32, U8, rgb

LEAST = 4.5
AIM = 5.4  # leaves room for grain and for the edge of a scrim

_LINEAR = np.array(
    [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.arange(256) / 255], np.float32
)
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)


def luminance(pixels: NDArray[Any]) -> F32:
    """Relative luminance in [0, 1] of RGB pixels in 0..255, shape (..., 3)."""
    return np.asarray(_LINEAR[np.clip(np.rint(pixels), 0, 255).astype(np.uint8)] @ _WEIGHTS, np.float32)


def ratio(a: NDArray[Any] | float, b: NDArray[Any] | float) -> F32:
    """Contrast between luminances."""
    high, low = np.maximum(a, b), np.minimum(a, b)
    return np.asarray((high + 0.05) / (low + 0.05), np.float32)


def behind(image: U8, mark: Mapping[str, Any], scale: float) -> U8:
    """Pixels behind a mark, (n, 3). `scale` is px of the picture per px of the poster."""
    height, width = image.shape[:2]
    if mark.get("turn"):
        wide, tall = mark["flat"]
        centre = ((mark["x"] + mark["w"] / 2) * scale, (mark["y"] + mark["h"] / 2) * scale)
        upright = cv2.warpAffine(image, cv2.getRotationMatrix2D(centre, mark["turn"], 1.0), (width, height))
        level = {
            "x": centre[0] - wide * scale / 2,
            "y": centre[1] - tall * scale / 2,
            "w": wide * scale,
            "h": tall * scale,
        }
        return behind(np.asarray(upright, np.uint8), level, 1.0)
    x0 = min(max(int(mark["x"] * scale), 0), width - 1)
    y0 = min(max(int(mark["y"] * scale), 0), height - 1)
    x1 = min(max(int(np.ceil((mark["x"] + mark["w"]) * scale)), x0 + 1), width)
    y1 = min(max(int(np.ceil((mark["y"] + mark["h"]) * scale)), y0 + 1), height)
    return image[y0:y1, x0:x1].reshape(-1, 3)


def measured(image: U8, mark: Mapping[str, Any], scale: float, inks: Sequence[str] | None = None) -> float:
    """Lowest contrast of a mark's inks against what is behind it, leaving out one pixel in a hundred."""
    light = luminance(behind(image, mark, scale))
    worst = 21.0
    for ink in inks if inks is not None else mark["ink"]:
        worst = min(worst, float(np.percentile(ratio(light, float(luminance(rgb(ink)))), 1)))
    return worst


def readable_ink(image: U8, mark: Mapping[str, Any], scale: float, aim: float = AIM) -> str:
    """The ink moved as little as it takes towards white or black; the better end where neither is enough."""
    start = rgb(mark["ink"][0])
    light = luminance(behind(image, mark, scale))
    ends = (np.full(3, 255, np.float32), np.full(3, 12, np.float32))
    best, best_ratio = start, -1.0
    for step in np.linspace(0, 1, 21):
        for end in ends:
            ink = start * (1 - step) + end * step
            worst = float(np.percentile(ratio(light, float(luminance(ink))), 1))
            if worst >= aim:
                return _hex(ink)
            if worst > best_ratio:
                best, best_ratio = ink, worst
    return _hex(best)


def _hex(colour: NDArray[Any]) -> str:
    return "#" + "".join(f"{int(np.clip(np.rint(c), 0, 255)):02x}" for c in colour)


def needed_veil(image: U8, mark: Mapping[str, Any], scale: float, veil: F32, aim: float = AIM) -> float:
    """Least alpha of a veil of that colour under the mark that reaches `aim`; 1.0 when none below 0.94 does."""
    pixels = behind(image, mark, scale).astype(np.float32)
    if len(pixels) > 6000:
        pixels = pixels[:: len(pixels) // 6000 + 1]
    inks = [float(luminance(rgb(ink))) for ink in mark["ink"]]
    for alpha in np.linspace(0, 0.94, 24):
        light = luminance(pixels * (1 - alpha) + veil * alpha)
        if all(float(np.percentile(ratio(light, ink), 1)) >= aim for ink in inks):
            return float(alpha)
    return 1.0


def veil_field(marks: Sequence[tuple[Mapping[str, Any], float]], slot: Mapping[str, Any], *, reach: float) -> F32:
    """Alpha at an eighth of the slot's size: smooth, and at least each mark's alpha everywhere behind it.

    Args:
        marks: Marks in poster px, and the alpha each needs.
        slot: The picture's place in poster px.
        reach: How far the veil spreads beyond the type, px.
    """
    w, h = max(int(slot["w"]) // 8, 2), max(int(slot["h"]) // 8, 2)
    sx, sy = w / slot["w"], h / slot["h"]
    field = np.zeros((h, w), np.float32)
    sigma = max(reach * sx / 2, 1.0)
    for mark, alpha in marks:
        x0, x1 = (mark["x"] - slot["x"] - reach) * sx, (mark["x"] + mark["w"] - slot["x"] + reach) * sx
        y0, y1 = (mark["y"] - slot["y"] - reach) * sy, (mark["y"] + mark["h"] - slot["y"] + reach) * sy
        part = np.zeros_like(field)
        part[max(int(y0), 0) : max(int(np.ceil(y1)), 0), max(int(x0), 0) : max(int(np.ceil(x1)), 0)] = alpha
        field = np.maximum(field, part)
    pad = int(sigma * 3) + 1
    wide = cv2.copyMakeBorder(field, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(wide, (0, 0), sigma)[pad : pad + h, pad : pad + w]
    return np.clip(soft * 1.06, 0, 0.97).astype(np.float32)
