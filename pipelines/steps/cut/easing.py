"""How things move: curves from progress in [0, 1] to progress in about [0, 1].

Design:
- Plain functions of one number; a curve may overshoot (`out_back`) but begins at 0 and ends at 1.
- Type comes to rest with a long tail (`out_expo`, `out_quint`); cameras start and stop softly (`in_out_sine`).
"""

from __future__ import annotations

import math


def clamp(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return low if value < low else high if value > high else value


def span(time: float, start: float, seconds: float) -> float:
    """Progress in [0, 1] of something that starts at `start` and takes `seconds`."""
    return 1.0 if seconds <= 0 and time >= start else clamp((time - start) / max(seconds, 1e-6))


def mix(start: float, end: float, progress: float) -> float:
    return start + (end - start) * progress


def in_out_sine(x: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * clamp(x))


def out_cubic(x: float) -> float:
    return 1.0 - (1.0 - clamp(x)) ** 3


def out_quint(x: float) -> float:
    return 1.0 - (1.0 - clamp(x)) ** 5


def out_expo(x: float) -> float:
    x = clamp(x)
    return 1.0 if x >= 1.0 else (1.0 - 2.0 ** (-10.0 * x)) / (1.0 - 2.0**-10.0)


def in_out_cubic(x: float) -> float:
    x = clamp(x)
    return 4.0 * x**3 if x < 0.5 else 1.0 - (2.0 - 2.0 * x) ** 3 / 2.0


def in_out_quint(x: float) -> float:
    x = clamp(x)
    return 16.0 * x**5 if x < 0.5 else 1.0 - (2.0 - 2.0 * x) ** 5 / 2.0


def out_back(x: float, overshoot: float = 1.4) -> float:
    """Goes a little past its end and comes back."""
    x = clamp(x) - 1.0
    return 1.0 + (overshoot + 1.0) * x**3 + overshoot * x**2
