"""The text front end of speech: from text as people write it to words that can be spoken.

Design:
- Numbers, dates, prices, units and the like become words in the language of the request; the written form stays
  beside them (`Piece.written`), so that captions show what was written at the time it is heard.
- A request's own pronunciations come before every rule.
- No synthesiser is named here; `phonemes.py` beside it serves those that take phonemes.

Example:
    for sentence in prepare("到手价¥9.9，2个装。", language="zh"):
        sentence.spoken  # 到手价九点九元，两个装。
"""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import BadInput
from models.speech.frontend import chinese, english, other
from models.speech.frontend.pieces import Piece, Scanner, Sentence, tidy
from models.speech.frontend.readings import read_pronunciations
from models.speech.frontend.sentences import split_sentences

__all__ = ["Piece", "Sentence", "prepare", "split_sentences"]


def prepare(text: str, *, language: str, pronunciations: Mapping[str, str] | None = None) -> tuple[Sentence, ...]:
    """The sentences of `text`, ready to be spoken in `language` (a BCP-47 tag; full rules for zh and en).

    Raises `BadInput` when there is nothing to say or a pronunciation cannot be read.
    """
    primary = language.partition("-")[0].lower()
    readings = read_pronunciations(pronunciations or {}, language=primary)
    if primary == "zh":
        scanner = Scanner(rules=chinese.rules(), plain=chinese.PLAIN, readings=readings)
    elif primary == "en":
        scanner = Scanner(rules=english.rules(), plain=english.PLAIN, readings=readings)
    else:
        scanner = Scanner(rules=other.rules(primary), plain=other.PLAIN, readings=readings)
    written = split_sentences(tidy(text))
    sentences = tuple(Sentence(text=one, language=primary, pieces=scanner.scan(one)) for one in written)
    sentences = tuple(sentence for sentence in sentences if sentence.speakable)
    if not sentences:
        raise BadInput("The text has nothing that can be spoken.", hint="Give words or numbers, not only symbols.")
    return sentences
