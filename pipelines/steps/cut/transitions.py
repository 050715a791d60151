"""How one scene becomes the next: two finished canvases in, one out.

Design:
- Each works on planes by slices; only a cross-fade and a soft edge touch pixels arithmetically.
- Progress is eased by the caller's clock alone; edges lie on even pixels because they are fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np

from pipelines.steps.cut.easing import in_out_cubic, in_out_quint, in_out_sine
from pipelines.steps.cut.planes import Canvas, colour_yuv

Transition = Literal["fade", "push", "wipe", "sweep"]
SECONDS: dict[Transition, float] = {"fade": 0.4, "push": 0.5, "wipe": 0.5, "sweep": 0.6}


def _planes(*canvases: Canvas) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    """(divisor, the same plane of every canvas) for Y, U and V."""
    yield 1, tuple(canvas.y for canvas in canvases)
    yield 2, tuple(canvas.u for canvas in canvases)
    yield 2, tuple(canvas.v for canvas in canvases)


def blend_scenes(kind: Transition, before: Canvas, after: Canvas, out: Canvas, done: float, *, colour: str) -> None:
    """Mix two canvases into `out` at progress `done` (0..1); `colour` is the sweep's."""
    {"fade": _fade, "push": _push, "wipe": _wipe, "sweep": _sweep}[kind](before, after, out, done, colour)


def _fade(before: Canvas, after: Canvas, out: Canvas, done: float, colour: str) -> None:
    share = in_out_sine(done)
    cv2.addWeighted(before.data, 1 - share, after.data, share, 0, dst=out.data)


def _push(before: Canvas, after: Canvas, out: Canvas, done: float, colour: str) -> None:
    """The next scene comes from below, the old one leaves at a third of its speed."""
    share = in_out_quint(done)
    edge = round(out.height * (1 - share) / 2) * 2
    lift = round(out.height * share * 0.34 / 2) * 2
    for divide, (old, new, target) in _planes(before, after, out):
        at, up = edge // divide, lift // divide
        target[:at] = old[up : up + at]
        target[at:] = new[: target.shape[0] - at]


def _wipe(before: Canvas, after: Canvas, out: Canvas, done: float, colour: str) -> None:
    """A soft edge goes across from right to left."""
    soft = round(out.width * 0.28 / 2) * 2
    edge = round(((1 - in_out_cubic(done)) * (out.width + soft) - soft) / 2) * 2
    left, right = max(edge, 0), min(edge + soft, out.width)
    for divide, (old, new, target) in _planes(before, after, out):
        a, b = left // divide, max(right, 0) // divide
        target[:, :a] = old[:, :a]
        target[:, b:] = new[:, b:]
        if b > a:
            ramp = (np.arange(a, b, dtype=np.float32) - edge / divide + 0.5) / (soft / divide)
            share = (ramp * ramp * (3 - 2 * ramp))[None, :]
            mixed = old[:, a:b] + (new[:, a:b].astype(np.float32) - old[:, a:b]) * share
            target[:, a:b] = mixed + 0.5


def _sweep(before: Canvas, after: Canvas, out: Canvas, done: float, colour: str) -> None:
    """A panel of the accent colour crosses upwards and leaves the next scene behind."""
    head = round(out.height * (1 - in_out_quint(min(1.0, done / 0.72))) / 2) * 2
    tail = round(out.height * (1 - in_out_quint(max(0.0, (done - 0.28) / 0.72))) / 2) * 2
    for (divide, (old, new, target)), value in zip(_planes(before, after, out), colour_yuv(colour), strict=True):
        a, b = head // divide, tail // divide
        target[:a] = old[:a]
        target[a:b] = value
        target[b:] = new[b:]
