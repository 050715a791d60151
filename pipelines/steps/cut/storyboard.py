"""Which scene each sentence gets: the script's meaning decides, the seed only where it leaves a choice.

Design:
- The first sentence is the hook (headline over the picture), the last the end card; a sentence that says the price
  or the offer gets the price scene, one that says facts gets them set big at the moment they are spoken.
- Sentences without either alternate between compositions, so that no two neighbours look alike.
- A scene begins a little before its sentence: the picture leads the word.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.steps.cut.timing import Sentence
from pipelines.steps.vocabulary import Product

_FIGURE = re.compile(r"\d+(?:\.\d+)?")

SceneKind = Literal["hero", "facts", "split", "depth", "price", "end"]
LEAD = 0.18  # seconds a scene begins before its sentence
END_CARD = 2.4  # shortest end card, seconds
SHORTEST = 1.2  # a scene shorter than this joins the one before


@dataclass(frozen=True)
class Moment:
    """Something said at a time: a fact, the price or the offer."""

    text: str
    at: float


@dataclass(frozen=True)
class Shot:
    """One scene of the film: [start, end) in seconds, and what it shows when."""

    kind: SceneKind
    start: float
    end: float
    moments: tuple[Moment, ...] = ()
    variant: int = 0


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).lower() if char.isalnum())


def spoken_at(text: str, sentence: Sentence) -> float | None:
    """When the sentence says `text` (all of it, or its figures and most of its characters); None when it does not."""
    wanted = _plain(text)
    if not wanted:
        return None
    said, starts = "", []
    for word in sentence.words:
        plain = _plain(word.text)
        said += plain
        starts += [word.start] * len(plain)
    found = said.find(wanted)
    if found >= 0:
        return starts[found]
    figures = [match.group() for match in _FIGURE.finditer(unicodedata.normalize("NFKC", text))]
    if not figures:
        return None
    hits = [_figure_at(_plain(figure), said) for figure in figures]
    pieces = [wanted[i : i + 2] for i in range(len(wanted) - 1)] or [wanted]
    if min(hits) >= 0 and sum(piece in said for piece in pieces) >= 0.5 * len(pieces):
        return starts[min(hits)]
    return None


def _figure_at(figure: str, said: str) -> int:
    """Where a figure stands as a number of its own, or -1."""
    match = re.search(rf"(?<!\d){figure}(?!\d)", said)
    return match.start() if match else -1


def _moments(sentence: Sentence, texts: Sequence[str]) -> tuple[Moment, ...]:
    found = [(spoken_at(text, sentence), text) for text in texts]
    return tuple(Moment(text, at) for at, text in sorted((at, text) for at, text in found if at is not None))


def storyboard(sentences: Sequence[Sentence], product: Product, *, seconds: float, seed: int) -> tuple[Shot, ...]:
    """Scenes that cover [0, seconds) without a gap."""
    starts = _cuts(sentences, seconds)
    order: list[SceneKind] = ["split", "depth"]
    random.Random(seed).shuffle(order)
    told: set[str] = set()
    shots: list[Shot] = []
    spare = 0
    priced = False
    for index, (start, spoken) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else seconds
        kind: SceneKind
        moments: tuple[Moment, ...] = ()
        if index == len(starts) - 1 and index > 0:
            kind = "end"
        elif index == 0:
            kind = "hero"
        else:
            facts = _spoken(spoken, [fact for fact in product.facts if fact not in told])
            money = _spoken(spoken, [text for text in (product.price, product.offer) if text])
            if money and not priced:
                kind, moments, priced = "price", money, True
            elif facts:
                kind, moments = "facts", facts
            else:
                kind = order[spare % len(order)]
                spare += 1
            told.update(moment.text for moment in moments)
        variant = sum(shot.kind == kind for shot in shots)
        shots.append(Shot(kind=kind, start=start, end=end, moments=moments, variant=variant))
    return tuple(shots)


def _spoken(sentences: Sequence[Sentence], texts: Sequence[str]) -> tuple[Moment, ...]:
    found: dict[str, Moment] = {}
    for sentence in sentences:
        for moment in _moments(sentence, texts):
            found.setdefault(moment.text, moment)
    return tuple(sorted(found.values(), key=lambda moment: moment.at))


def _cuts(sentences: Sequence[Sentence], seconds: float) -> list[tuple[float, list[Sentence]]]:
    """Scene starts with the sentences of each; the last is the end card, which the closing line begins."""
    starts: list[tuple[float, list[Sentence]]] = [(0.0, [])]
    closing = False
    for sentence in sentences:
        start = max(0.0, sentence.start - LEAD)
        ends = sentence.role != "script" and not closing and bool(starts[-1][1])
        if (start - starts[-1][0] < SHORTEST or not starts[-1][1] or closing) and not ends:
            starts[-1][1].append(sentence)
        else:
            starts.append((start, [sentence]))
        closing = closing or ends
    last, latest = starts[-1][0], seconds - END_CARD
    if len(starts) == 1 or (not closing and last < seconds - 3 * END_CARD):
        # The last sentence is too long (or the only one) to be an end card: the card comes after it.
        begin = max(min(sentences[-1].end, latest) if sentences else latest, seconds / 2, last + SHORTEST / 2)
        starts.append((min(begin, max(latest, seconds / 2)), []))
    elif last > latest:
        starts[-1] = (max(latest, starts[-2][0] + SHORTEST / 2), starts[-1][1])
    return starts
