"""Coqui adapter on a tiny VITS with random weights, built here and opened from its folder like any other."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.card import Card
from models.errors import CorruptFile, ModelMissing, UnsupportedArgument
from models.speech import coqui
from models.speech.base import SpeechModel, SpeechRequest


def card(**defaults: object) -> Card:
    return Card.model_validate(
        {
            "id": "coqui-local",
            "task": "speech",
            "adapter": "coqui",
            "title": {"en": "Coqui", "zh": "Coqui"},
            "sources": [{"kind": "builtin", "module": "TTS"}],
            "licence": {"id": "MPL-2.0", "commercial_use": "unknown"},
            "memory": {"resident": 100},
            "languages": ["en"],
            "defaults": defaults,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    torch.manual_seed(0)
    args = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=16,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        upsample_initial_channel_decoder=16,
        resblock_type_decoder="2",
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 1]],
        use_sdp=False,
    )
    config = VitsConfig(model_args=args, use_phonemes=False, text_cleaner="basic_cleaners")
    model = Vits(config)
    # Random weights would speak each letter for an instant; a bias makes each last a few frames.
    torch.nn.init.constant_(model.duration_predictor.proj.bias, 1.6)
    where = tmp_path_factory.mktemp("coqui")
    config.save_json(str(where / "config.json"))
    torch.save({"model": model.state_dict()}, where / "model.pth")
    return where


@pytest.fixture(scope="module")
def model(folder: Path) -> SpeechModel:
    return coqui.load(card(), folder, options={"threads": 1})


def test_speaks_sentence_by_sentence_with_words_as_written(model: SpeechModel):
    assert isinstance(model, SpeechModel)
    result = model.synthesize(SpeechRequest(text="Only $4.99 today. Zero sugar!", language="en"))
    assert [sentence.text for sentence in result.sentences] == ["Only $4.99 today.", "Zero sugar!"]
    assert [word.text for word in result.sentences[0].words] == ["Only", "$4.99", "today"]
    assert result.samples.dtype == np.float32
    assert np.abs(result.samples).max() <= 1.0
    assert np.abs(result.samples).max() > 0
    assert result.sentences[-1].end == pytest.approx(result.seconds, abs=0.01)


def test_same_request_gives_same_samples_and_speed_shortens(model: SpeechModel):
    request = SpeechRequest(text="The quick brown fox jumps over the lazy dog.", language="en")
    first, second = model.synthesize(request), model.synthesize(request)
    assert np.array_equal(first.samples, second.samples)
    faster = model.synthesize(request.model_copy(update={"speed": 1.5}))
    assert faster.seconds < first.seconds
    assert np.array_equal(model.synthesize(request).samples, first.samples)  # the rate was put back


def test_phonemes_cannot_be_handed_on_and_are_refused(model: SpeechModel):
    with pytest.raises(UnsupportedArgument, match="Acme"):
        model.synthesize(SpeechRequest(text="Buy Acme.", language="en", pronunciations={"Acme": "/ˈækmi/"}))
    spoken = model.synthesize(SpeechRequest(text="Buy Acme.", language="en", pronunciations={"Acme": "ack mee"}))
    assert [word.text for word in spoken.sentences[0].words] == ["Buy", "Acme"]


def test_unknown_language_and_voice_are_refused(model: SpeechModel):
    with pytest.raises(UnsupportedArgument, match="language"):
        model.synthesize(SpeechRequest(text="你好", language="zh"))
    with pytest.raises(UnsupportedArgument, match="voice"):
        model.synthesize(SpeechRequest(text="Hello", language="en", voice="nobody"))


def test_a_folder_without_a_model_says_what_is_missing(tmp_path: Path):
    with pytest.raises(ModelMissing, match=r"config\.json"):
        coqui.load(card(), tmp_path, options={})
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelMissing, match="checkpoint"):
        coqui.load(card(), tmp_path, options={})


def test_code_in_a_checkpoint_is_not_run(folder: Path, tmp_path: Path):
    import pickle

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    marker = tmp_path / "was-run"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    (tmp_path / "model.pth").write_bytes(pickle.dumps({"model": Evil()}))
    with pytest.raises(CorruptFile):
        coqui.load(card(), tmp_path, options={})
    assert not marker.exists()


def test_bark_is_refused_for_how_it_opens_files(tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"model": "bark"}))
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(UnsupportedArgument, match="bark"):
        coqui.load(card(), tmp_path, options={})


def test_by_name_is_offline_safe_and_asks_for_consent_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STUDIO_OFFLINE", "1")
    with pytest.raises(ModelMissing, match="offline"):
        coqui.load(card(), tmp_path, options={"model_name": "tts_models/en/ljspeech/vits"})
    monkeypatch.delenv("STUDIO_OFFLINE")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("COQUI_TOS_AGREED", raising=False)
    with pytest.raises(ModelMissing, match="licence"):
        coqui.load(card(), tmp_path, options={"model_name": "tts_models/multilingual/multi-dataset/xtts_v2"})


def test_a_model_with_its_own_rate_refuses_speed():
    class Fixed:
        config = SimpleNamespace(model="tacotron2")

    synthesizer = SimpleNamespace(output_sample_rate=22050, tts_model=Fixed(), to=lambda device: synthesizer)
    fixed = coqui.Coqui("fixed", synthesizer)
    with pytest.raises(UnsupportedArgument, match="speed"):
        fixed.synthesize(SpeechRequest(text="Hello.", language="en", speed=1.2))
