"""The film: scenes on a time line, transitions between them, captions and label over all; a frame for any time.

Design:
- `frame(time)` is a pure function of time, so the encoder and moviepy see the same film; scenes prepared for it are
  kept only while they are near.
- Drawing order: scene (or two and their transition), progress line, label, caption.
- Transitions lie before a scene's start, so that a scene is whole when its sentence is spoken.
- `as_clip()` gives the same frames as a moviepy `VideoClip`, for those who edit on.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.steps.cut import transitions as tr
from pipelines.steps.cut.captions import Captions, CaptionStyle, make_cues
from pipelines.steps.cut.direct import Director
from pipelines.steps.cut.easing import clamp, in_out_cubic
from pipelines.steps.cut.planes import Canvas, Layer
from pipelines.steps.cut.scenes import Scene, SceneWords, pill
from pipelines.steps.cut.stage import Props, Stage, contrast
from pipelines.steps.cut.storyboard import Shot, storyboard
from pipelines.steps.cut.timing import Sentence
from pipelines.steps.cut.type import Line, Run, set_lines
from pipelines.steps.vocabulary import Label, Product

if TYPE_CHECKING:
    from moviepy import VideoClip

LABEL_SECONDS = 3.2  # how long the opening label stands; the rules ask for two
LABEL_SMALL = 0.55  # its size afterwards


@dataclass(frozen=True)
class Cut:
    """A change of scene: from `start` to `end` (seconds) the transition `kind` runs."""

    kind: tr.Transition
    start: float
    end: float


class Film:
    """All that is needed to draw any frame of the film.

    Args:
        sentences: In film time.
        seconds: Length; every time in [0, seconds) can be drawn.
    """

    def __init__(
        self,
        *,
        stage: Stage,
        props: Props,
        words: SceneWords,
        product: Product,
        sentences: Sequence[Sentence],
        label: Label,
        seconds: float,
        seed: int,
    ) -> None:
        self.stage, self.seconds = stage, seconds
        self.shots = storyboard(sentences, product, seconds=seconds, seed=seed)
        self.cuts = _cuts(self.shots, seed)
        self._director = Director(stage=stage, props=props, words=words)
        self._palette = props.palette
        self._scenes: dict[int, Scene] = {}
        zone = stage.zone("captions")
        accent, ink = _spoken_colours(props)
        style = CaptionStyle(
            size=62 * stage.unit,
            width=zone.width - 52 * stage.unit,
            centre=zone.centre,
            accent=accent,
            on_accent=ink,
            language=words.language,
        )
        self.captions = Captions(make_cues(sentences, ems=style.ems, seconds=seconds), style)
        self._label = self._make_label(label, words.language)
        self._canvas = Canvas(stage.width, stage.height)
        self._spare = (Canvas(stage.width, stage.height), Canvas(stage.width, stage.height))

    def frame(self, time: float) -> Canvas:
        """The frame at `time` (seconds). The canvas is used again by the next call."""
        index = max(i for i, shot in enumerate(self.shots) if shot.start <= time or i == 0)
        cut = next((i for i, c in enumerate(self.cuts) if c.start <= time < c.end), None)
        canvas = self._canvas
        if cut is None:
            self._keep({index})
            self._scene(index).draw(canvas, time)
        else:
            self._keep({cut, cut + 1})
            before, after = self._spare
            self._scene(cut).draw(before, time)
            self._scene(cut + 1).draw(after, time)
            change = self.cuts[cut]
            done = (time - change.start) / (change.end - change.start)
            tr.blend_scenes(change.kind, before, after, canvas, done, colour=self._palette.accent)
        self._progress_line(canvas, time)
        self._draw_label(canvas, time)
        self.captions.draw(canvas, time)
        return canvas

    def as_clip(self, *, fps: int = 30) -> VideoClip:
        """The film's pictures as a moviepy clip (RGB frames, no sound)."""
        from moviepy import VideoClip

        def make(time: float) -> np.ndarray:
            return self.frame(min(float(time), self.seconds - 1e-6)).rgb()

        clip: Any = VideoClip(frame_function=make, duration=self.seconds)
        return clip.with_fps(fps)

    def cover_time(self) -> float:
        """When the hook stands complete: the picture for the cover."""
        first = self.shots[0]
        return min(first.start + 2.0, max(first.end - 0.6, 0.0), self.seconds * 0.5)

    def cover(self) -> np.ndarray:
        """The hook without caption, label or progress line: [height, width, 3] uint8 RGB."""
        self._keep({0})
        canvas = self._canvas
        self._scene(0).draw(canvas, self.cover_time())
        if self._label is not None:
            self._draw_label(canvas, 1.0)
        return canvas.rgb()

    def _scene(self, index: int) -> Scene:
        if index not in self._scenes:
            self._scenes[index] = self._director.prepare(_early(self.shots, self.cuts, index))
        return self._scenes[index]

    def _keep(self, wanted: set[int]) -> None:
        for index in set(self._scenes) - wanted:
            del self._scenes[index]

    def _progress_line(self, canvas: Canvas, time: float) -> None:
        unit = self.stage.unit
        height = max(2, round(6 * unit / 2) * 2)
        top = round(self.stage.height * 0.052 / 2) * 2 if self.stage.ratio == "portrait" else 0
        left = round(self.stage.width * (0.085 if self.stage.ratio == "portrait" else 0.0))
        width = self.stage.width - 2 * left
        gap = round(8 * unit)
        for shot in self.shots:
            x0 = left + width * shot.start / self.seconds
            x1 = left + width * shot.end / self.seconds - gap
            filled = clamp((time - shot.start) / (shot.end - shot.start))
            _tint(canvas, (x0, top, x1, top + height), 0.35)
            _tint(canvas, (x0, top, x0 + (x1 - x0) * filled, top + height), 0.9)

    def _make_label(self, label: Label, language: str) -> tuple[Layer, Label] | None:
        if not label.text.strip():
            return None
        # The type box of a CJK font is 1 em; its ink is about 0.88 of it, and the rule is about what is seen.
        size = label.min_fraction * min(self.stage.width, self.stage.height) / 0.86 + 1
        line = set_lines([Line((Run(label.text, size, 700, "#ffffff"),), margin=8)], language=language)[0]
        return pill(line, fill="#0b0d13", pad=(size * 0.5, size * 0.22), radius=size * 0.36), label

    def _draw_label(self, canvas: Canvas, time: float) -> None:
        if self._label is None:
            return
        layer, label = self._label
        shrink = in_out_cubic((time - LABEL_SECONDS) / 0.5)
        scale = 1 + (LABEL_SMALL - 1) * shrink
        zone, stage = self.stage.zone("type"), self.stage
        edge = zone.x0 if stage.ratio == "portrait" else 36 * stage.unit
        top = stage.height * 0.068 if stage.ratio == "portrait" else 28 * stage.unit
        left = label.position.endswith("left")
        x = edge if left else (zone.x1 if stage.ratio == "portrait" else stage.width - edge) - layer.width * scale
        layer.draw(canvas, round(x / 2) * 2, round(top / 2) * 2, scale=scale, opacity=0.82 - 0.22 * shrink)


