"""Type for the film: lines set by Typst, broken into lines here, as transparent bitmaps.

Design:
- The same engine and the same typefaces as the posters; a line is one bitmap, so that the compositor can move
  every line (or word) by itself. All lines of a film are set in one run of Typst.
- Text goes in as JSON and is set as a string: nothing in it is ever read as markup.
- Lines are broken between words (jieba for Chinese), never inside a word or a figure, never before a closing or
  after an opening mark, and balanced: the choice with the least difference in length wins.
- Bitmaps stay PNG until they are drawn; a hundred captions weigh no more than their ink.
"""

from __future__ import annotations

import functools
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.errors import StepFailed
from pipelines.steps.lay_out.fonts import clean, typst_fonts

CLOSING = "，。！？；：、,.!?;:…）)】》」』”’%％"
OPENING = "（(【《「『“‘¥￥$#@"
FONTS = ("Noto Sans CJK SC", "Noto Sans SC")


@dataclass(frozen=True)
class Run:
    """A stretch of type in one style. Sizes in px; `fill` is "#rrggbb" or "#rrggbbaa"."""

    text: str
    size: float
    weight: int = 700
    fill: str = "#ffffff"
    tracking: float = 0.0


@dataclass(frozen=True)
class Line:
    """One line to set: its runs, the width it must not exceed (px, 0 = any) and the free margin around it (px)."""

    runs: tuple[Run, ...]
    fit: float = 0.0
    margin: int = 8


@dataclass(frozen=True)
class SetLine:
    """A line as it was set. `width` and `height` (px) are those of its type box, without the margin."""

    png: bytes = field(repr=False)
    margin: int
    width: int
    height: int

    def rgba(self) -> np.ndarray:
        """[h + 2 margin, w + 2 margin, 4] uint8, straight alpha."""
        return decode_rgba(self.png)


def decode_rgba(png: bytes) -> np.ndarray:
    """PNG bytes -> [h, w, 4] uint8 RGBA."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA"))


def set_lines(lines: Sequence[Line], *, language: str) -> list[SetLine]:
    """Set lines of type; the result has one bitmap for each, in order."""
    import typst

    if not lines:
        return []
    payload = [
        {
            "runs": [
                {"text": drawable(r.text), "size": r.size, "weight": r.weight, "fill": r.fill, "tracking": r.tracking}
                for r in line.runs
            ],
            "fit": line.fit,
            "margin": line.margin,
        }
        for line in lines
    ]
    inputs = {"lines": json.dumps(payload, ensure_ascii=False), "font": "|".join(FONTS), "lang": language}
    try:
        pages = typst.compile(
            str(Path(__file__).with_name("lines.typ")),
            format="png",
            ppi=72,
            font_paths=typst_fonts(),
            ignore_system_fonts=True,
            sys_inputs=inputs,
        )
    except RuntimeError as error:  # typst.TypstError is one
        raise StepFailed(f"The film's type could not be set: {str(error).splitlines()[0]}") from error
    images = pages if isinstance(pages, list) else [pages]
    if len(images) != len(lines):
        raise StepFailed(f"Typst set {len(images)} lines instead of {len(lines)}.")
    return [_measured(png, line.margin) for png, line in zip(images, lines, strict=True)]


def drawable(text: str) -> str:
    """The text without what no font of ours has (emoji, say); never empty, so that a line keeps its height."""
    kept, _ = clean(text)
    return kept or "\u200b"


def _measured(png: bytes, margin: int) -> SetLine:
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))  # PNG header
    return SetLine(png=png, margin=margin, width=width - 2 * margin, height=height - 2 * margin)


def em_width(text: str) -> float:
    """Width of bold text in ems, near enough to choose line breaks."""
    total = 0.0
    for char in text:
        if unicodedata.east_asian_width(char) in "WF":
            total += 1.0
        elif char.isspace():
            total += 0.25
        elif char.isupper() or char in "%&@mwMW":
            total += 0.68
        elif char in "iljtf.,:;'!|()":
            total += 0.33
        else:
            total += 0.58
    return total


_FIGURE = re.compile(r"[¥￥$€£]?\d[\d.,:%％]*(?:[a-zA-Z]+|[^\W\d_a-zA-Z])?|[A-Za-z][\w'’-]*", re.UNICODE)


def words_of(text: str, *, language: str) -> list[str]:
    """Words that must not be broken, with the marks that belong to them; joined they give `text` again.

    A word of a spaced language carries the space after it.
    """
    raw = re.findall(r"\S+\s*", text) if language == "en" else _chinese_words(text)
    out: list[str] = []
    for word in raw:
        glued = out and (word.strip() == "" or word[0] in CLOSING or out[-1][-1:] in OPENING)
        if glued:
            out[-1] += word
        else:
            out.append(word)
    return out


def _chinese_words(text: str) -> list[str]:
    jieba = _jieba()
    out: list[str] = []
    at = 0
    for match in _FIGURE.finditer(text):
        out += jieba.lcut(text[at : match.start()]) if match.start() > at else []
        out.append(match.group())
        at = match.end()
    return out + (jieba.lcut(text[at:]) if at < len(text) else [])


@functools.lru_cache(maxsize=1)
def _jieba():  # type: ignore[no-untyped-def]
    import logging

    import jieba

    jieba.setLogLevel(logging.ERROR)
    return jieba


def break_lines(words: Sequence[str], *, width: float, lines: int) -> list[list[int]]:
    """Break words into at most `lines` lines of at most `width` ems, as even as can be.

    Returns:
        Indices of the words of each line. When the text is too long for that, the last line takes the rest.
    """
    sizes = [em_width(word.rstrip() if i + 1 == len(words) else word) for i, word in enumerate(words)]
    total = sum(sizes)
    for count in range(1, lines + 1):
        best = _best_split(words, sizes, count, width, total / count)
        if best is not None:
            return best
    return _greedy(sizes, width, lines)


def _best_split(
    words: Sequence[str], sizes: Sequence[float], count: int, width: float, ideal: float
) -> list[list[int]] | None:
    @functools.cache
    def best(start: int, left: int) -> tuple[float, tuple[int, ...]] | None:
        if left == 1:
            length = sum(sizes[start:])
            return ((length - ideal) ** 2, (len(sizes),)) if 0 < length <= width else None
        found: tuple[float, tuple[int, ...]] | None = None
        for end in range(start + 1, len(sizes)):
            length = sum(sizes[start:end])
            if length > width:
                break
            rest = best(end, left - 1)
            if rest is None:
                continue
            # A break after a mark of punctuation reads better than an even one.
            bonus = 4.0 if words[end - 1].rstrip()[-1:] in CLOSING else 0.0
            cost = (length - ideal) ** 2 - bonus + rest[0]
            if found is None or cost < found[0]:
                found = (cost, (end, *rest[1]))
        return found

    if len(sizes) < count:
        return None
    chosen = best(0, count)
    if chosen is None:
        return None
    starts = (0, *chosen[1][:-1])
    return [list(range(a, b)) for a, b in zip(starts, chosen[1], strict=True)]


def _greedy(sizes: Sequence[float], width: float, lines: int) -> list[list[int]]:
    out: list[list[int]] = [[]]
    length = 0.0
    for index, size in enumerate(sizes):
        if out[-1] and length + size > width and len(out) < lines:
            out.append([])
            length = 0.0
        out[-1].append(index)
        length += size
    return out
