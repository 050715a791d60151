"""Captions: what stands on the screen while it is spoken, with the spoken word lit, and the SRT beside.

Design:
- A cue is a phrase of one or two lines. It ends at a mark of punctuation where it can, and never inside a word or a
  figure; marks at its end are not shown (they stay in the SRT, which is the script).
- The words of a cue stand on one dark plate, so that white type has contrast >= 4.5:1 on any picture; the word that
  is being spoken gets a plate in the accent colour and the ink that goes with it.
- Every word is set once in white and once in the accent's ink; a cue is put together when it comes up and let go when
  it leaves, so memory does not grow with the number of cues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.steps.cut.easing import clamp, out_quint
from pipelines.steps.cut.planes import Canvas, Layer
from pipelines.steps.cut.timing import Sentence, Word
from pipelines.steps.cut.type import CLOSING, Line, Run, SetLine, break_lines, em_width, set_lines

HIDDEN_AT_END = "，。；：、,.;:"
HOLD = 0.35  # seconds a cue stays after its last word when nothing follows


@dataclass(frozen=True)
class Cue:
    """One caption: its words, which of them stand in which line, and when it shows (seconds)."""

    words: tuple[Word, ...]
    lines: tuple[tuple[int, ...], ...]
    start: float
    end: float

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True)
class CaptionStyle:
    """Size of the type (px), widest line (px), the middle of the plate (px) and its colours."""

    size: float
    width: float
    centre: tuple[float, float]
    accent: str
    on_accent: str
    language: str

    @property
    def ems(self) -> float:
        return self.width / self.size


def make_cues(sentences: Sequence[Sentence], *, ems: float, seconds: float) -> tuple[Cue, ...]:
    """Cut the sentences into cues of at most two lines of `ems` ems; none goes on after `seconds`."""
    groups = [group for sentence in sentences for group in _phrases(sentence.words, ems)]
    cues: list[Cue] = []
    for index, group in enumerate(groups):
        following = groups[index + 1][0].start if index + 1 < len(groups) else seconds
        texts = [_shown(word, last=at + 1 == len(group)) for at, word in enumerate(group)]
        lines = tuple(tuple(line) for line in break_lines(texts, width=ems, lines=2))
        end = min(max(group[-1].end + HOLD, group[0].start + 0.5), max(following, group[-1].end), seconds)
        if end > group[0].start:
            cues.append(Cue(words=group, lines=lines, start=group[0].start, end=end))
    return tuple(cues)


def _phrases(words: Sequence[Word], ems: float) -> list[tuple[Word, ...]]:
    """Words of a sentence in groups that fit on the screen, cut at marks first."""
    phrases: list[list[Word]] = [[]]
    for word in words:
        phrases[-1].append(word)
        if word.text.rstrip()[-1:] in CLOSING.replace("%", "").replace("％", ""):
            phrases.append([])
    out: list[list[Word]] = []
    for phrase in filter(None, phrases):
        if out and _ems(out[-1]) + _ems(phrase) <= ems and min(_ems(out[-1]), _ems(phrase)) < ems * 0.45:
            out[-1] = out[-1] + phrase
        else:
            out += _halved(phrase, ems)
    return [tuple(group) for group in out]


def _halved(phrase: list[Word], ems: float) -> list[list[Word]]:
    """A phrase too long for two lines is cut into even groups."""
    count = 1
    while True:
        rows = break_lines([word.text for word in phrase], width=max(_ems(phrase) / count * 1.2, 1.0), lines=count)
        groups = [[phrase[index] for index in row] for row in rows if row]
        if count >= len(phrase) or all(_ems(group) <= ems * 1.85 for group in groups):
            return groups
        count += 1


def _ems(words: Sequence[Word]) -> float:
    return em_width("".join(word.text for word in words).strip())


def _shown(word: Word, *, last: bool) -> str:
    return word.text.rstrip().rstrip(HIDDEN_AT_END) if last else word.text


def to_srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip text; joined, they are the script."""
    blocks = []
    for number, cue in enumerate(cues, start=1):
        rows = ["".join(cue.words[index].text for index in line).strip() for line in cue.lines]
        blocks.append(f"{number}\n{_stamp(cue.start)} --> {_stamp(cue.end)}\n" + "\n".join(filter(None, rows)) + "\n")
    return "\n".join(blocks)


def _stamp(seconds: float) -> str:
    total = round(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d},{total % 1000:03d}"


@dataclass(frozen=True)
class _Ready:
    """A cue as bitmaps: its plate with white words, and the lit form of every word with its place on the plate."""

    plate: Layer
    lit: tuple[tuple[Layer, int, int], ...]


