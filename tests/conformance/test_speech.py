"""What every synthesiser has to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from models.control import CancelToken, Control
from models.errors import Cancelled, UnsupportedArgument
from models.speech.base import SpeechModel, SpeechRequest
from tests.conformance.subjects import opened, params

TEXTS = {"zh": "今天真好。出发吧！", "en": "The day is bright. Let us go!"}


@pytest.fixture(scope="module", params=params("speech"))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(request.param, tmp_path_factory.mktemp("speech")) as loaded:
        yield loaded


@pytest.fixture
def ask(model: Any) -> Any:
    """A request in a language the model speaks."""
    spoken = [voice.language.partition("-")[0] for voice in model.voices()]
    language = next(tag for tag in ("zh", "en") if tag in spoken)
    return lambda **more: SpeechRequest(**{"text": TEXTS[language], "language": language, **more})


class TestSpeech:
    def test_is_a_speech_model(self, model: Any) -> None:
        assert isinstance(model, SpeechModel)
        voices = model.voices()
        assert voices
        assert len({voice.id for voice in voices}) == len(voices)

    def test_sound_and_times(self, model: Any, ask: Any) -> None:
        result = model.synthesize(ask())
        assert result.samples.dtype == np.float32
        assert result.samples.ndim == 1
        assert 0.01 < np.abs(result.samples).max() <= 1
        assert len(result.sentences) == 2
        edges = [edge for sentence in result.sentences for edge in (sentence.start, sentence.end)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= result.seconds + 1e-3
        assert result.voice in {voice.id for voice in model.voices()}

    def test_words_lie_within_their_sentence(self, model: Any, ask: Any) -> None:
        for sentence in model.synthesize(ask()).sentences:
            for word in sentence.words:
                assert sentence.start - 0.02 <= word.start <= word.end <= sentence.end + 0.02

    def test_stream_joined_is_the_whole(self, model: Any, ask: Any) -> None:
        chunks = list(model.stream(ask(), control=Control()))
        whole = model.synthesize(ask())
        assert len(chunks) == 2
        assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole.samples)
        assert "".join(chunk.sentence.text for chunk in chunks).replace(" ", "") == ask().text.replace(" ", "")

    def test_speed(self, model: Any, ask: Any) -> None:
        assert model.synthesize(ask(speed=1.6)).seconds < 0.85 * model.synthesize(ask()).seconds

    def test_unknown_voice_and_language(self, model: Any, ask: Any) -> None:
        with pytest.raises(UnsupportedArgument, match="nobody"):
            model.synthesize(ask(voice="nobody"))
        with pytest.raises(UnsupportedArgument, match="xx"):
            model.synthesize(SpeechRequest(text="la", language="xx"))

    def test_cancelled_between_sentences(self, model: Any, ask: Any) -> None:
        control = Control(cancel=CancelToken())
        stream = model.stream(ask(), control=control)
        next(stream)
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            next(stream)


@pytest.mark.parametrize("subject", params("speech"))
def test_close_twice(subject: Any, tmp_path: Any) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
