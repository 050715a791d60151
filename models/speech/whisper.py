"""Whisper through faster-whisper (CTranslate2): what is said, sentence by sentence, with word times.

Design:
- Chinese comes out of Whisper in either script; it is always handed on in simplified characters (OpenCC).
- Whisper now and then ends a window of 30 s early and drops the rest of it. Stretches where nothing was heard though a
  voice detector (Silero, inside faster-whisper) hears someone are transcribed once more by themselves.
- Segments are made one by one, and the cancel token is looked at between them.
- Words come with times from the model's cross-attention, good to about a tenth of a second.
- Asked for Chinese, it is told so in a sentence of Chinese: that alone makes it punctuate, write simplified
  characters and mishear less.
- No earlier text is fed back (`condition_on_previous_text`): one misheard segment must not spoil the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, ModelMissing, UnsupportedArgument
from models.speech.audio import read_audio
from models.speech.base import SentenceTime, TranscriptionRequest, TranscriptionResult, WordTime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz, Whisper's own
_PROMPTS = {"zh": "以下是普通话的句子。"}
_SHORTEST_MISS, _SHORTEST_VOICE = 1.0, 0.6  # s
_NEEDED = ("model.bin", "config.json", "tokenizer.json")


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> Whisper:
    """Open the CTranslate2 model in `folder`."""
    return Whisper(card.id, folder, options=options)


class Whisper:
    """The loaded recogniser."""

    def __init__(self, card_id: str, folder: Path, *, options: Mapping[str, Any] | None = None) -> None:
        from faster_whisper import WhisperModel

        options = options or {}
        self.card_id = card_id
        missing = [name for name in _NEEDED if not (folder / name).is_file()]
        if missing:
            raise ModelMissing(f"{card_id}: {missing[0]} is not here.", hint=f"studio models pull {card_id}")
        device = str(options.get("device") or "cpu")
        try:
            self._model: Any = WhisperModel(
                str(folder),
                device="cuda" if device.startswith("cuda") else "cpu",
                compute_type="float16" if device.startswith("cuda") else "int8",
                cpu_threads=int(options.get("threads") or 1),
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise AdapterFailed(
                f"{card_id} cannot be opened: {error}", hint=f"studio models check {card_id}"
            ) from error
        self._beam = int(options.get("beam") or 5)
        self._simplified: Any = None

    def transcribe(
        self, request: TranscriptionRequest, *, control: Control | None = None, prompt: str = ""
    ) -> TranscriptionResult:
        """What is said in the file. `prompt`: names and spellings to expect."""
        control = control or Control()
        language = request.language.split("-")[0].lower()
        if language and language not in self._model.supported_languages:
            raise UnsupportedArgument(
                f"language: {self.card_id} does not know {request.language!r}.", hint='Give a tag like "zh", or none.'
            )
        samples = read_audio(request.audio, sample_rate=SAMPLE_RATE, control=control)
        seconds = len(samples) / SAMPLE_RATE
        control.check()
        try:
            language, sentences = self._heard(samples, 0.0, language, request.word_times, prompt, control)
            for begin, end in _missed(samples, sentences):
                part = samples[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
                sentences += self._heard(part, begin, language, request.word_times, prompt, control)[1]
        except (RuntimeError, ValueError) as error:
            raise AdapterFailed(f"{self.card_id} failed on {request.audio.name}: {error}") from error
        sentences.sort(key=lambda sentence: sentence.start)
        joint = "" if language in ("zh", "ja") else " "
        return TranscriptionResult(
            text=joint.join(sentence.text for sentence in sentences),
            language=language,
            sentences=tuple(sentences),
            seconds=seconds,
            model=self.card_id,
        )

    def close(self) -> None:
        self._model = None

    def _heard(
        self, samples: NDArray[np.float32], offset: float, language: str, words: bool, prompt: str, control: Control
    ) -> tuple[str, list[SentenceTime]]:
        """The language and the sentences of a stretch that begins at `offset` s."""
        segments, info = self._model.transcribe(
            samples,
            language=language or None,
            beam_size=self._beam,
            temperature=0.0,
            word_timestamps=words,
            condition_on_previous_text=False,
            initial_prompt=f"{_PROMPTS.get(language, '')}{prompt}" or None,
        )
        sentences = []
        for segment in segments:
            control.check()
            sentences.append(self._sentence(segment, info.language, offset))
            control.progress(min(1.0, segment.end * SAMPLE_RATE / len(samples)), sentences[-1].text)
        return info.language, sentences

    def _sentence(self, segment: Any, language: str, offset: float) -> SentenceTime:
        words = tuple(
            WordTime(self._script(word.word, language).strip(), offset + float(word.start), offset + float(word.end))
            for word in segment.words or ()
        )
        text = self._script(segment.text, language).strip()
        return SentenceTime(text, offset + float(segment.start), offset + float(segment.end), words)

    def _script(self, text: str, language: str) -> str:
        if language != "zh":
            return text
        if self._simplified is None:
            from opencc import OpenCC

            self._simplified = OpenCC("t2s")
        return str(self._simplified.convert(text))


def _missed(samples: NDArray[np.float32], sentences: Sequence[SentenceTime]) -> list[tuple[float, float]]:
    """Stretches [begin, end) in s where someone speaks and nothing was heard."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    edges = [0.0]
    for sentence in sorted(sentences, key=lambda one: one.start):
        edges += [sentence.start, sentence.end]
    edges.append(len(samples) / SAMPLE_RATE)
    missed = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin < _SHORTEST_MISS:
            continue
        stretch = samples[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        spoken = get_speech_timestamps(stretch, VadOptions(min_silence_duration_ms=300))
        if sum(span["end"] - span["start"] for span in spoken) >= _SHORTEST_VOICE * SAMPLE_RATE:
            missed.append((begin, end))
    return missed
