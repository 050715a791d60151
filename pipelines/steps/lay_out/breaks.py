"""Where a line may end: the language part of typesetting.

Design:
- Typst measures, this module knows language: for each number of lines it proposes the best break or two, with a
  cost in [0, 1]; the template takes the one that fills its box best.
- Chinese breaks between words (jieba), best after punctuation; a line never starts with closing punctuation or a
  particle, a figure stays with its unit, and no line is a single character.
- English breaks at spaces, never after an article or a preposition when it can be helped.
- Widths are estimated in em, which is enough to balance lines; fitting is measured by Typst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_CLOSING = set("，。！？；：、）》」』”’…—～·%％℃°,.!?;:)]}~")
_OPENING = set("（《「『“‘([{#@$¥￥€£")
_STOPS = set("，。！？；：、,.!?;:…—")
_PARTICLES = {"的", "了", "吗", "呢", "吧", "着", "过", "得", "地", "们", "里", "上", "下", "中", "么", "啊", "呀"}
_CLINGING_EN = "a an the of to in for and or on at by with from your my our is are be no not"
_CLINGING_ZH = "和与在为把让给从向对不更最很再只就也每这那一无零"
_CLINGING = {*_CLINGING_EN.split(), *_CLINGING_ZH}
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,:/'’&+\-]*[A-Za-z0-9%]|[A-Za-z0-9]|\s+|[^\sA-Za-z0-9]+")
_LONGEST = 11.0  # em; a single token wider than this may be cut anywhere


@dataclass(frozen=True)
class Break:
    """One way to set a text. `cost` is 0 for a break nobody notices, 1 for one that hurts."""

    lines: tuple[str, ...]
    cost: float


def is_cjk(character: str) -> bool:
    code = ord(character)
    return 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFFEF or code >= 0x20000


def width(text: str) -> float:
    """Estimated width in em."""
    total = 0.0
    for character in text:
        if is_cjk(character):
            total += 1.0
        elif character == " ":
            total += 0.24
        elif character in "iljtfI.,:;'!|()[]":
            total += 0.3
        elif character in "mwMW@":
            total += 0.85
        else:
            total += 0.58
    return total


@lru_cache(maxsize=1)
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba


def _words(run: str) -> list[str]:
    if sum(map(is_cjk, run)) < 2:
        return [run]
    return [word for word in _jieba().lcut(run, HMM=False) if word]


def tokens(text: str) -> list[str]:
    """Pieces between which a line may end. A trailing space stays on the piece before it."""
    raw: list[str] = []
    for match in _TOKEN.finditer(text):
        piece = match.group()
        raw.extend([" "] if piece.isspace() else _words(piece))
    joined: list[str] = []
    for piece in raw:
        previous = joined[-1] if joined else ""
        if not previous:
            joined.append(piece)
            continue
        last = previous.rstrip()[-1:] if previous.strip() else ""
        glued = (
            piece == " "
            or piece[0] in _CLOSING
            or piece in _PARTICLES
            or last in _OPENING
            # A figure and its unit ("30秒", "12 小时"), and the figure after a Chinese classifier's opener.
            or (last.isdigit() and is_cjk(piece[0]) and piece[0] not in _OPENING and len(piece) <= 2)
            or (last.isdigit() and piece[0].isalpha() and len(piece) <= 3 and previous.endswith(" "))
        )
        if glued:
            joined[-1] += piece
        else:
            joined.append(piece)
    return [cut for piece in joined for cut in _cut_long(piece)]


def _cut_long(piece: str) -> list[str]:
    if width(piece) <= _LONGEST:
        return [piece]
    parts, part = [], ""
    for character in piece:
        if part and width(part + character) > _LONGEST * 0.7 and character not in _CLOSING:
            parts.append(part)
            part = ""
        part += character
    return [*parts, part]


def _after(token: str, following: str) -> float:
    """Cost of ending a line after `token`."""
    bare = token.rstrip()
    if bare[-1:] in _STOPS:
        return 0.0
    if bare.lower() in _CLINGING or bare[-1:] in {"不", "更", "最", "无", "零"}:
        return 0.75
    if token.endswith(" "):
        return 0.12 if any(map(is_cjk, token)) else 0.3
    if following[:1] in _OPENING or bare.endswith("的"):
        return 0.25
    return 0.42 if is_cjk(bare[-1]) else 0.3


def _best(pieces: list[str], count: int, balance: float) -> Break | None:
    """Cheapest break of `pieces` into `count` lines (dynamic programming over the last break)."""
    size = len(pieces)
    if count > size:
        return None
    edge = [0.0]
    for piece in pieces:
        edge.append(edge[-1] + width(piece))
    target = max(edge[-1] / count, 0.1)
    cheapest: list[dict[int, tuple[float, int]]] = [{0: (0.0, -1)}]
    for line in range(1, count + 1):
        row: dict[int, tuple[float, int]] = {}
        for end in range(line, size - (count - line) + 1):
            for start, (cost, _) in cheapest[-1].items():
                if start >= end:
                    continue
                wide = edge[end] - edge[start]
                more = balance * ((wide - target) / target) ** 2 / count
                if count > 1 and wide < 1.9:
                    more += 0.9  # an orphan
                elif wide < 0.55 * target:
                    more += 0.25  # a stump
                if end < size:
                    more += _after(pieces[end - 1], pieces[end]) / (count - 1)
                if end not in row or cost + more < row[end][0]:
                    row[end] = (cost + more, start)
        cheapest.append(row)
    if size not in cheapest[-1]:
        return None
    lines: list[str] = []
    end = size
    for row in reversed(cheapest[1:]):
        start = row[end][1]
        lines.append("".join(pieces[start:end]).strip())
        end = start
    return Break(lines=tuple(reversed(lines)), cost=min(cheapest[-1][size][0], 1.0))


def breaks(text: str, *, most: int = 6) -> list[Break]:
    """Ways to set `text` in 1 to `most` lines, at most two for each number of lines."""
    pieces = tokens(text)
    if not pieces:
        return []
    found = [Break(lines=(text,), cost=0.0)]
    for count in range(2, most + 1):
        seen = {way.lines: way for balance in (1.6, 0.5) if (way := _best(pieces, count, balance)) is not None}
        found.extend(seen.values())
    return found


_DESCENDING = set("gjpqyQ,;()[]{}@$/|ç")


def typeset(text: str) -> dict[str, Any]:
    """`text` as the template library reads it: lines with what they hold, and the least number of lines for a
    very long text."""
    em = width(text)
    most = max(5, min(9, int(em / 9) + 2))
    ways = breaks(text, most=most)

    def line(content: str) -> dict[str, Any]:
        cjk = any(map(is_cjk, content))
        return {"t": content, "cjk": cjk, "desc": bool(_DESCENDING & set(content))}

    return {
        "text": text,
        "least": int(em / 13) + 1,
        "breaks": [{"lines": [line(content) for content in way.lines], "cost": round(way.cost, 4)} for way in ways],
    }
