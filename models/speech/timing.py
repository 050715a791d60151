"""From durations of symbols to times of words and sounds, and where a long row of symbols is divided.

Design:
- Edges are seconds: edge k is where symbol k begins, edge k + 1 where it ends; the padding before is counted in.
- What is heard of a symbol begins before the frame the model gives it: 10 to 90 ms over voices and first sounds,
  45 ms in the middle (onsets by energy of isolated sentences). All edges are moved by that much.
- A space between two words belongs half to each, so that words follow one another without holes.
- A row too long for the model is divided after a mark late enough, the strongest first, else at a space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.speech.base import PhoneTime, WordTime
from models.speech.frontend.phonemes import Phonemes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HEARD_BEFORE = 0.045  # s
_STRONGEST_FIRST = (".!?…", ";:—", ",", " ")


def symbol_edges(frames: NDArray[np.float32], *, seconds: float) -> NDArray[np.float64]:
    """Edges (n + 1,) of the n symbols between the two pads of `frames` (n + 2,), in s of a sound `seconds` long."""
    import numpy as np

    ends = np.cumsum(frames.reshape(-1).astype(np.float64))
    return np.maximum(ends[:-1] * (seconds / max(float(ends[-1]), 1.0)) - _HEARD_BEFORE, 0.0)


def symbol_times(
    phonemes: Phonemes, begin: int, end: int, edges: NDArray[np.float64]
) -> tuple[tuple[WordTime, ...], tuple[PhoneTime, ...]]:
    """Times of the words and sounds in symbols [begin, end); `edges` (end - begin + 1,) in s."""
    spans: dict[int, list[float]] = {}
    phones: list[PhoneTime] = []
    symbols, owner = phonemes.symbols, phonemes.owner
    for at in range(begin, end):
        start, stop = float(edges[at - begin]), float(edges[at - begin + 1])
        word = owner[at]
        if word >= 0:
            if symbols[at] != " ":
                phones.append(PhoneTime(symbols[at], start, stop))
            spans.setdefault(word, [start, stop])[1] = stop
        elif symbols[at] == " " and begin < at < end - 1 and owner[at - 1] in spans and owner[at + 1] >= 0:
            middle = (start + stop) / 2
            spans[owner[at - 1]][1] = middle
            spans.setdefault(owner[at + 1], [middle, stop])
    words = tuple(WordTime(phonemes.words[word].text, span[0], span[1]) for word, span in spans.items())
    return words, tuple(phones)


def divide(symbols: str, limit: int) -> list[tuple[int, int]]:
    """Stretches [begin, end) of at most `limit` symbols that together are all of them."""
    stretches, begin = [], 0
    while len(symbols) - begin > limit:
        end = begin + _cut(symbols[begin : begin + limit])
        stretches.append((begin, end))
        begin = end
    return [*stretches, (begin, len(symbols))]


def _cut(window: str) -> int:
    for marks in _STRONGEST_FIRST:
        cuts = [at + 1 for at in range(len(window) // 2, len(window)) if window[at] in marks]
        if cuts:
            return cuts[-1]
    return len(window)