class Captions:
    """Draws the cue of the moment. One cue is held ready at a time."""

    def __init__(self, cues: Sequence[Cue], style: CaptionStyle) -> None:
        self.cues = tuple(cues)
        self._style = style
        self._ready: tuple[int, _Ready] | None = None
        lines: list[Line] = []
        for cue in self.cues:
            # A line that is too wide even so is set smaller, all its words alike.
            widest = max(sum(em_width(_shown(cue.words[i], last=False)) for i in line) for line in cue.lines)
            size = style.size * min(1.0, style.ems / max(widest, 1e-6))
            for index, word in enumerate(cue.words):
                text = _shown(word, last=index + 1 == len(cue.words)).strip()
                for fill in ("#ffffff", style.on_accent):
                    lines.append(Line((Run(text, size, 800, fill),), margin=8))
        self._set = set_lines(lines, language=style.language)

    def draw(self, canvas: Canvas, time: float) -> None:
        """Draw the caption that stands at `time` (seconds)."""
        index = next((i for i, cue in enumerate(self.cues) if cue.start <= time < cue.end), None)
        if index is None:
            return
        cue, ready = self.cues[index], self._get(index)
        first = index == 0 or self.cues[index - 1].end < cue.start - 0.02
        rise = out_quint((time - cue.start) / 0.22) if first else out_quint(0.6 + (time - cue.start) / 0.4)
        x = round((self._style.centre[0] - ready.plate.width / 2) / 2) * 2
        y = round((self._style.centre[1] - ready.plate.height / 2) / 2) * 2
        dy = round((1 - rise) * self._style.size * 0.3 / 2) * 2
        opacity = clamp(0.15 + (time - cue.start) / 0.1)
        ready.plate.draw(canvas, x, y + dy, opacity=opacity)
        spoken = next((i for i, word in reversed(list(enumerate(cue.words))) if word.start <= time), 0)
        if time > cue.words[-1].end + 0.25:
            return
        layer, lx, ly = ready.lit[spoken]
        layer.draw(canvas, x + lx, y + dy + ly, opacity=opacity)

    def box(self, index: int) -> tuple[float, float, float, float]:
        """Where a cue's plate stands when it rests: x0, y0, x1, y1 in px."""
        plate = self._get(index).plate
        x = self._style.centre[0] - plate.width / 2
        y = self._style.centre[1] - plate.height / 2
        return x, y, x + plate.width, y + plate.height

    def _get(self, index: int) -> _Ready:
        if self._ready is None or self._ready[0] != index:
            self._ready = (index, self._build(index))
        return self._ready[1]

    def _build(self, index: int) -> _Ready:
        cue, style = self.cues[index], self._style
        first = 2 * sum(len(earlier.words) for earlier in self.cues[:index])
        white = [self._set[first + 2 * i] for i in range(len(cue.words))]
        dark = [self._set[first + 2 * i + 1] for i in range(len(cue.words))]
        pad_x, pad_y, gap = (round(style.size * share) for share in (0.42, 0.26, 0.24))
        space = round(style.size * 0.26)
        row = max(word.height for word in white)
        widths = [_row_width(cue, line, white, space) for line in cue.lines]
        width = max(widths) + 2 * pad_x
        height = row * len(cue.lines) + gap * (len(cue.lines) - 1) + 2 * pad_y
        width, height = width + width % 2, height + height % 2
        plate = rounded(width, height, radius=style.size * 0.38, colour=(10, 12, 18), alpha=0.74)
        lit: list[tuple[Layer, int, int] | None] = [None] * len(cue.words)
        y = pad_y
        for line, length in zip(cue.lines, widths, strict=True):
            x = (width - length) // 2
            for i in line:
                _paste(plate, white[i], x, y)
                lit[i] = _lit(dark[i], x, y, style)
                x += white[i].width + (space if cue.words[i].text.endswith(" ") else 0)
            y += row + gap
        return _Ready(plate=Layer.of(plate), lit=tuple(entry for entry in lit if entry is not None))


def _row_width(cue: Cue, line: Sequence[int], words: Sequence[SetLine], space: int) -> int:
    return sum(words[i].width + (space if cue.words[i].text.endswith(" ") and i != line[-1] else 0) for i in line)


def _lit(word: SetLine, x: int, y: int, style: CaptionStyle) -> tuple[Layer, int, int]:
    """The word on its accent plate, and where that stands (even px)."""
    grow_x, grow_y = round(style.size * 0.13), round(style.size * 0.07)
    left, top = (x - grow_x) // 2 * 2, (y - grow_y) // 2 * 2
    width, height = word.width + (x - left) + grow_x, word.height + (y - top) + grow_y
    rgb = tuple(int(style.accent[i : i + 2], 16) for i in (1, 3, 5))
    plate = rounded(width, height, radius=style.size * 0.2, colour=rgb, alpha=1.0)
    _paste(plate, word, x - left, y - top)
    return Layer.of(plate), left, top


def rounded(width: int, height: int, *, radius: float, colour: Sequence[int], alpha: float) -> np.ndarray:
    """A rounded rectangle as [h, w, 4] uint8 RGBA, edges antialiased."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    radius = min(radius, width / 2, height / 2)
    dx = np.maximum(np.abs(xs - width / 2) - (width / 2 - radius), 0)
    dy = np.maximum(np.abs(ys - height / 2) - (height / 2 - radius), 0)
    cover = np.clip(radius - np.hypot(dx, dy) + 0.5, 0, 1)
    out = np.empty((height, width, 4), np.uint8)
    out[..., :3] = colour
    out[..., 3] = np.round(cover * alpha * 255)
    return out


def paste(target: np.ndarray, source: np.ndarray, x: int, y: int) -> None:
    """Put RGBA over RGBA (straight alpha) in place; what falls outside is cut off."""
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + source.shape[1], target.shape[1]), min(y + source.shape[0], target.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    top = source[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32)
    below = target[y0:y1, x0:x1].astype(np.float32)
    over, under = top[..., 3:] / 255, below[..., 3:] / 255
    alpha = over + under * (1 - over)
    rgb = cv2.divide(top[..., :3] * over + below[..., :3] * under * (1 - over), np.maximum(alpha, 1e-4).repeat(3, 2))
    target[y0:y1, x0:x1] = np.dstack([np.clip(rgb + 0.5, 0, 255), alpha * 255 + 0.5]).astype(np.uint8)


def _paste(target: np.ndarray, word: SetLine, x: int, y: int) -> None:
    paste(target, word.rgba(), x - word.margin, y - word.margin)
