"""Any model of Coqui TTS (the `TTS` package): from a folder on this machine, or downloaded by its name.

Design:
- A folder holds `config.json` and one checkpoint. Checkpoints are pickles; they are opened with `weights_only`, which
  runs no code in them. Bark opens its own otherwise and is refused.
- `model_name` ("tts_models/...") lets the library download by itself into the card's folder; not when offline. Models
  under Coqui's own licence ask for consent, which is given beforehand by `COQUI_TOS_AGREED=1` or not at all.
- Numbers and dates are put in words by our front end; the model's own cleaners and phonemes come after. A reading in
  pinyin or IPA cannot be handed to them and is refused.
- These models tell no word times: words are laid over the sound in proportion to their length; sentences are exact.
- Noise in the models is seeded by the text: the same request gives the same samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.card import Card
from models.control import Control
from models.errors import AdapterFailed, BadInput, CorruptFile, ModelMissing, SourceUnavailable, UnsupportedArgument
from models.speech.base import Voice, WordTime
from models.speech.common import SentenceSpeech, Utterance, trim
from models.speech.frontend import Sentence

_CHECKPOINTS = ("model.pth", "best_model.pth", "model_file.pth", "model.pt")
_REFUSED = {"bark": "it opens its checkpoint in a way that can run code"}
_DEFAULT = "default"  # voice of a model with one speaker


def load(card: Card, folder: Path, *, options: Mapping[str, Any]) -> Coqui:
    """Options: `model_name` (download by name), `language` and `languages` (of a model that does not say)."""
    languages = tuple(options.get("languages") or card.languages or ())
    name = str(options.get("model_name") or "")
    synthesizer = _by_name(name, folder) if name else _by_folder(folder, card.id)
    device = str(options.get("device") or "cpu")
    return Coqui(card.id, synthesizer, languages=languages, device=device, threads=int(options.get("threads") or 1))


class Coqui(SentenceSpeech):
    """The loaded synthesiser."""

    def __init__(
        self, card_id: str, synthesizer: Any, *, languages: Sequence[str] = (), device: str = "cpu", threads: int = 1
    ) -> None:
        self.card_id = card_id
        self._synthesizer: Any = synthesizer.to(device)
        self._threads = threads
        self.sample_rate = int(synthesizer.output_sample_rate)
        self._model_languages = _named(getattr(synthesizer.tts_model, "language_manager", None), "language_names")
        self._speakers = _named(getattr(synthesizer.tts_model, "speaker_manager", None), "speaker_names")
        spoken = [name.split("-")[0] for name in self._model_languages] or list(languages) or ["en"]
        self._voices = tuple(
            Voice(speaker, language, "", {"en": speaker, "zh": speaker})
            for language in dict.fromkeys(spoken)
            for speaker in self._speakers or [_DEFAULT]
        )

    def voices(self) -> tuple[Voice, ...]:
        return self._voices

    def close(self) -> None:
        self._synthesizer = None

    def _utterances(
        self, sentences: Sequence[Sentence], voice: Voice, *, speed: float, control: Control
    ) -> Iterator[Utterance]:
        for sentence in sentences:
            control.check()
            given = [piece for piece in sentence.pieces if piece.reading]
            if given:
                raise UnsupportedArgument(
                    f"pronunciations: {self.card_id} takes a respelling, not pinyin or IPA ({given[0].written!r}).",
                    hint="Give the word as it would be spelled, or choose another voice model.",
                )
            samples = self._speak(sentence.spoken, voice, speed)
            spoken = trim(Utterance(samples), self.sample_rate)
            seconds = len(spoken.samples) / self.sample_rate
            yield Utterance(spoken.samples, _laid_out(sentence, seconds))

    def _speak(self, text: str, voice: Voice, speed: float) -> Any:
        import numpy as np
        import torch

        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        arguments: dict[str, Any] = {"speaker": voice.id if self._speakers else None}
        if len(self._model_languages) > 1:
            arguments["language"] = next(n for n in self._model_languages if n.split("-")[0] == voice.language)
        model = self._synthesizer.tts_model
        if getattr(model.config, "model", "") == "xtts":
            arguments["speed"] = speed
        elif speed != 1.0 and not hasattr(model, "length_scale"):
            raise UnsupportedArgument(f"speed: {self.card_id} speaks at its own rate only.", hint="Leave speed at 1.")
        try:
            with torch.random.fork_rng(), _length_scale(model, speed):
                torch.manual_seed(seed)
                with torch.inference_mode():
                    outputs = model.synthesize(text, use_griffin_lim=True, **arguments)
        except Exception as error:  # models of many authors: whatever they raise ends here
            raise AdapterFailed(f"{self.card_id} could not speak {text[:40]!r}: {error}") from error
        wave = outputs["wav"]
        wave = wave.detach().cpu().numpy() if isinstance(wave, torch.Tensor) else np.asarray(wave)
        return np.clip(wave.reshape(-1), -1.0, 1.0).astype(np.float32)


class _length_scale:  # noqa: N801  # reads like the attribute it sets
    """Sets how long the model's sounds are while it speaks, and puts its own value back."""

    def __init__(self, model: Any, speed: float) -> None:
        self._model, self._speed = model, speed
        self._own = getattr(model, "length_scale", None)

    def __enter__(self) -> None:
        if self._own is not None and self._speed != 1.0:
            self._model.length_scale = self._own / self._speed

    def __exit__(self, *_: object) -> None:
        if self._own is not None:
            self._model.length_scale = self._own


