"""The person's own pronunciations: pinyin, IPA between slashes, or a respelling.

Design:
- Told apart by form: `/.../` is IPA; Latin syllables that each end in a tone number are pinyin; all else is a
  respelling, read like any text (so 重庆 -> 崇庆, or Xingye -> "shing yeh").
- Checked when read: a syllable or a sound that does not exist is refused with the word named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.errors import BadInput
from models.speech.frontend.pieces import HANZI, Script

_PINYIN = re.compile(r"[a-zü:]+[1-5](?:[\s'-]*[a-zü:]+[1-5])*", re.IGNORECASE)
_SYLLABLE = re.compile(r"[a-zü:]+[1-5]", re.IGNORECASE)

Reading = tuple[Script, str, str]  # script, spoken words, reading ("" = look up)


def read_pronunciations(given: Mapping[str, str], *, language: str) -> dict[str, Reading]:
    """Word -> how it is said. Raises `BadInput` naming the word."""
    readings: dict[str, Reading] = {}
    for given_word, given_said in given.items():
        word, said = given_word.strip(), given_said.strip()
        if not word or not said:
            raise BadInput(
                f"pronunciations: {word or said!r} has an empty side.", hint="Write word: reading, both not empty."
            )
        readings[word] = _read(word, said, language)
    return readings


def _read(word: str, said: str, language: str) -> Reading:
    if len(said) > 2 and said[0] == said[-1] == "/":
        from models.speech.frontend.alphabet import ipa_to_phonemes

        return "en", word, ipa_to_phonemes(said[1:-1], word=word)
    if _PINYIN.fullmatch(said):
        from models.speech.frontend.alphabet import check_pinyin

        syllables = [check_pinyin(syllable.lower(), word=word) for syllable in _SYLLABLE.findall(said)]
        return "zh", word, " ".join(syllables)
    if re.search(f"[{HANZI}]", said):
        return "zh", "".join(re.findall(f"[{HANZI}]", said)), ""
    words = " ".join(re.findall(r"[A-Za-z\u00c0-\u024f']+", said))
    if not words:
        raise BadInput(
            f"pronunciations: {word!r} is to be read {said!r}, which has no letters.",
            hint='Give pinyin with tone numbers ("chong2 qing4"), IPA between slashes, or a respelling.',
        )
    return "en", words, ""
