"""The backdrop adapter: backgrounds painted from a palette by the studio's own painter, no weights.

Design:
- A style is a function of a scene (`models/image/painter`); this file only sets the scene and finishes the picture.
- Chance comes from the request alone: the seed, the style and the mood give one generator, so the same request gives
  the same bytes, and the same seed gives different gestures in different styles.
- Pictures are painted at most 2400 px long and enlarged before the grain goes on; tiny ones are painted larger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import BadInput
from models.image.base import BackdropRequest

if TYPE_CHECKING:
    from PIL import Image

STYLES = ("gradient", "mesh", "light_leak", "bokeh", "waves", "paper", "studio_floor")
MOODS = ("light", "dark", "vivid")
SMALLEST = 96  # px of the shortest side painted


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> BackdropPainter:
    return BackdropPainter(card.id)


class BackdropPainter:
    """Paints backgrounds. Holds nothing, so it may be shared between threads."""

    def __init__(self, card_id: str = "backdrop-painter") -> None:
        self.card_id = card_id

    def paint(self, request: BackdropRequest, *, control: Control | None = None) -> Image.Image:
        """An RGB picture of exactly `width` x `height`."""
        import numpy as np
        from PIL import Image

        from models.image.painter import scene as scenes

        control = control or Control()
        control.check()
        _check_palette(request.palette)
        width, height = _paint_size(request.width, request.height)
        rng = np.random.default_rng([request.seed, STYLES.index(request.style), MOODS.index(request.mood)])
        scene = scenes.Scene(
            width=width,
            height=height,
            scheme=scenes.make_scheme(request.palette, request.mood),
            mood=request.mood,
            floor=request.floor_y,
            rng=rng,
        )
        picture = _style(request.style)(scene)
        control.check()
        control.progress(0.8, request.style)
        pixels = scenes.finish(scene, picture, width=request.width, height=request.height, grain=request.grain)
        control.progress(1.0, request.style)
        return Image.fromarray(pixels)

    def close(self) -> None:
        """Nothing is held."""


def _style(name: str) -> Callable[[Any], Any]:
    from models.image.painter import gradients, layers, optics, studio

    return {
        "gradient": gradients.gradient,
        "mesh": gradients.mesh,
        "light_leak": optics.light_leak,
        "bokeh": optics.bokeh,
        "waves": layers.waves,
        "paper": layers.paper,
        "studio_floor": studio.studio_floor,
    }[name]


def _paint_size(width: int, height: int) -> tuple[int, int]:
    """Size to paint at, px: the asked one within what is sensible."""
    from models.image.painter.scene import FULL

    scale = min(1.0, FULL / max(width, height))
    scale = max(scale, min(SMALLEST / min(width, height), FULL / max(width, height)))
    return max(8, round(width * scale)), max(8, round(height * scale))


def _check_palette(palette: tuple[str, ...]) -> None:
    for value in palette:
        if len(value) != 7 or value[0] != "#" or any(c not in "0123456789abcdefABCDEF" for c in value[1:]):
            raise BadInput(f"palette: {value!r} is not a colour.", hint='Write colours as "#rrggbb".')