def _laid_out(sentence: Sentence, seconds: float) -> tuple[WordTime, ...]:
    """The words in proportion to the length of what is said; a pause counts like two letters."""
    said: list[tuple[str, float]] = []
    for piece in sentence.pieces:
        if piece.script == "pause":
            said.append(("", 2.0))
        elif piece.script != "silent" and piece.written.strip():
            said.append((piece.written.strip(), float(len(piece.spoken))))
        elif piece.script != "silent" and said:
            said[-1] = (said[-1][0], said[-1][1] + len(piece.spoken))
    if said and not said[-1][0]:
        said.pop()
    whole = sum(length for _, length in said) or 1.0
    words, at = [], 0.0
    for text, length in said:
        end = at + seconds * length / whole
        if text:
            words.append(WordTime(text, at, end))
        at = end
    return tuple(words)


def _named(manager: Any, attribute: str) -> list[str]:
    return [str(name) for name in getattr(manager, attribute, None) or [] if str(name)]


def _by_folder(folder: Path, card_id: str) -> Any:
    import json

    config = folder / "config.json"
    named = [folder / name for name in _CHECKPOINTS if (folder / name).is_file()]
    found = named or sorted(path for path in folder.glob("*.pth") if not path.name.startswith("speakers"))
    if not config.is_file() or not found:
        raise ModelMissing(
            f"{card_id}: {folder} has no {'checkpoint (.pth)' if config.is_file() else 'config.json'}.",
            hint="Put a Coqui TTS model there: config.json and model.pth.",
        )
    try:
        kind = str(json.loads(config.read_text(encoding="utf-8")).get("model", ""))
    except (ValueError, AttributeError) as error:
        raise CorruptFile(
            f"{card_id}: config.json is damaged.", hint="Put the model's own config.json there."
        ) from error
    if kind in _REFUSED:
        raise UnsupportedArgument(f"{card_id}: {kind} is not opened here: {_REFUSED[kind]}.")
    return _opened(card_id, tts_checkpoint=str(found[0]), tts_config_path=str(config))


def _opened(card_id: str, **paths: str) -> Any:
    import pickle

    from TTS.utils.synthesizer import Synthesizer

    try:
        return Synthesizer(**paths)
    except pickle.UnpicklingError as error:
        raise CorruptFile(f"{card_id}: the checkpoint holds more than weights and is not opened.") from error
    except Exception as error:  # models of many authors: whatever they raise ends here
        raise CorruptFile(
            f"{card_id} cannot be opened: {error}", hint="Check config.json and the checkpoint."
        ) from error


def _by_name(name: str, folder: Path) -> Any:
    """Downloaded by the library into `folder` (in its own layout), or found there."""
    import os

    from models.settings import Settings

    kind = name.rpartition("/")[2]
    if kind in _REFUSED:
        raise UnsupportedArgument(f"model_name: {name} is not opened here: {_REFUSED[kind]}.")
    ready = (folder / "tts" / name.replace("/", "--")).is_dir()
    if Settings.from_env().offline and not ready:
        raise ModelMissing(f"model_name: {name} is not here, and the studio is offline.", hint="Unset STUDIO_OFFLINE.")
    from TTS.utils.manage import ModelManager

    manager = ModelManager(output_prefix=str(folder), progress_bar=False)
    item: Any = manager.models_dict
    for part in name.split("/"):
        item = item.get(part) if isinstance(item, dict) else None
    if not isinstance(item, dict) or name.count("/") != 3:
        raise BadInput(f"model_name: Coqui TTS has no model {name!r}.", hint="tts --list_models names them.")
    if item.get("tos_required") and os.environ.get("COQUI_TOS_AGREED") != "1":
        # Asked here because the library would ask on the terminal, and there may be none.
        raise ModelMissing(
            f"model_name: {name} has a licence of its own that must be agreed to.",
            hint="Read it, then set COQUI_TOS_AGREED=1.",
        )
    vocoder: Any = ""
    vocoder_config: Any = ""
    try:
        checkpoint, config, _ = manager.download_model(name)
        if item.get("default_vocoder"):
            vocoder, vocoder_config, _ = manager.download_model(item["default_vocoder"])
    except Exception as error:  # its downloads raise whatever the network stack does
        raise SourceUnavailable(f"model_name: {name} could not be downloaded: {error}", hint="Try later.") from error
    paths = {
        "tts_checkpoint": checkpoint,
        "tts_config_path": config,
        "vocoder_checkpoint": vocoder,
        "vocoder_config": vocoder_config,
    }
    return _opened(name, **{key: str(value) for key, value in paths.items() if value})
