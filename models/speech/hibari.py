"""hibari: English at a hundred times real time, from a model that comes inside its package.

Design:
- Voices whose file is on this machine are offered: one is in the package, others where its own cache has them.
  Nothing is downloaded here.
- It speaks Kokoro's phoneme alphabet and predicts durations like it, so the front end, the times and the trimming are
  the same; the noise in the voice is seeded by the text, so that the same request gives the same samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, ModelMissing
from models.speech.base import Voice
from models.speech.common import SentenceSpeech, Utterance, join, trim
from models.speech.durations import with_durations
from models.speech.frontend import Sentence
from models.speech.frontend.phonemes import Phonemizer
from models.speech.timing import divide, symbol_edges, symbol_times

MAX_SYMBOLS = 400
_CLAUSE_PAUSE = 0.12  # s between the parts of a divided sentence


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> HibariSpeech:
    """`folder` is not used: the files are the package's own."""
    return HibariSpeech(card.id, threads=int(options.get("threads") or 1))


class HibariSpeech(SentenceSpeech):
    """The loaded synthesiser; voices open at first use."""

    def __init__(self, card_id: str, *, threads: int = 1) -> None:
        from hibari import SAMPLE_RATE, voices

        self.card_id = card_id
        self.sample_rate = SAMPLE_RATE
        self._threads = max(1, threads)
        self._files: dict[str, Path] = {}
        for name in voices.VOICES:
            try:
                self._files[name] = Path(voices.voice_path(name, download_missing=False))
            except FileNotFoundError:
                continue
        if not self._files:
            raise ModelMissing("hibari has no voice here.", hint="Install hibari-tts again.")
        self._voices = tuple(_voice(name, voices.VOICES[name]) for name in self._files)
        self._open: dict[str, tuple[Any, dict[str, int], list[str]]] = {}
        self._phonemizer = Phonemizer()

    def voices(self) -> tuple[Voice, ...]:
        return self._voices

    def close(self) -> None:
        self._open.clear()
        self._phonemizer = Phonemizer()

    def _utterances(
        self, sentences: Sequence[Sentence], voice: Voice, *, speed: float, control: Control
    ) -> Iterator[Utterance]:
        for sentence in sentences:
            phonemes = self._phonemizer(sentence, british=voice.language == "en-GB")
            parts = []
            for begin, end in divide(phonemes.symbols, MAX_SYMBOLS):
                control.check()
                samples, frames = self._run(voice.id, phonemes.symbols[begin:end], speed)
                edges = symbol_edges(frames, seconds=len(samples) / self.sample_rate)
                words, phones = symbol_times(phonemes, begin, end, edges)
                parts.append(trim(Utterance(samples, words, phones), self.sample_rate))
            yield join(parts, self.sample_rate, pause=_CLAUSE_PAUSE)

    def _run(self, voice: str, symbols: str, speed: float) -> tuple[Any, Any]:
        """Samples (n,) float32 and frames of each symbol, pads included."""
        import numpy as np
        from hibari import dsp

        session, vocabulary, outputs = self._session(voice)
        ids = [0, *(vocabulary.get(symbol, vocabulary[" "]) for symbol in symbols), 0]
        seed = int.from_bytes(hashlib.sha256(symbols.encode()).digest()[:8], "big")
        feed = {"ids": np.array([ids], dtype=np.int64), "speed": np.array([speed], dtype=np.float32)}
        try:
            *spectrum, frames = session.run(outputs, feed)
        except Exception as error:  # onnxruntime raises many unrelated classes, all of them its own
            raise AdapterFailed(f"hibari could not speak: {str(error).splitlines()[0]}") from error
        samples = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(seed))
        return samples.astype(np.float32), frames.reshape(-1)

    def _session(self, voice: str) -> tuple[Any, dict[str, int], list[str]]:
        if voice not in self._open:
            import json

            import hibari.tts

            from models.speech.kokoro import open_session

            path = self._files[voice]
            model, durations = with_durations(path.read_bytes())
            session = open_session(model, path.name)
            names = [output.name for output in session.get_outputs() if output.name != durations]
            vocabulary = json.loads((Path(hibari.tts.ASSETS) / "vocab.json").read_text(encoding="utf-8"))
            self._open[voice] = (session, vocabulary, [*names, durations])
        return self._open[voice]


def _voice(name: str, facts: Mapping[str, Any]) -> Voice:
    language = str(facts["language"])
    gender = str(facts["gender"])
    accent = {"en-US": "美式", "en-GB": "英式"}.get(language, "")
    zh_gender = {"female": "女声", "male": "男声"}.get(gender, "")
    return Voice(
        id=name,
        language=language,
        gender=gender,
        title={"en": f"{name.title()} ({facts['accent']}, {gender})", "zh": f"{name.title()}（{accent}{zh_gender}）"},
    )
