"""Kokoro-82M through onnxruntime: Chinese and English, with exact word and phoneme times.

Design:
- Phonemes come from misaki (Chinese) and hibari (English, American and British). The model's other languages need
  espeak-ng, which is GPL, or dictionaries that are not here: their voices are not offered.
- One thread computes cheapest (0.57 CPU-s a second of speech); with more threads sentences are spoken side by side.
- The model's own durations are made an output (`durations.py`), which gives times to the frame of 25 ms.
- The model holds 510 symbols; a longer sentence is divided at its marks. The style row is the number of symbols.
- The same request gives the same samples: the model draws no random numbers. int8 weights run on the CPU always.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedLongEnough
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, CorruptFile, ModelMissing
from models.speech.base import SpeechRequest, Voice
from models.speech.common import SentenceSpeech, Utterance, join, trim
from models.speech.durations import durations_only, with_durations
from models.speech.frontend import Sentence, prepare
from models.speech.frontend.phonemes import Phonemes, Phonemizer
from models.speech.timing import divide, symbol_edges, symbol_times

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 24_000  # Hz
FRAME = 600  # samples for one unit of duration
MAX_SYMBOLS = 510
STYLE_ROWS, STYLE_SIZE = 510, 256

_LANGUAGES = {"z": "zh", "a": "en-US", "b": "en-GB"}  # first letter of a voice
_GENDERS = {"f": "female", "m": "male"}
_FIRST = ("zf_xiaoxiao", "af_heart", "bf_emma")  # defaults, and the order people see
_CHINESE_NAMES = {"xiaobei": "晓北", "xiaoni": "晓妮", "xiaoxiao": "晓晓", "xiaoyi": "晓伊", "yunjian": "云健",
                  "yunxi": "云希", "yunxia": "云夏", "yunyang": "云扬"}  # fmt: skip
_CLAUSE_PAUSE = 0.12  # s between the parts of a divided sentence
_LAST_SOUND = 10.0  # frames of a sentence's last sound that are heard, trimmed tail included
_POLL = 0.05  # s between two looks at the cancel token


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> Kokoro:
    """Open the model in `folder` (model.onnx, vocab.json, voices/*.bin)."""
    return Kokoro(card.id, folder, threads=int(options.get("threads") or 1))


@dataclass(frozen=True)
class _Part:
    """What one run of the model speaks: symbols [begin, end) of a sentence."""

    sentence: int
    phonemes: Phonemes
    begin: int
    end: int


class Kokoro(SentenceSpeech):
    """The loaded synthesiser. `stream` may be used from several threads."""

    sample_rate = SAMPLE_RATE

    def __init__(self, card_id: str, folder: Path, *, threads: int = 1) -> None:
        self.card_id = card_id
        self._folder = folder
        self._threads = max(1, threads)
        self._vocabulary = _read_vocabulary(folder, card_id)
        self._voices = _find_voices(folder, card_id)
        self._styles: dict[str, NDArray[np.float32]] = {}
        self._phonemizer = Phonemizer()
        model, self._durations = with_durations(_read(folder / "model.onnx", card_id))
        self._session: Any = open_session(model, "model.onnx")
        self._measurer: Any = None
        self._lock = threading.Lock()

    def voices(self) -> tuple[Voice, ...]:
        return self._voices

    def close(self) -> None:
        self._session = self._measurer = None
        self._styles.clear()
        self._phonemizer = Phonemizer()

    def measure(self, request: SpeechRequest, *, control: Control | None = None) -> float:
        """Seconds it would speak, from the durations alone; silence at the ends is taken as it usually is."""
        control = control or Control()
        voice = self.choose_voice(request.voice, request.language)
        sentences = prepare(request.text, language=request.language, pronunciations=request.pronunciations)
        with self._lock:
            if self._measurer is None:
                model, _ = durations_only(_read(self._folder / "model.onnx", self.card_id))
                self._measurer = open_session(model, "model.onnx")
        seconds = request.sentence_pause * (len(sentences) - 1)
        for index, sentence in enumerate(sentences):
            parts = self._parts(index, self._phonemizer(sentence, british=voice.language == "en-GB"))
            seconds += _CLAUSE_PAUSE * (len(parts) - 1)
            for part in parts:
                control.check()
                (frames,) = self._run(self._measurer, [self._durations], part, voice, request.speed, None)
                # The padding and the mark at the end are silence, and so is most of a long last sound.
                last = min(float(frames[0, -3]), _LAST_SOUND) if frames.shape[1] > 3 else 0.0
                seconds += (float(frames[0, 1:-3].sum()) + last) * FRAME / SAMPLE_RATE
        return seconds

    # -- speaking ---------------------------------------------------------------------------------

    def _utterances(
        self, sentences: Sequence[Sentence], voice: Voice, *, speed: float, control: Control
    ) -> Iterator[Utterance]:
        import onnxruntime

        british = voice.language == "en-GB"
        waiting: deque[tuple[_Part, Any, Future[Utterance]]] = deque()
        pending = self._all_parts(sentences, british=british)
        spoken: dict[int, list[Utterance]] = {}
        executor = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="kokoro")

        def submit() -> None:
            part = next(pending, None)
            if part is not None:
                options = onnxruntime.RunOptions()
                # Without the arena a sentence of 6 s peaks 1.3 GB higher; shrunk after each, it keeps 140 MB less.
                options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
                waiting.append((part, options, executor.submit(self._speak, part, voice, speed, options)))

        try:
            for _ in range(self._threads):
                submit()
            current = 0
            while waiting:
                part, _, future = waiting[0]  # stays in the row until it is done, to be ended with the others
                utterance = _wait(future, control)
                waiting.popleft()
                submit()
                if part.sentence != current:
                    yield join(spoken.pop(current), SAMPLE_RATE, pause=_CLAUSE_PAUSE)
                    current = part.sentence
                spoken.setdefault(current, []).append(utterance)
            yield join(spoken.pop(current), SAMPLE_RATE, pause=_CLAUSE_PAUSE)
        finally:
            for _, options, future in waiting:
                options.terminate = True  # a run under way ends at its next node
                future.cancel()
            executor.shutdown(wait=True)

    def _all_parts(self, sentences: Sequence[Sentence], *, british: bool) -> Iterator[_Part]:
        for index, sentence in enumerate(sentences):
            yield from self._parts(index, self._phonemizer(sentence, british=british))

    @staticmethod
    def _parts(index: int, phonemes: Phonemes) -> list[_Part]:
        """The sentence in stretches the model can hold."""
        return [_Part(index, phonemes, begin, end) for begin, end in divide(phonemes.symbols, MAX_SYMBOLS)]

    def _speak(self, part: _Part, voice: Voice, speed: float, options: Any) -> Utterance:
        audio, frames = self._run(self._session, ["audio", self._durations], part, voice, speed, options)
        samples = audio.reshape(-1)
        edges = symbol_edges(frames, seconds=len(samples) / SAMPLE_RATE)
        words, phones = symbol_times(part.phonemes, part.begin, part.end, edges)
        return trim(Utterance(samples, words, phones), SAMPLE_RATE)

    def _run(
        self, session: Any, outputs: list[str], part: _Part, voice: Voice, speed: float, options: Any
    ) -> list[NDArray[np.float32]]:
        import numpy as np

        # A symbol the model lacks is spoken as nothing but keeps its place in time.
        ids = [self._vocabulary.get(symbol, 16) for symbol in part.phonemes.symbols[part.begin : part.end]]
        feed = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": self._style(voice.id)[min(len(ids), STYLE_ROWS - 1)],
            "speed": np.array([speed], dtype=np.float32),
        }
        try:
            return list(session.run(outputs, feed, options))
        except Exception as error:  # onnxruntime raises many unrelated classes, all of them its own
            raise AdapterFailed(f"Kokoro could not speak: {str(error).splitlines()[0]}", hint="Try again.") from error

    def _style(self, voice: str) -> NDArray[np.float32]:
        """(510, 1, 256): one style for each number of symbols."""
        import numpy as np

        if voice not in self._styles:
            path = self._folder / "voices" / f"{voice}.bin"
            style = np.fromfile(path, dtype="<f4")
            if style.size != STYLE_ROWS * STYLE_SIZE:
                raise CorruptFile(f"{path.name} is not a Kokoro voice.", hint=f"studio models pull {self.card_id}")
            self._styles[voice] = style.reshape(STYLE_ROWS, 1, STYLE_SIZE)
        return self._styles[voice]


def _wait(future: Future[Utterance], control: Control) -> Utterance:
    while True:
        control.check()
        try:
            return future.result(timeout=_POLL)
        except WaitedLongEnough:
            continue


def open_session(model: bytes, name: str) -> Any:
    """A single-threaded session; `name` is the file the bytes are from."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many unrelated classes, all of them its own
        raise CorruptFile(f"{name} is no model onnxruntime can open: {error}", hint="Pull it again.") from error


def _read(path: Path, card_id: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelMissing(f"{card_id}: {path.name} is not here.", hint=f"studio models pull {card_id}") from error


def _read_vocabulary(folder: Path, card_id: str) -> dict[str, int]:
    try:
        return dict(json.loads(_read(folder / "vocab.json", card_id))["vocab"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{card_id}: vocab.json is damaged.", hint=f"studio models pull {card_id}") from error


def _find_voices(folder: Path, card_id: str) -> tuple[Voice, ...]:
    names = sorted(path.stem for path in (folder / "voices").glob("*.bin") if path.stem[:1] in _LANGUAGES)
    if not names:
        raise ModelMissing(f"{card_id} has no voices here.", hint=f"studio models pull {card_id}")
    return _in_order(names)


def card_voices(card: Card) -> tuple[Voice, ...]:
    """The voices that a card's files give, default first for each language; known without the files."""
    stems = [Path(file.name).stem for file in card.files if file.name.startswith("voices/")]
    return _in_order([stem for stem in stems if stem[:1] in _LANGUAGES])


def _in_order(names: list[str]) -> tuple[Voice, ...]:
    names.sort(key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return tuple(_voice(name) for name in names)


def _voice(name: str) -> Voice:
    prefix, _, person = name.partition("_")
    gender = _GENDERS.get(prefix[1:], "")
    zh_gender = {"female": "女声", "male": "男声"}.get(gender, "")
    accent = {"en-US": ("American", "美式"), "en-GB": ("British", "英式"), "zh": ("Mandarin", "普通话")}[
        _LANGUAGES[prefix[0]]
    ]
    title = person.replace("_", " ").title()
    return Voice(
        id=name,
        language=_LANGUAGES[prefix[0]],
        gender=gender,
        title={
            "en": f"{title} ({accent[0]}, {gender})",
            "zh": f"{_CHINESE_NAMES.get(person, title)}（{accent[1]}{zh_gender}）",
        },
    )
