"""The protocols of the speech and transcription tasks.

Design:
- Speech streams sentence by sentence, so that a player can start before the end is spoken.
- Times are seconds from the start of the whole utterance; samples are mono float32 in [-1, 1], shape (n,).
- Text goes in as people write it; the front end (`models/speech/frontend`) turns numbers and dates into words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from models.control import Control

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SpeechRequest(BaseModel):
    """What to say and in which voice.

    `language` is a BCP-47 primary tag (zh, en, ja, es, fr, ...). `pronunciations` maps written words to how
    they are to be read: for Chinese, pinyin with tone numbers ("chong2 qing4") or other characters; for other
    languages, a respelling or IPA between slashes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=200_000)
    language: str = "zh"
    voice: str = ""  # "" = the card's default voice for the language
    speed: float = Field(1.0, ge=0.5, le=2.0)
    pronunciations: dict[str, str] = Field(default_factory=dict)
    sentence_pause: float = Field(0.25, ge=0, le=3)  # seconds of silence between sentences


@dataclass(frozen=True)
class WordTime:
    """A written word (for Chinese, a character or a short word) and when it is heard, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class PhoneTime:
    """One sound (a symbol of the voice's phoneme alphabet, stress and tone marks included) and when it is heard."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class SentenceTime:
    """A sentence as written in the request, when it is heard, and its words in order.

    Words occur in `text` in their order, without the punctuation around them. `phones` is empty where the model does
    not tell them.
    """

    text: str
    start: float
    end: float
    words: tuple[WordTime, ...] = ()
    phones: tuple[PhoneTime, ...] = ()


@dataclass(frozen=True)
class SpeechChunk:
    """One spoken sentence: its samples (mono float32, trailing pause included) and its times."""

    samples: NDArray[np.float32]  # (n,)
    sample_rate: int  # Hz
    sentence: SentenceTime


@dataclass(frozen=True)
class SpeechResult:
    """A whole utterance."""

    samples: NDArray[np.float32]  # (n,)
    sample_rate: int  # Hz
    sentences: tuple[SentenceTime, ...]
    model: str
    voice: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Voice:
    """A voice a card offers."""

    id: str
    language: str
    gender: str  # "female" | "male" | ""
    title: dict[str, str]  # language tag -> name shown to people


@runtime_checkable
class SpeechModel(Protocol):
    """A loaded synthesiser."""

    card_id: str

    def voices(self) -> tuple[Voice, ...]:
        """The voices it has, default first for each language."""
        ...

    def stream(self, request: SpeechRequest, *, control: Control) -> Iterator[SpeechChunk]:
        """Yield sentences as they are spoken. Raises `UnsupportedArgument` for an unknown voice or language."""
        ...

    def synthesize(self, request: SpeechRequest, *, control: Control | None = None) -> SpeechResult:
        """The whole utterance: the chunks of `stream` joined."""
        ...

    def close(self) -> None:
        """Give the memory back. Idempotent."""
        ...


@runtime_checkable
class MeasuringSpeechModel(SpeechModel, Protocol):
    """A synthesiser that can tell how long it would speak without speaking."""

    def measure(self, request: SpeechRequest, *, control: Control | None = None) -> float:
        """Seconds that `synthesize` would give for the same request, to within a frame or two a sentence."""
        ...


class TranscriptionRequest(BaseModel):
    """An audio file to be written down. `language` "" = detect. Chinese comes out in simplified characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio: Path
    language: str = ""
    word_times: bool = True


@dataclass(frozen=True)
class TranscriptionResult:
    """What was heard, sentence by sentence with word times."""

    text: str
    language: str
    sentences: tuple[SentenceTime, ...]
    seconds: float
    model: str


@runtime_checkable
class TranscriptionModel(Protocol):
    """A loaded recogniser."""

    card_id: str

    def transcribe(self, request: TranscriptionRequest, *, control: Control | None = None) -> TranscriptionResult:
        """Raises `BadInput` for a file that is no audio."""
        ...

    def close(self) -> None:
        """Give the memory back. Idempotent."""
        ...
