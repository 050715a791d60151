"""What all synthesisers share: sentences, voices, joins and times.

Design:
- An adapter says how one prepared sentence is spoken; preparing the text, choosing the voice, pauses, joining and the
  times of the whole utterance are the same for all and stand here.
- Silence around a sentence is cut by its energy, and the cut ends are faded, so that joins make no click and the
  pauses between sentences are what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.control import Control
from models.errors import UnsupportedArgument
from models.speech.base import (
    PhoneTime,
    SentenceTime,
    SpeechChunk,
    SpeechRequest,
    SpeechResult,
    Voice,
    WordTime,
)
from models.speech.frontend import Sentence, prepare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUIET_DB = -46.0  # below the loudest 10 ms: silence
_WINDOW = 0.01  # s
_LEAD, _TAIL = 0.03, 0.07  # s kept before and after what is heard
_FADE = 0.004  # s
_SILENT_END = 0.06  # s of silence at a word's end that are not the word's any more


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence, times in seconds from its own first sample. `samples` (n,) float32."""

    samples: NDArray[np.float32]
    words: tuple[WordTime, ...] = ()
    phones: tuple[PhoneTime, ...] = ()

    def shifted(self, seconds: float) -> Utterance:
        """The same sound with all times moved."""
        return replace(self, words=shift(self.words, seconds), phones=shift(self.phones, seconds))


class SentenceSpeech:
    """Base of the synthesisers. An adapter gives `voices` and `_utterances`."""

    card_id: str
    sample_rate: int  # Hz

    def voices(self) -> tuple[Voice, ...]:
        raise NotImplementedError

    def _utterances(
        self, sentences: Sequence[Sentence], voice: Voice, *, speed: float, control: Control
    ) -> Iterator[Utterance]:
        """One utterance for each sentence, in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held here."""

    def choose_voice(self, voice: str, language: str) -> Voice:
        """The voice asked for, or the default of the language. Raises `UnsupportedArgument` naming what there is."""
        primary = language.partition("-")[0].lower()
        spoken = [one for one in self.voices() if one.language.split("-")[0] == primary]
        if not spoken:
            languages = ", ".join(dict.fromkeys(one.language.split("-")[0] for one in self.voices()))
            raise UnsupportedArgument(
                f"language: {self.card_id} does not speak {language!r}.", hint=f"It speaks: {languages}."
            )
        if not voice:
            exact = [one for one in spoken if one.language.lower() == language.lower()]
            return (exact or spoken)[0]
        for one in spoken:
            if one.id == voice:
                return one
        names = ", ".join(one.id for one in spoken)
        raise UnsupportedArgument(
            f"voice: {self.card_id} has no voice {voice!r} for {language!r}.", hint=f"Voices: {names}."
        )

    def stream(self, request: SpeechRequest, *, control: Control) -> Iterator[SpeechChunk]:
        import numpy as np

        control.check()
        voice = self.choose_voice(request.voice, request.language)
        sentences = prepare(request.text, language=request.language, pronunciations=request.pronunciations)
        pause = np.zeros(round(request.sentence_pause * self.sample_rate), dtype=np.float32)
        begin = 0  # samples
        spoken = self._utterances(sentences, voice, speed=request.speed, control=control)
        for index, (sentence, utterance) in enumerate(zip(sentences, spoken, strict=True)):
            control.check()
            start = begin / self.sample_rate
            end = start + len(utterance.samples) / self.sample_rate
            words, phones = shift(utterance.words, start), shift(utterance.phones, start)
            time = SentenceTime(sentence.text, start, end, words, phones)
            last = index + 1 == len(sentences)
            samples = utterance.samples if last else np.concatenate([utterance.samples, pause])
            begin += len(samples)
            control.progress((index + 1) / len(sentences), sentence.text)
            yield SpeechChunk(samples, self.sample_rate, time)

    def synthesize(self, request: SpeechRequest, *, control: Control | None = None) -> SpeechResult:
        import numpy as np

        voice = self.choose_voice(request.voice, request.language)
        chunks = list(self.stream(request, control=control or Control()))
        return SpeechResult(
            samples=np.concatenate([chunk.samples for chunk in chunks]),
            sample_rate=self.sample_rate,
            sentences=tuple(chunk.sentence for chunk in chunks),
            model=self.card_id,
            voice=voice.id,
        )


def shift(times: tuple, seconds: float) -> tuple:
    """Word or phone times, all moved by `seconds`."""
    return tuple(replace(time, start=time.start + seconds, end=time.end + seconds) for time in times)


def trim(utterance: Utterance, sample_rate: int) -> Utterance:
    """Cut the silence before and after, fade the ends, move the times and hold them to what is heard."""
    import numpy as np

    samples = utterance.samples
    window = max(1, round(_WINDOW * sample_rate))
    heard = _heard(samples, window)
    if not heard.size:
        return utterance
    utterance = Utterance(samples, _ended(utterance.words, heard, window / sample_rate), utterance.phones)
    begin = max(0, int(heard[0]) * window - round(_LEAD * sample_rate))
    end = min(len(samples), (int(heard[-1]) + 1) * window + round(_TAIL * sample_rate))
    cut = samples[begin:end].astype(np.float32, copy=True)
    fade = min(round(_FADE * sample_rate), len(cut) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(fade) / max(fade, 1))).astype(np.float32)
    cut[:fade] *= ramp
    cut[len(cut) - fade :] *= ramp[::-1]
    seconds = len(cut) / sample_rate
    moved = Utterance(cut, utterance.words, utterance.phones).shifted(-begin / sample_rate)
    return Utterance(cut, _held(moved.words, seconds), _held(moved.phones, seconds))


def join(parts: Sequence[Utterance], sample_rate: int, *, pause: float) -> Utterance:
    """Parts of one sentence in a row, `pause` seconds between."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    gap = np.zeros(round(pause * sample_rate), dtype=np.float32)
    samples: list[NDArray[np.float32]] = []
    words: tuple[WordTime, ...] = ()
    phones: tuple[PhoneTime, ...] = ()
    begin = 0
    for index, part in enumerate(parts):
        moved = part.shifted(begin / sample_rate)
        words, phones = words + moved.words, phones + moved.phones
        pieces = [part.samples] if index + 1 == len(parts) else [part.samples, gap]
        samples += pieces
        begin += sum(len(piece) for piece in pieces)
    return Utterance(np.concatenate(samples), words, phones)


def _heard(samples: NDArray[np.float32], window: int) -> NDArray[np.int64]:
    """Indices of the windows that are not silence."""
    import numpy as np

    whole = len(samples) // window
    if whole == 0:
        return np.zeros(0, dtype=np.int64)
    energy = np.sqrt(np.mean(samples[: whole * window].reshape(whole, window) ** 2, axis=1))
    return np.flatnonzero(energy > energy.max() * 10 ** (_QUIET_DB / 20))


def _ended(words: tuple[WordTime, ...], heard: NDArray[np.int64], step: float) -> tuple[WordTime, ...]:
    """Words that end when they are no longer heard: a model gives the pause after a word to its last sound."""
    import numpy as np

    ended = []
    for word in words:
        before = int(np.searchsorted(heard, word.end / step))
        last = (int(heard[before - 1]) + 1) * step if before else word.end
        silent = word.end - last
        ended.append(replace(word, end=max(last, word.start + step)) if silent > _SILENT_END else word)
    return tuple(ended)


def _held(times: tuple, seconds: float) -> tuple:
    """Times kept inside the sound."""
    return tuple(
        replace(time, start=min(max(time.start, 0.0), seconds), end=min(max(time.end, 0.0), seconds)) for time in times
    )
