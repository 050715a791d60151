"""Where a sentence ends, in Chinese, English and both mixed.

Design:
- An end is a mark that ends (。！？!? or a full stop) with what closes after it (quotes, brackets), or a line break.
- A full stop ends only where a writer would begin anew: not in 3.14, e.g., Dr. Smith, J. K. Rowling, a.m. before a
  small letter, example.com; nor does an ellipsis that the sentence goes on after.
- A quotation that closes again within reach is kept whole.
- What has nothing to say (a row of emoji) stays with the sentence before it, so that the written text is whole.
"""

from __future__ import annotations

import re

from models.speech.frontend.pieces import HANZI

_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "rev", "gen", "col", "sgt", "capt", "lt", "hon", "messrs",
    "vs", "etc", "e.g", "i.e", "cf", "viz", "al", "no", "nos", "vol", "fig", "figs", "pp", "ed", "eds", "inc",
    "ltd", "co", "corp", "dept", "est", "approx", "apt", "ave", "blvd", "rd", "mt", "ft", "jan", "feb", "mar",
    "apr", "jun", "jul", "aug", "sept", "sep", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thurs",
    "fri", "sat", "sun", "u.s", "u.k", "u.s.a", "d.c", "ph.d",
))  # fmt: skip
# These may well end a sentence, and do when a capital follows.
_MAY_END = frozenset((
    "etc", "inc", "ltd", "co", "corp", "jr", "sr", "u.s", "u.k", "u.s.a", "d.c", "ph.d",
))  # fmt: skip

_CLOSERS = "”’」』）》】)\\]\"'"
_END = re.compile(rf"(?:[。！？!?]+|…+|\.{{3,}}|\.)[{_CLOSERS}]*|\n+")
_PAIRS = {"“": "”", "「": "」", "『": "』", "《": "》", "（": "）", "(": ")", "【": "】"}
_QUOTE_REACH = 160  # characters
_LOOK = 40  # characters looked at after a mark
_SOFT = re.compile(r"[，、；：,;:—][”’」』）》】)\]\"']*\s*|\s+")
_SPEAKABLE = re.compile(rf"[{HANZI}0-9A-Za-z\u00c0-\u024f\u0370-\u052f\u3040-\u30ff\uac00-\ud7af]")

MAX_CHARACTERS = 400  # a "sentence" longer than this is divided at commas, then anywhere


def split_sentences(text: str) -> tuple[str, ...]:
    """The sentences of a tidy text, as written, without the white space around them."""
    sentences: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if match.start() < start or not _ends(text, match, start):
            continue
        sentences.append(text[start : match.end()])
        start = match.end()
    sentences.append(text[start:])
    merged: list[str] = []
    for sentence in (s.strip() for s in sentences):
        if sentence and merged and not _SPEAKABLE.search(sentence):
            merged[-1] = f"{merged[-1]} {sentence}" if merged[-1][-1].isascii() else merged[-1] + sentence
        elif sentence:
            merged.extend(_divide(sentence))
    return tuple(merged)


def _ends(text: str, match: re.Match[str], start: int) -> bool:
    mark = match.group()
    after = text[match.end() : match.end() + _LOOK]
    following = after.lstrip(" ")
    if mark.startswith("\n") or not following:
        return True
    if _inside_quotation(text, start, match.end()):
        return False
    first = following[0]
    spaced = after != following
    if mark[0] == "…" or mark.startswith("..."):
        # 等等……我来了: the sentence goes on. "Wait... Really?" does not.
        return first == "\n" or (spaced and (first.isupper() or bool(re.match(f"[{HANZI}]", first))))
    if mark[0] == ".":
        return _full_stop_ends(text[start : match.start()], first, spaced)
    if mark[0] in "!?" and not spaced:
        return not first.isascii() or first == "\n"
    return not (spaced and first.isascii() and first.islower())


def _full_stop_ends(before: str, first: str, spaced: bool) -> bool:
    if not spaced:
        return first == "\n" or bool(re.match(f"[{HANZI}]", first) and re.search(f"[{HANZI}]$", before))
    if first.isascii() and first.islower():
        return False
    word = re.split(r"[\s(\[“\"'‘]", before)[-1]
    low = word.lower()
    if len(word) == 1 and word.isupper():
        return False  # an initial
    if low in _ABBREVIATIONS:
        if low in ("no", "nos", "vol", "fig", "figs", "pp"):
            return not first.isdigit()
        return low in _MAY_END and first.isupper()
    return True


def _inside_quotation(text: str, start: int, end: int) -> bool:
    """Whether a pair opened since `start` is still open at `end` and closes within reach."""
    waiting: list[str] = []
    for character in text[start:end]:
        if waiting and character == waiting[-1]:
            waiting.pop()
        elif character in _PAIRS:
            waiting.append(_PAIRS[character])
    if not waiting:
        return False
    reach = text[end : start + _QUOTE_REACH].partition("\n")[0]
    return waiting[0] in reach


def _divide(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > MAX_CHARACTERS:
        cuts = [m.end() for m in _SOFT.finditer(sentence, MAX_CHARACTERS // 4, MAX_CHARACTERS)]
        cut = cuts[-1] if cuts else MAX_CHARACTERS
        parts.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*parts, sentence] if sentence else parts
