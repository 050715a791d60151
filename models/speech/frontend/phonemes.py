"""From prepared sentences to phonemes, each symbol knowing the written word it belongs to.

Design:
- Mandarin: words by jieba, readings by pypinyin, sounds by misaki, in exactly the form the voices were trained on:
  a space between words, punctuation as a mark and a space, no tone sandhi written (the voices make it themselves).
- English, alone or inside Chinese: hibari's port of misaki's English front end, without any GPL part. Unknown words
  go to its small network.
- jieba's own start-up writes a cache to the shared temporary folder and reads it back as code; its dictionary is
  loaded here directly instead: nothing written, nothing trusted, nothing logged.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import BadInput
from models.speech.frontend.alphabet import LETTERS, mandarin_phonemes
from models.speech.frontend.pieces import PAUSES, Piece, Sentence

# Words of advertisements that a general dictionary takes apart.
_WORDS = (
    "首单", "立减", "满减", "直降", "秒杀", "拼团", "包邮", "券后", "到手价", "尝鲜", "上新", "新品", "冷萃", "慢萃",
    "现萃", "手冲", "速溶", "零糖", "零脂", "零添加", "零卡", "低卡", "低脂", "低温", "控糖", "轻食", "国潮", "种草",
    "打卡", "爆款", "联名", "限定", "限量", "买一送一", "七天无理由", "次日达", "即饮", "鲜萃", "撸铁", "通勤",
    "上班族", "大学生", "健身人群", "黑科技", "快充", "续航", "降噪", "真无线", "智能", "户外", "露营", "机能",
    "冲锋衣", "飞行夹克", "云养宠", "星野",
)  # fmt: skip
# Readings that the phrase tables get wrong or leave to chance.
_READINGS = {
    "重回": ["chong2", "hui2"], "还款": ["huan2", "kuan3"], "长效": ["chang2", "xiao4"],
    "长续航": ["chang2", "xu4", "hang2"], "调配": ["tiao2", "pei4"], "只为": ["zhi3", "wei4"],
    "为你": ["wei4", "ni3"], "为您": ["wei4", "nin2"], "尽享": ["jin4", "xiang3"], "尽在": ["jin4", "zai4"],
    "一杯": ["yi1", "bei1"], "得来": ["de2", "lai2"], "觉得": ["jue2", "de5"], "行货": ["hang2", "huo4"],
    "慢萃": ["man4", "cui4"], "冷萃": ["leng3", "cui4"], "现萃": ["xian4", "cui4"], "鲜萃": ["xian1", "cui4"],
    "咖啡因": ["ka1", "fei1", "yin1"], "喝得": ["he1", "de5"], "好喝": ["hao3", "he1"],
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A written word (or one written thing, like a price) in the order it is heard."""

    text: str


