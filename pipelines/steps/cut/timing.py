"""When each word is spoken, in film time.

Design:
- The voice's own word times are kept; marks of punctuation go to the word before them, so the words of a sentence
  joined give the sentence as it was written.
- When the voice's words are not the written ones (figures read out, say), the words of the written sentence share
  its time by their length: a caption shows what was written.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import BadInput
from pipelines.steps.cut.type import words_of


@dataclass(frozen=True)
class Word:
    """A spoken word with its marks; seconds from the film's start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Sentence:
    """`role` is "script" or "closing" (the call to action)."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...]
    role: str = "script"


def read_timing(document: Mapping[str, Any], *, lead_in: float, language: str) -> tuple[Sentence, ...]:
    """The voice's timing document as sentences in film time, shifted by `lead_in` seconds."""
    try:
        sentences = [
            _sentence(item, lead_in=lead_in, language=language)
            for item in document["sentences"]
            if str(item["text"]).strip()
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"The voice's timing cannot be read: {error!r}") from error
    for before, after in itertools.pairwise(sentences):
        if after.start < before.start:
            raise BadInput(f"The voice's timing goes backwards at “{after.text}”.")
    return tuple(sentences)


def _sentence(item: Mapping[str, Any], *, lead_in: float, language: str) -> Sentence:
    text = unicodedata.normalize("NFC", str(item["text"])).strip()
    start, end = float(item["start"]), float(item["end"])
    if not 0 <= start <= end:
        raise ValueError(f"sentence from {start} to {end}")
    spoken = [(str(w["text"]), float(w["start"]), float(w["end"])) for w in item.get("words", ())]
    words = _on_text(text, spoken) or _by_length(text, start, end, language)
    moved = tuple(Word(w.text, w.start + lead_in, max(w.end, w.start) + lead_in) for w in words)
    return Sentence(
        text=text, start=start + lead_in, end=end + lead_in, words=moved, role=str(item.get("role", "script"))
    )


def _on_text(text: str, spoken: Sequence[tuple[str, float, float]]) -> list[Word]:
    """The spoken words laid on the written text; empty when they are not the same words."""
    out: list[Word] = []
    at = 0
    for word, start, end in spoken:
        core = word.strip()
        if not core:
            continue
        found = text.find(core, at)
        gap = text[at:found] if found >= 0 else ""
        if found < 0 or any(char.isalnum() for char in gap):
            return []
        if out:
            out[-1] = Word(out[-1].text + gap, out[-1].start, out[-1].end)
        else:
            core = gap + core
        out.append(Word(core, start, end))
        at = found + len(word.strip())
    rest = text[at:]
    if not out or any(char.isalnum() for char in rest):
        return []
    out[-1] = Word(out[-1].text + rest, out[-1].start, out[-1].end)
    return out


def _by_length(text: str, start: float, end: float, language: str) -> list[Word]:
    words = words_of(text, language=language)
    weights = [max(0.3, sum(_weight(char) for char in word)) for word in words]
    step = (end - start) / sum(weights)
    out: list[Word] = []
    at = start
    for word, weight in zip(words, weights, strict=True):
        out.append(Word(word, at, at + weight * step))
        at += weight * step
    return out


def _weight(char: str) -> float:
    """How long a character is spoken, a Chinese one being 1."""
    if char.isdigit():
        return 1.0
    if char.isalpha():
        return 1.0 if unicodedata.east_asian_width(char) in "WF" else 0.28
    return 0.6 if char in "，。！？；,.!?;" else 0.0
