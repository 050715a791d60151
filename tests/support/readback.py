"""Compare what was to be said with what a recogniser heard.

Design:
- Both sides go through the same normalising: numbers in words, one script, no punctuation, no case.
- Chinese is compared as syllables without tones, because a recogniser may write any homophone (元 or 园).
- An error rate is the edit distance over the length of what was to be said: 0.05 = one wrong in twenty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.errors import BadInput
from models.speech.frontend import prepare


def normalise_zh(text: str) -> str:
    """Simplified characters and lower-case Latin letters only; numbers in words, 两 and 幺 as 二 and 一."""
    from opencc import OpenCC

    said = _said(OpenCC("t2s").convert(text), "zh").replace("两", "二").replace("幺", "一")
    return re.sub(r"[^\u4e00-\u9fffa-z]", "", said.lower())


def normalise_en(text: str) -> list[str]:
    """Words in lower case; numbers in words, hyphens apart."""
    said = _said(text, "en").lower().replace("-", " ").replace("’", "'")
    return re.findall(r"[a-z']+", said)


def syllables(text: str) -> list[str]:
    """Syllables without tones; Latin letters one by one."""
    from pypinyin import lazy_pinyin

    return lazy_pinyin(normalise_zh(text), errors=list)


def cer_pinyin(expected: str, heard: str) -> float:
    """Character error rate of Chinese speech, homophones counted as right."""
    said = syllables(expected)
    return distance(said, syllables(heard)) / max(len(said), 1)


def wer_en(expected: str, heard: str) -> float:
    """Word error rate of English speech."""
    said = normalise_en(expected)
    return distance(said, normalise_en(heard)) / max(len(said), 1)


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def _said(text: str, language: str) -> str:
    try:
        return " ".join(sentence.spoken for sentence in prepare(text, language=language))
    except BadInput:
        return ""  # nothing was heard, or nothing that this language can say