@dataclass(frozen=True)
class Phonemes:
    """A sentence as the model takes it.

    Attributes:
        symbols: The phoneme string, one symbol a character.
        owner: For each symbol the index of its word in `words`, -1 for spaces and marks.
    """

    symbols: str
    owner: tuple[int, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Atom:
    """A stretch of sound within one word. `space`: a space goes before it. A mark has no word (-1)."""

    phonemes: str
    word: int
    space: bool


class Phonemizer:
    """Loads what it needs at first use; safe between threads."""

    def __init__(self) -> None:
        self._jieba: Any = None
        self._english: dict[bool, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, sentence: Sentence, *, british: bool = False) -> Phonemes:
        """The phonemes of a sentence. `british` chooses the English accent."""
        atoms: list[_Atom] = []
        words: list[Word] = []
        pieces = [piece for piece in sentence.pieces if piece.script != "silent"]
        english = self._english_of(sentence.pieces, british=british)
        groups: dict[int, int] = {}
        at = 0
        while at < len(pieces):
            if pieces[at].script == "zh":
                run = at
                while run < len(pieces) and pieces[run].script == "zh":
                    run += 1
                self._mandarin(pieces[at:run], atoms, words, groups)
                at = run
                continue
            piece = pieces[at]
            if piece.script == "pause":
                atoms.append(_Atom(piece.spoken, -1, space=False))
            elif english.get(piece.start, {}).get(piece.spoken):
                atoms.append(_Atom(english[piece.start][piece.spoken], _word(piece, words, groups), space=True))
            at += 1
        return _join(atoms, words)

    # -- Mandarin ---------------------------------------------------------------------------------

    def _mandarin(self, run: Sequence[Piece], atoms: list[_Atom], words: list[Word], groups: dict[int, int]) -> None:
        """Neighbouring pieces are cut into words together, so that 2 + 个 is read as one."""
        text = "".join(piece.spoken for piece in run)
        given = _given_syllables(run)
        owner: list[int] = []  # piece index of each character
        for index, piece in enumerate(run):
            owner += [index] * len(piece.spoken)
        at = 0
        last = (-1, -1)  # (piece, jieba word) of the written word being added to
        word = -1
        for number, chunk in enumerate(self._cut(text)):
            syllables = self._syllables(chunk)
            for offset, syllable in enumerate(syllables):
                piece = run[owner[at + offset]]
                unit = (owner[at + offset], -1 if piece.converted else number)
                if unit != last:
                    begin = at + offset - owner.index(owner[at + offset])
                    reach = len(chunk) - offset
                    written = piece.written if piece.converted else piece.spoken[begin : begin + reach]
                    word = _word(piece, words, groups, written=written)
                    last = unit
                reading = given.get(at + offset, syllable)
                if not reading:
                    raise BadInput(
                        f"The character {chunk[offset]!r} has no reading here.",
                        hint=f'Give one: pronunciations: {{"{chunk[offset]}": "ji2"}}',
                    )
                sound = mandarin_phonemes(reading)
                atoms.append(_Atom(sound, word, space=offset == 0))
            at += len(chunk)

    def _cut(self, text: str) -> list[str]:
        with self._lock:
            if self._jieba is None:
                self._jieba = _jieba()
        return [chunk for chunk in self._jieba.cut(text) if chunk.strip()]

    @staticmethod
    def _syllables(chunk: str) -> list[str]:
        from pypinyin import Style, lazy_pinyin

        if chunk in _READINGS:
            return _READINGS[chunk]
        # What has no reading comes back as itself, one character an item, and is found unreadable below.
        syllables = lazy_pinyin(
            chunk,
            style=Style.TONE3,
            neutral_tone_with_five=True,
            errors=list,  # type: ignore[arg-type, return-value]
        )
        return [syllable if _readable(syllable) else "" for syllable in syllables]

    # -- English ----------------------------------------------------------------------------------

    def _english_of(self, pieces: Sequence[Piece], *, british: bool) -> dict[int, dict[str, str]]:
        """Phonemes of every English piece, by its start and its words; a whole run is read at once for its context."""
        found: dict[int, dict[str, str]] = {}
        run: list[Piece] = []
        for piece in [*pieces, None]:
            if piece is not None and piece.script != "zh":
                run.append(piece)
                continue
            if any(item.script == "en" for item in run):
                for item, phonemes in self._read_run(run, british=british):
                    found.setdefault(item.start, {})[item.spoken] = phonemes
            run = []
        return found

    def _read_run(self, run: Sequence[Piece], *, british: bool) -> list[tuple[Piece, str]]:
        text, spans = "", []
        for piece in run:
            if piece.script == "pause":
                text = text.rstrip() + piece.spoken + " "
            elif piece.script == "en":
                spans.append((len(text), piece))
                text += re.sub(r"[\[\]()]", "", piece.spoken) + " "
        reader = self._reader(british)
        tokens = reader.tokenize(text.strip())
        starts = _offsets(text, tokens)
        for token, start in zip(tokens, starts, strict=True):
            at = _owner(spans, start)
            if at < 0 or token.text in PAUSES:
                continue
            begin, piece = spans[at]
            if piece.reading:
                token.phonemes = piece.reading if start == begin else ""
            elif piece.converted and token.text in LETTERS:
                token.phonemes = LETTERS[token.text]
        tokens = reader.phonemize_tokens(tokens)
        said: dict[int, list[str]] = {}
        for token, start in zip(tokens, _offsets(text, tokens), strict=True):
            sound = "".join(c for c in token.phonemes or "" if c not in PAUSES and c not in '“”"()')
            index = _owner(spans, start)
            if sound.strip() and index >= 0:
                said.setdefault(index, []).append(sound.strip() + (" " if token.whitespace else ""))
        return [(piece, "".join(said.get(index, [])).strip()) for index, (_, piece) in enumerate(spans)]

    def _reader(self, british: bool) -> Any:
        with self._lock:
            if british not in self._english:
                from hibari.g2p import G2P

                self._english[british] = G2P(british=british)
            return self._english[british]


def _word(piece: Piece, words: list[Word], groups: dict[int, int], *, written: str = "") -> int:
    """The index of the written word the piece belongs to, added if it is new."""
    if piece.group >= 0:
        if piece.group not in groups:
            groups[piece.group] = len(words)
            words.append(Word(piece.written.strip()))
        return groups[piece.group]
    words.append(Word((written or piece.written).strip()))
    return len(words) - 1


def _given_syllables(run: Sequence[Piece]) -> dict[int, str]:
    """Character position in the run -> the syllable the person gave for it."""
    given: dict[int, str] = {}
    at = 0
    for piece in run:
        if piece.reading:
            # As many syllables as characters, or else all on the first characters that are there.
            for offset, syllable in enumerate(piece.reading.split()[: len(piece.spoken)]):
                given[at + offset] = syllable
        at += len(piece.spoken)
    return given


def _readable(syllable: str) -> bool:
    try:
        mandarin_phonemes(syllable)
    except (KeyError, ValueError, AssertionError, IndexError):
        return False
    return True


def _offsets(text: str, tokens: Sequence[Any]) -> list[int]:
    starts, at = [], 0
    for token in tokens:
        found = text.find(token.text, at)
        start = found if found >= 0 else at
        starts.append(start)
        at = start + len(token.text)
    return starts


def _owner(spans: Sequence[tuple[int, Piece]], start: int) -> int:
    """Index of the span that a token at `start` is in, -1 before the first."""
    return sum(begin <= start for begin, _ in spans) - 1


def _join(atoms: Sequence[_Atom], words: Sequence[Word]) -> Phonemes:
    """Atoms in a row: spaces between words, one mark where several meet, a full stop at the end."""
    symbols: list[str] = []
    owner: list[int] = []

    def add(text: str, word: int) -> None:
        symbols.extend(text)
        owner.extend([word] * len(text))

    mark = ""
    for atom in atoms:
        if atom.word < 0:
            mark = max(mark, atom.phonemes, key=PAUSES.index)
            continue
        if mark and symbols:
            add(f"{mark} ", -1)
        elif atom.space and symbols:
            add(" ", -1)
        mark = ""
        add(atom.phonemes, atom.word)
    add(mark if mark in (".", "!", "?", "…") else ".", -1)
    return Phonemes("".join(symbols), tuple(owner), tuple(words))


def _jieba() -> Any:
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word in (*_WORDS, *_READINGS):
        tokenizer.add_word(word)
    return tokenizer
