"""The compositions: what each kind of scene looks like and how it moves.

Design:
- A scene is prepared when it is near and dropped when it is over, so memory holds two at most.
- Every scene has three depths that move at different speeds: ground, product, type. The ground never stands still.
- Type enters line by line and rests; the product keeps floating; nothing leaves by itself, transitions take it.
- `SceneWords` carries the words a scene may show; they are the brief's and the copy's own, never made up here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np

from pipelines.steps.cut import stage as st
from pipelines.steps.cut.captions import paste, rounded
from pipelines.steps.cut.easing import in_out_sine, mix, out_expo, span
from pipelines.steps.cut.planes import Canvas, Layer, Picture, soft_shadow
from pipelines.steps.cut.reveal import Actor, even
from pipelines.steps.cut.storyboard import Shot
from pipelines.steps.cut.type import Run, SetLine, break_lines, em_width, words_of


@dataclass(frozen=True)
class SceneWords:
    """The words of the film that are not captions."""

    brand: str
    product: str
    headline: str
    subhead: str
    price: str
    offer: str
    call_to_action: str
    language: str


@dataclass
class Scene:
    """A prepared scene: draw it at any time between its start and its end (film seconds)."""

    shot: Shot
    stage: st.Stage
    actors: list[Actor] = field(default_factory=list)

    def ground(self, canvas: Canvas, time: float) -> None:
        raise NotImplementedError

    def draw(self, canvas: Canvas, time: float) -> None:
        self.ground(canvas, time)
        for actor in self.actors:
            actor.draw(canvas, time)

    def progress(self, time: float) -> float:
        return span(time, self.shot.start, self.shot.end - self.shot.start)


@dataclass
class Camera:
    """A slow move over a picture that covers the frame: zoom and centre from one to the other, softly."""

    picture: Picture
    zoom: tuple[float, float]
    shift: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    punch: float = 0.0  # extra zoom that settles in the first 0.9 s

    def view(self, canvas: Canvas, progress: float, since: float, box: tuple[int, int, int, int] | None = None) -> None:
        """`shift` is a share of the room between the picture's edge and the frame's: -1..1."""
        x0, y0, x1, y1 = box or (0, 0, canvas.width, canvas.height)
        width, height = self.picture.size
        fit = max((x1 - x0) / width, (y1 - y0) / height)
        zoom = fit * mix(*self.zoom, 0.35 * in_out_sine(progress) + 0.65 * progress)
        zoom *= 1 + self.punch * (1 - out_expo(since / 0.9))
        room_x, room_y = (width - (x1 - x0) / zoom) / 2, (height - (y1 - y0) / zoom) / 2
        sx, sy = (mix(a, b, progress) for a, b in zip(*self.shift, strict=True))
        centre = ((width - 1) / 2 + sx * room_x, (height - 1) / 2 + sy * room_y)
        self.picture.view(canvas, centre=centre, zoom=zoom, box=(x0, y0, x1, y1))


@dataclass
class Float:
    """The product: comes up once, then hangs in the air."""

    layer: Layer
    centre: tuple[float, float]
    start: float
    swing: float  # px
    rise: float  # px it comes up from

    def draw(self, canvas: Canvas, time: float) -> None:
        since = time - self.start
        if since < 0:
            return
        come = out_expo(since / 1.1)
        scale = mix(0.9, 0.97, come) + 0.006 * since
        x = self.centre[0] - self.layer.width * scale / 2 + self.swing * 0.5 * math.sin(since * 0.9)
        y = self.centre[1] - self.layer.height * scale / 2 + self.rise * (1 - come)
        y += self.swing * math.sin(since * 1.5)
        self.layer.draw(canvas, x, y, scale=scale, opacity=min(1.0, since / 0.18))


@dataclass
class PhotoScene(Scene):
    """A full-bleed picture under a camera, with a scrim for the type."""

    camera: Camera | None = None
    scrim: Layer | None = None
    columns: int = 1
    product: Float | None = None

    def ground(self, canvas: Canvas, time: float) -> None:
        if self.camera is None:
            raise ValueError("A photo scene needs a camera.")
        since, progress = time - self.shot.start, self.progress(time)
        if self.columns > 1 and since < 1.2:
            self._slats(canvas, progress, since)
        else:
            self.camera.view(canvas, progress, since)
        if self.scrim is not None:
            self.scrim.draw(canvas, 0, 0)
        if self.product is not None:
            self.product.draw(canvas, time)

    def _slats(self, canvas: Canvas, progress: float, since: float) -> None:
        """The picture comes in upright slats, one from above, one from below, and closes to a whole."""
        assert self.camera is not None
        whole = Canvas(canvas.width, canvas.height)
        self.camera.view(whole, progress, since)
        edges = [even(canvas.width * index / self.columns) for index in range(self.columns + 1)]
        for index in range(self.columns):
            left, right = edges[index], edges[index + 1]
            gone = 1 - out_expo(span(since, 0.05 + 0.08 * index, 1.0))
            shift = even(canvas.height * 0.6 * gone) * (1 if index % 2 else -1)
            for source, target, divide in (
                (whole.y, canvas.y, 1),
                (whole.u, canvas.u, 2),
                (whole.v, canvas.v, 2),
            ):
                columns = slice(left // divide, right // divide)
                target[:, columns] = np.roll(source[:, columns], shift // divide, axis=0)


@dataclass
class BackdropScene(Scene):
    """The painted backdrop, type behind and before the product, the product between."""

    camera: Camera | None = None
    product: Float | None = None
    behind: list[Actor] = field(default_factory=list)

    def ground(self, canvas: Canvas, time: float) -> None:
        if self.camera is None:
            raise ValueError("A backdrop scene needs a camera.")
        self.camera.view(canvas, self.progress(time), time - self.shot.start)
        for actor in self.behind:
            actor.draw(canvas, time)
        if self.product is not None:
            self.product.draw(canvas, time)


_DIGITS = re.compile(r"[¥￥$€£]?\d[\d.,]*%?|[^\d¥￥$€£]+")


def fact_runs(text: str, *, size: float, ink: str, accent: str) -> tuple[Run, ...]:
    """A fact with its figures set large in the accent colour."""
    out = []
    for part in _DIGITS.findall(text):
        figure = part[-1].isdigit() or part[-1] == "%" or part[0].isdigit()
        out.append(Run(part, size * 1.45 if figure else size, 900 if figure else 700, accent if figure else ink))
    return tuple(out)


def headline_lines(
    text: str, *, language: str, width: float, sizes: tuple[float, float], lines: int
) -> tuple[list[str], float]:
    """Break a headline and choose the largest size (px) at which it fits `width` (px) in `lines` lines."""
    words = words_of(text, language=language)
    big, small = sizes
    size = big
    while size > small:
        rows = break_lines(words, width=width / size, lines=lines)
        if all(_ems(words, row) <= width / size for row in rows):
            break
        size *= 0.94
    rows = break_lines(words, width=width / size, lines=lines)
    out = ["".join(words[i] for i in row).strip() for row in rows]
    return [row.rstrip("，、,") if row != out[-1] else row.rstrip("。.，,") for row in out], size


def _ems(words: list[str], row: list[int]) -> float:
    return em_width("".join(words[i] for i in row).strip())


def layer_of(line: SetLine, *, shadow: float = 0.0, colour: tuple[int, int, int] = (0, 0, 0)) -> tuple[Layer, int]:
    """A set line as a layer and its margin; `shadow` is the opacity of a soft shadow."""
    rgba = line.rgba()
    margin = line.margin
    if shadow > 0:
        radius = line.height * 0.09
        grown = soft_shadow(rgba, radius=radius, opacity=shadow, dy=line.height * 0.03, colour=colour)
        margin += (grown.shape[0] - rgba.shape[0]) // 2
        rgba = grown
    return Layer.of(rgba), margin


def pill(
    line: SetLine, *, fill: str, pad: tuple[float, float], radius: float | None = None, shadow: bool = False
) -> Layer:
    """A line on a rounded plate."""
    width, height = round(line.width + 2 * pad[0]), round(line.height + 2 * pad[1])
    plate = rounded(width, height, radius=height / 2 if radius is None else radius, colour=st.rgb_of(fill), alpha=1.0)
    paste(plate, line.rgba(), round(pad[0]) - line.margin, round(pad[1]) - line.margin)
    if shadow:
        plate = soft_shadow(plate, radius=height * 0.16, opacity=0.3, dy=height * 0.1)
    return Layer.of(plate)


def bar(width: float, height: float, colour: str) -> Layer:
    return Layer.of(
        rounded(max(2, round(width)), max(2, round(height)), radius=height / 2, colour=st.rgb_of(colour), alpha=1.0)
    )


def disc(radius: float, colour: str, alpha: float) -> Layer:
    side = round(radius * 2)
    return Layer.of(rounded(side, side, radius=radius, colour=st.rgb_of(colour), alpha=alpha))


def scrim(stage: st.Stage, colour: str, *, until: float, strength: float) -> Layer:
    """A shade from the frame's top: full down to `until` (share of the height), gone a quarter further down."""
    rows = even(stage.height * min(1.0, until + 0.25))
    y = np.arange(rows, dtype=np.float32) / stage.height
    fall = (0.5 + 0.5 * np.cos(np.pi * np.clip((y - until) / 0.25, 0, 1))) * strength
    rgba = np.empty((rows, stage.width, 4), np.uint8)
    rgba[..., :3] = st.rgb_of(colour)
    rgba[..., 3] = np.round(fall * 255)[:, None]
    return Layer.of(rgba)


def stack(
    lines: list[SetLine],
    *,
    x: float,
    y: float,
    gap: float,
    start: float,
    stagger: float = 0.09,
    shadow: float = 0.0,
    centred: float | None = None,
) -> tuple[list[Actor], float]:
    """Lines under one another, revealed one after the other; returns the actors and the y below them."""
    actors = []
    for index, line in enumerate(lines):
        layer, margin = layer_of(line, shadow=shadow)
        left = x if centred is None else centred - line.width / 2
        actors.append(Actor(layer, left - margin, y - margin, start + index * stagger, entrance="mask", margin=margin))
        y += line.height + gap
    return actors, y - gap
