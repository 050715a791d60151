"""The phoneme alphabet of Kokoro and hibari (misaki's), and what is written into it.

Design:
- English sounds: IPA with single letters for diphthongs (A I O W Y Q) and affricates (ʧ ʤ). Mandarin: IPA with tone
  arrows (→ ↗ ↓ ↘). One model vocabulary holds both, which is how one voice can say an English word in Chinese.
- A syllable or a sound that is not in the alphabet is refused, not dropped.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from models.errors import BadInput

_COMPOUNDS = {
    "eɪ": "A", "aɪ": "I", "oʊ": "O", "əʊ": "Q", "aʊ": "W", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "t͡ʃ": "ʧ", "d͡ʒ": "ʤ",
    "ts": "ʦ", "dz": "ʣ", "ɝ": "ɜɹ", "ɚ": "əɹ", "r": "ɹ", "g": "ɡ", "'": "ˈ", "ɫ": "l", "-": "", ".": "", "͡": "",
}  # fmt: skip
_SOUNDS = frozenset("AIOQSTWYabcdefhijklmnopqstuvwxyzɑɐɒæβɔɕçɖðʤəɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲᵊᵻʣʥʦʨꭧ↓→↗↘ ̃")

# Letters by their names; a reader of running text takes "A" for the article.
LETTERS = {
    "A": "ˈA", "B": "bˈi", "C": "sˈi", "D": "dˈi", "E": "ˈi", "F": "ˈɛf", "G": "ʤˈi", "H": "ˈAʧ", "I": "ˈI",
    "J": "ʤˈA", "K": "kˈA", "L": "ˈɛl", "M": "ˈɛm", "N": "ˈɛn", "O": "ˈO", "P": "pˈi", "Q": "kjˈu", "R": "ˈɑɹ",
    "S": "ˈɛs", "T": "tˈi", "U": "jˈu", "V": "vˈi", "W": "dˈʌbᵊljˌu", "X": "ˈɛks", "Y": "wˈI", "Z": "zˈi",
}  # fmt: skip


def ipa_to_phonemes(ipa: str, *, word: str) -> str:
    """IPA as dictionaries write it, in the model's alphabet. Raises `BadInput` naming the sound."""
    text = unicodedata.normalize("NFC", ipa.strip())
    for written, letter in _COMPOUNDS.items():
        text = text.replace(written, letter)
    for sound in text:
        if sound not in _SOUNDS:
            raise BadInput(
                f"pronunciations: {word!r} has {sound!r}, which is no sound of the IPA the voices know.",
                hint="Use IPA as English dictionaries write it, between slashes.",
            )
    return text


def check_pinyin(syllable: str, *, word: str) -> str:
    """The syllable with ü as v-free pinyin, or `BadInput` naming it."""
    plain = syllable.replace("u:", "ü").replace("v", "ü")
    try:
        mandarin_phonemes(plain)
    except (KeyError, ValueError, AssertionError) as error:
        raise BadInput(
            f"pronunciations: {word!r} has {syllable!r}, which is no pinyin syllable.",
            hint='Write pinyin with tone numbers, like "chong2 qing4".',
        ) from error
    return plain


@lru_cache(maxsize=4096)
def mandarin_phonemes(pinyin: str) -> str:
    """One syllable with its tone number, in the model's alphabet: "zhong1" -> ꭧʊ→ŋ."""
    from misaki.zh import ZHG2P

    # The sign for a non-syllabic vowel is not in the vocabulary the voices were trained with.
    return str(ZHG2P.py2ipa(pinyin)).replace("\u032f", "")