def _tint(canvas: Canvas, box: tuple[float, float, float, float], share: float) -> None:
    """Lift a rectangle towards white by `share`."""
    x0, y0, x1, y1 = (round(edge / 2) * 2 for edge in box)
    if x1 <= x0:
        return
    for plane, divide, white in ((canvas.y, 1, 235), (canvas.u, 2, 128), (canvas.v, 2, 128)):
        part = plane[y0 // divide : y1 // divide, x0 // divide : x1 // divide]
        if part.size:
            part[...] = cv2.convertScaleAbs(part, alpha=1 - share, beta=white * share)


def _spoken_colours(props: Props) -> tuple[str, str]:
    """Plate and ink of the spoken word; the plate must stand out from the caption's dark one."""
    palette = props.palette
    for plate in (palette.accent, *palette.swatches):
        for ink in (palette.on_accent, "#ffffff", "#0b0d12"):
            if contrast(plate, "#191b21") >= 2.2 and contrast(ink, plate) >= 4.5:
                return plate, ink
    return "#ffd54a", "#0b0d12"


def _cuts(shots: Sequence[Shot], seed: int) -> tuple[Cut, ...]:
    choice = random.Random(seed * 31 + 7)
    cuts = []
    last: tr.Transition = "fade"
    for before, after in itertools.pairwise(shots):
        kind: tr.Transition
        if after.kind == "price":
            kind = "sweep"
        elif before.kind == "price":
            kind = "push"
        elif after.kind == "split":
            kind = "fade"
        else:
            kind = choice.choice([k for k in ("push", "wipe") if k != last])  # type: ignore[assignment]
        length = min(tr.SECONDS[kind], (before.end - before.start) * 0.4)
        cuts.append(Cut(kind, after.start - length * 0.6, after.start + length * 0.4))
        last = kind
    return tuple(cuts)


def _early(shots: Sequence[Shot], cuts: Sequence[Cut], index: int) -> Shot:
    """The shot with its start at its transition's start, so that it is moving when it is first seen."""
    shot = shots[index]
    if index == 0:
        return shot
    start = cuts[index - 1].start
    return Shot(kind=shot.kind, start=start, end=shot.end, moments=shot.moments, variant=shot.variant)
