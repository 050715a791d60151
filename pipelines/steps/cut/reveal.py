"""How a layer comes on and stays: one small type that scenes make lists of.

Design:
- An `Actor` knows its resting place and when it enters; it never needs to know what else is on the stage.
- At rest it stands on the even pixel grid, where blending is cheapest; only what moves is resampled.
- A caller puts actors in drawing order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pipelines.steps.cut.easing import clamp, out_back, out_cubic, out_expo, out_quint, span
from pipelines.steps.cut.planes import Box, Canvas, Layer

Entrance = Literal["mask", "rise", "slide", "pop", "fade", "wipe", "cut"]
SECONDS: dict[Entrance, float] = {
    "mask": 0.75,
    "rise": 0.6,
    "slide": 0.7,
    "pop": 0.5,
    "fade": 0.35,
    "wipe": 0.6,
    "cut": 0.0,
}


def even(value: float) -> int:
    return round(value / 2) * 2


@dataclass(frozen=True)
class Actor:
    """A layer with a place and an entrance.

    Attributes:
        x, y: Top-left corner at rest (px).
        start: When it begins to enter (film seconds).
        entrance: "mask": up out of its own lower edge; "rise": up and in; "slide": from the left, masked by nothing;
            "pop": grows past its size and back; "wipe": uncovered from left to right.
        margin: Free margin inside the layer (px), left out of the mask.
        drift: (dx, dy) px a second it goes on moving, in steps of the even grid (for large, faint things).
        pulse: Share by which it breathes after it entered (0.03 = 3 %).
    """

    layer: Layer
    x: float
    y: float
    start: float
    entrance: Entrance = "mask"
    margin: int = 0
    drift: tuple[float, float] = (0.0, 0.0)
    pulse: float = 0.0

    def draw(self, canvas: Canvas, time: float) -> None:
        if time < self.start:
            return
        done = span(time, self.start, SECONDS[self.entrance])
        x, y = float(even(self.x)), float(even(self.y))
        if self.drift != (0.0, 0.0):
            since = time - self.start
            x, y = float(even(self.x + self.drift[0] * since)), float(even(self.y + self.drift[1] * since))
        if done >= 1.0 and not self.pulse:
            self.layer.draw(canvas, x, y)
            return
        getattr(self, f"_{self.entrance}")(canvas, x, y, done, time)

    def _mask(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        height = self.layer.height - 2 * self.margin
        low = y + self.layer.height - self.margin + height * 0.12
        clip: Box = (0, 0, canvas.width, max(0, even(low)))
        self.layer.draw(canvas, x, y + (1 - out_expo(done)) * height * 1.15, clip=clip)

    def _rise(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        self.layer.draw(canvas, x, y + (1 - out_quint(done)) * self.layer.height * 0.35, opacity=clamp(done * 2.5))

    def _slide(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        self.layer.draw(canvas, x - (1 - out_expo(done)) * (x + self.layer.width), y)

    def _pop(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        scale = 0.55 + 0.45 * out_back(done)
        if done >= 1.0 and self.pulse:
            since = time - self.start - SECONDS["pop"]
            scale = 1.0 + self.pulse * (0.5 - 0.5 * math.cos(2 * math.pi * since / 1.1))
        dx, dy = self.layer.width * (1 - scale) / 2, self.layer.height * (1 - scale) / 2
        self.layer.draw(canvas, x + dx, y + dy, scale=scale, opacity=clamp(done * 4))

    def _fade(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        self.layer.draw(canvas, x, y, opacity=out_cubic(done))

    def _wipe(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        right = x + self.layer.width * out_quint(done)
        self.layer.draw(canvas, x, y, clip=(0, 0, even(right), canvas.height))

    def _cut(self, canvas: Canvas, x: float, y: float, done: float, time: float) -> None:
        self.layer.draw(canvas, x, y)
