"""Cut-outs on a poster: the subject at its place with a shadow, a paper edge or a glow of its own.

Design:
- Light is painted into `spill` px around the slot and falls to nothing before the spill ends.
- Where the photograph ended before the subject did, that side fades, or stands on an edge (`keep_bottom`).
- Arrays are uint8 RGBA, (height, width, 4), unless said otherwise; masks are float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from pipelines.steps.lay_out.pictures import F32, U8, Sources, grade, rgb


def _flat_sides(alpha: U8) -> dict[str, float]:
    """Sides where the photograph's own edge cut the subject, as the share of that side it covers."""
    sides = {
        "top": alpha[:2].max(0),
        "bottom": alpha[-2:].max(0),
        "left": alpha[:, :2].max(1),
        "right": alpha[:, -2:].max(1),
    }
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
    colour = grade(
        np.asarray(colour, np.uint8), how, sources, ink=options.get("ink", ""), paper=options.get("paper", "")
    )
    effect = options.get("effect", "soft")
    flat = _flat_sides(np.asarray(alpha, np.uint8))
    if effect != "sticker":
        stands = {"bottom"} if options.get("keep_bottom") else set()
        alpha = _soften_cut(
            np.asarray(alpha, np.uint8), {side: share for side, share in flat.items() if side not in stands}
        )
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


def cut_sides(cutout: U8) -> list[str]:
    """Sides on which the photograph ended before the subject did."""
    alpha = cutout[..., 3]
    scale = min(400 / max(alpha.shape), 1.0)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return sorted(_flat_sides(np.asarray(small, np.uint8)))


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
    mask: F32,
    place: tuple[int, int, int, int],
    effect: str,
    options: Mapping[str, Any],
    sources: Sources,
    flat: Mapping[str, float],
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
