"""Speech and transcription without a model, for tests and demonstrations: seeded, instant, honest about being fake.

Design:
- The fake voice says each written word as a tone of its own, as long as the word would take; its word times are exact.
- It prepares text as the real ones do, so numbers, pronunciations and unknown voices behave alike.
- The fake recogniser measures the file and lays a fixed text over it; it refuses what is no sound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from models.card import Card
from models.control import Control
from models.errors import UnsupportedArgument
from models.speech.audio import read_audio
from models.speech.base import (
    SentenceTime,
    SpeechRequest,
    TranscriptionRequest,
    TranscriptionResult,
    Voice,
    WordTime,
)
from models.speech.common import SentenceSpeech, Utterance
from models.speech.frontend import Piece, Sentence, prepare

SAMPLE_RATE = 24_000  # Hz
_CHARACTER, _LETTER, _WORD = 0.2, 0.055, 0.08  # s: a Chinese character, a Latin letter, what a Latin word adds
_PAUSES = {",": 0.15, ":": 0.2, ";": 0.2, "—": 0.2, "…": 0.25}  # s; a mark at the end adds nothing
_EDGE = 0.03  # s of silence around a sentence
_GAP = 0.02  # s of silence after each word

_VOICES = (
    Voice("fake_zh", "zh", "female", {"en": "Tones (Mandarin)", "zh": "音调（普通话）"}),
    Voice("fake_en", "en", "female", {"en": "Tones (English)", "zh": "音调（英语）"}),
    Voice("fake_zh_low", "zh", "male", {"en": "Low tones (Mandarin)", "zh": "低音调（普通话）"}),
)
_HEARD = {"zh": ("这是", "一段", "示例", "文字"), "en": ("this", "is", "a", "sample")}
_HEARD_RATE = 16_000  # Hz
_SENTENCE = 4.0  # s of sound for one sentence heard


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> FakeSpeech | FakeTranscription:
    """The fake of the card's task; `folder` and `options` are not used."""
    return FakeTranscription(card.id) if card.task == "transcription" else FakeSpeech(card.id)


@cache
def stand_ins() -> tuple[Voice, ...]:
    """The voices of the embedded default, by its card."""
    from models.cards import CARDS, read_card
    from models.speech.kokoro import card_voices

    return card_voices(read_card(CARDS / "kokoro-82m.yaml"))


class FakeSpeech(SentenceSpeech):
    """Speaks tones."""

    sample_rate = SAMPLE_RATE

    def __init__(self, card_id: str = "fake-speech") -> None:
        self.card_id = card_id

    def voices(self) -> tuple[Voice, ...]:
        """Its own, then those of the embedded default, so that a brief written for that one can be tried."""
        return _VOICES + stand_ins()

    def measure(self, request: SpeechRequest, *, control: Control | None = None) -> float:
        """Seconds that `synthesize` would give."""
        self.choose_voice(request.voice, request.language)
        sentences = prepare(request.text, language=request.language, pronunciations=request.pronunciations)
        spoken = sum(_plan(sentence, request.speed)[1] for sentence in sentences)
        return spoken + request.sentence_pause * (len(sentences) - 1)

    def _utterances(
        self, sentences: Sequence[Sentence], voice: Voice, *, speed: float, control: Control
    ) -> Iterator[Utterance]:
        import numpy as np

        for sentence in sentences:
            control.check()
            words, seconds = _plan(sentence, speed)
            samples = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
            for word in words:
                begin, end = round(word.start * SAMPLE_RATE), round((word.end - _GAP) * SAMPLE_RATE)
                samples[begin:end] = _tone(word.text, voice.id, max(end - begin, 1))[: end - begin]
            yield Utterance(samples, words)


def _plan(sentence: Sentence, speed: float) -> tuple[tuple[WordTime, ...], float]:
    """The words of a sentence with their times, and how long it is."""
    words: list[WordTime] = []
    groups: dict[int, int] = {}
    at = _EDGE
    for piece in sentence.pieces:
        if piece.script == "pause":
            at += _PAUSES.get(piece.spoken, 0.0) / speed
            continue
        for text, spoken in _words(piece):
            seconds = (_CHARACTER * len(spoken) if piece.script == "zh" else _WORD + _LETTER * len(spoken)) / speed
            if piece.group in groups:
                first = words[groups[piece.group]]
                words[groups[piece.group]] = WordTime(first.text, first.start, at + seconds)
            else:
                if piece.group >= 0:
                    groups[piece.group] = len(words)
                words.append(WordTime(text, at, at + seconds))
            at += seconds
    return tuple(words), at + _EDGE


def _words(piece: Piece) -> list[tuple[str, str]]:
    """(written, spoken) of a piece; running Chinese in twos."""
    if piece.script == "silent":
        return []
    if piece.converted or piece.script == "en":
        return [(piece.written.strip(), piece.spoken)]
    pairs = [piece.spoken[at : at + 2] for at in range(0, len(piece.spoken), 2)]
    return [(pair, pair) for pair in pairs]


def _tone(text: str, voice: str, length: int) -> Any:
    """A tone whose pitch is the word's, with soft ends. (length,) float32."""
    import numpy as np

    digest = hashlib.sha256(f"{voice}\0{text}".encode()).digest()
    pitch = (110 if voice.endswith("low") else 220) * 2 ** (digest[0] / 256)  # Hz, within an octave
    time = np.arange(length) / SAMPLE_RATE
    ends = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.01 * SAMPLE_RATE))
    return (0.2 * ends * (np.sin(2 * np.pi * pitch * time) + 0.3 * np.sin(4 * np.pi * pitch * time))).astype(np.float32)


class FakeTranscription:
    """Hears a fixed text in any sound."""

    def __init__(self, card_id: str = "fake-transcription") -> None:
        self.card_id = card_id

    def transcribe(self, request: TranscriptionRequest, *, control: Control | None = None) -> TranscriptionResult:
        control = control or Control()
        language = request.language.split("-", maxsplit=1)[0] or "zh"
        if language not in _HEARD:
            raise UnsupportedArgument(f"language: {self.card_id} does not know {language!r}.", hint="Give zh or en.")
        seconds = len(read_audio(request.audio, sample_rate=_HEARD_RATE, control=control)) / _HEARD_RATE
        control.check()
        count = max(1, round(seconds / _SENTENCE))
        each = seconds / count
        joint = "" if language == "zh" else " "
        sentences = []
        for index in range(count):
            step = each / len(_HEARD[language])
            begin = index * each
            words = tuple(
                WordTime(word, begin + at * step, begin + (at + 1) * step) for at, word in enumerate(_HEARD[language])
            )
            sentences.append(
                SentenceTime(joint.join(_HEARD[language]), begin, begin + each, words if request.word_times else ())
            )
            control.progress((index + 1) / count, sentences[-1].text)
        text = joint.join(sentence.text for sentence in sentences)
        return TranscriptionResult(text, language, tuple(sentences), seconds, self.card_id)

    def close(self) -> None:
        """Nothing is held here."""
