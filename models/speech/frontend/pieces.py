"""What the front end hands to a synthesiser: written pieces and how they are said.

Design:
- A sentence is a row of pieces that cover its written text from end to end; nothing is lost, so times of what is
  spoken can always be shown on what was written ("¥9.9" stays "¥9.9" in a caption while 九点九元 is said).
- A piece is plain words, or one written thing said otherwise (a price, a date), or a pause, or silent.
- Scanning is one pass: at each place the first rule that matches takes the text. A rule may decline.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from models.errors import BadInput

Script = Literal["zh", "en", "pause", "silent"]

# Marks a synthesiser knows, weakest first; two marks in a row leave the stronger one.
PAUSES = ("", ",", ":", ";", "—", "…", ".", "!", "?")

HANZI = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef々〇"
_HANZI = re.compile(f"[{HANZI}]")


@dataclass(frozen=True)
class Piece:
    """A slice of a sentence and how it is said.

    Attributes:
        written: The slice, as in the text.
        start: Offset of the slice in the sentence.
        spoken: Words to say (for `pause`: one mark of `PAUSES`); "" for silent.
        script: How `spoken` is to be read: Chinese characters, English words, a pause, or nothing.
        converted: Whether `spoken` differs from `written`: then the whole piece is one written word.
        reading: Given by the person: pinyin with tone numbers (zh) or IPA (en); "" = look it up.
        group: Pieces of one written thing said in two scripts (A17) share a group; -1 = alone.
    """

    written: str
    start: int
    spoken: str
    script: Script
    converted: bool = False
    reading: str = ""
    group: int = -1

    @property
    def end(self) -> int:
        return self.start + len(self.written)


@dataclass(frozen=True)
class Sentence:
    """One sentence as written, and its pieces in order."""

    text: str
    language: str
    pieces: tuple[Piece, ...]

    @property
    def speakable(self) -> bool:
        return any(piece.script in ("zh", "en") for piece in self.pieces)

    @property
    def spoken(self) -> str:
        """The words to say as plain text, for a synthesiser that has a front end of letters only."""
        parts: list[str] = []
        for piece in self.pieces:
            if piece.script == "silent":
                parts.append(" ")
            elif piece.script == "pause":
                parts.append(_FULL_WIDTH.get(piece.spoken, piece.spoken) if self.language == "zh" else piece.spoken)
                parts.append("" if self.language == "zh" else " ")
            else:
                parts.append(f" {piece.spoken} " if piece.script == "en" else piece.spoken)
        text = re.sub(r"\s+", " ", "".join(parts)).strip()
        text = re.sub(r" ([,.;:!?…，。；：！？])", r"\1", text)
        return re.sub(f"(?<=[{HANZI}，。；：！？]) | (?=[{HANZI}])", "", text) if self.language == "zh" else text


_FULL_WIDTH = {",": "，", ".": "。", "!": "！", "?": "？", ";": "；", ":": "：", "…": "……", "—": "——"}

# What a rule gives back: words in the scripts they are to be read in, or None to decline.
Said = Sequence[tuple[Script, str]]
Reader = Callable[["re.Match[str]"], "Said | None"]


@dataclass(frozen=True)
class Rule:
    """A written form (`pattern`) and how to say it (`say`)."""

    name: str
    pattern: re.Pattern[str]
    say: Reader


@dataclass
class Scanner:
    """Turns a sentence into pieces by the rules of one language.

    `plain` matches a stretch that no rule can start in, so that running text costs nothing.
    """

    rules: Sequence[Rule]
    plain: re.Pattern[str]
    readings: Mapping[str, tuple[Script, str, str]] = field(default_factory=dict)  # word -> script, spoken, reading

    def __post_init__(self) -> None:
        words = sorted(self.readings, key=len, reverse=True)
        edge = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
        self._given = re.compile(
            "|".join(edge.format(re.escape(w)) if w.isascii() else re.escape(w) for w in words) or r"(?!)"
        )
        self._group = 0

    def scan(self, text: str) -> tuple[Piece, ...]:
        """The pieces of one sentence; their written slices joined are `text`."""
        pieces: list[Piece] = []
        at = 0
        for given in self._given.finditer(text):
            self._scan(text, at, given.start(), pieces)
            script, spoken, reading = self.readings[given.group()]
            pieces.append(Piece(given.group(), given.start(), spoken, script, converted=True, reading=reading))
            at = given.end()
        self._scan(text, at, len(text), pieces)
        return tuple(pieces)

    def _scan(self, text: str, at: int, end: int, pieces: list[Piece]) -> None:
        while at < end:
            plain = self.plain.match(text, at, end)
            if plain:
                pieces.append(Piece(plain.group(), at, plain.group(), "zh" if _HANZI.match(plain.group()) else "en"))
                at = plain.end()
                continue
            for rule in self.rules:
                match = rule.pattern.match(text, at, end)
                if match is None or match.end() == at:
                    continue
                said = rule.say(match)
                if said is not None:
                    self._add(match.group(), at, said, pieces)
                    at = match.end()
                    break
            else:
                if unicodedata.category(text[at])[0] == "L":
                    raise BadInput(
                        f"{text[at]!r} cannot be read aloud in this language.",
                        hint="Leave the word out, or give its reading in pronunciations.",
                    )
                pieces.append(Piece(text[at], at, "", "silent"))  # emoji, quotes, ornaments
                at += 1

    def _add(self, written: str, start: int, said: Said, pieces: list[Piece]) -> None:
        said = [(script, spoken) for script, spoken in said if spoken or script == "silent"]
        if not said:
            pieces.append(Piece(written, start, "", "silent"))
            return
        if len(said) == 1:
            script, spoken = said[0]
            pieces.append(Piece(written, start, spoken, script, converted=spoken != written))
            return
        self._group += 1
        for index, (script, spoken) in enumerate(said):
            # The first carries the written text; the others add sound to the same written word.
            own = written if index == 0 else ""
            begin = start if index == 0 else start + len(written)
            pieces.append(Piece(own, begin, spoken, script, converted=True, group=self._group))


def tidy(text: str) -> str:
    """One form for each character: NFC, plain spaces, half-width letters and digits, no control characters."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[０-９Ａ-Ｚａ-ｚ]", lambda m: chr(ord(m.group()) - 0xFEE0), text)
    text = re.sub(r"[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]", " ", text)
    return "".join(c for c in text if c in "\n\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
