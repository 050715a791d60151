"""How good a line is, when nothing is wrong with it.

Design:
- A number around 1; only its order matters. Checks decide what may be used, the score which of those is.
- The bank's lines are written by people and start at `BANK`; a written line earns its place by likelihood, by a good
  length, and by not leaning on words everybody uses.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from pipelines.steps.vocabulary import Language
from pipelines.steps.write_copy.bank import words
from pipelines.steps.write_copy.checks import Rules, likeness, size

BANK = 0.9
# Mean natural log-likelihood a token above which a written line beats the bank's: a headline may surprise.
SURE = {"headline": {"zh": -1.25, "en": -1.45}}
SURE_ELSE = -1.15

# Characters (zh) or words (en) that a written part should have.
_GOOD: dict[str, dict[str, tuple[int, int]]] = {
    "zh": {
        "headline": (7, 13),
        "subhead": (5, 13),
        "hook": (14, 32),
        "benefit": (4, 11),
        "opener": (5, 13),
    },
    "en": {
        "headline": (3, 7),
        "subhead": (3, 8),
        "hook": (9, 20),
        "benefit": (4, 10),
        "opener": (3, 8),
    },
}


@dataclass(frozen=True)
class Candidate:
    """A line that may be used. `logprob` is None for lines of the bank."""

    text: str
    logprob: float | None = None


def fits(part: str, text: str, language: Language) -> bool:
    """Whether the line has a length that its place allows."""
    low, high = _GOOD[language].get(part, (1, 60))
    return low <= size(text, language) <= high


def score(part: str, candidate: Candidate, *, rules: Rules, near: tuple[str, ...] = ()) -> float:
    """Higher is better; below zero a line is not worth using."""
    text = candidate.text
    value = BANK
    if candidate.logprob is not None:
        sure = SURE.get(part, {}).get(rules.language, SURE_ELSE)
        # Above it the model knows what it says; far below it stumbles, and people write better.
        value += 0.3 * min(candidate.logprob - sure, 0.6)
    folded = text.casefold()
    worn = (*words("cliche", rules.language), *words("gloomy", rules.language))
    value -= 0.25 * sum(1 for word in worn if candidate.logprob is not None and _stands(word, folded))
    value -= 0.3 * _stutter(text, rules.language)
    value -= 1.2 * max((likeness(text, other, rules) for other in near), default=0.0)
    if not fits(part, text, rules.language):
        value -= 1.0
    return value


def _stands(word: str, text: str) -> bool:
    folded = word.casefold()
    return re.search(rf"\b{re.escape(folded)}\b", text) is not None if folded.isascii() else folded in text


def _stutter(text: str, language: Language) -> float:
    """Words (en) or pairs of characters (zh) said again inside one line."""
    if language == "en":
        parts = [word for word in re.findall(r"[a-z']+", text.casefold()) if len(word) > 3]
    else:
        han = re.sub(r"[^\u4e00-\u9fff]", " ", text)
        parts = [han[at : at + 2] for at in range(len(han) - 1) if " " not in han[at : at + 2]]
    return float(sum(count - 1 for count in Counter(parts).values()))
