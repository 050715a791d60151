"""What every recogniser has to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from models.control import CancelToken, Control
from models.errors import BadInput, Cancelled
from models.speech.base import SpeechRequest, TranscriptionModel, TranscriptionRequest
from tests.conformance.subjects import Subject, opened, params


@pytest.fixture(scope="module", params=params("transcription"))
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.param
    return chosen


@pytest.fixture(scope="module")
def model(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened(subject, tmp_path_factory.mktemp("transcription")) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def speech(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two spoken sentences; by a real voice for a real recogniser."""
    folder = tmp_path_factory.mktemp("spoken")
    voice = Subject("hibari" if subject.acceptance else "fake-speech")
    with opened(voice, folder) as speaker:
        said = speaker.synthesize(SpeechRequest(text="The coffee is ready. Good morning!", language="en"))
    path = folder / "spoken.wav"
    soundfile.write(path, said.samples, said.sample_rate)
    return path


class TestTranscription:
    def test_is_a_transcription_model(self, model: Any) -> None:
        assert isinstance(model, TranscriptionModel)

    def test_words_and_times(self, model: Any, subject: Subject, speech: Path) -> None:
        result = model.transcribe(TranscriptionRequest(audio=speech, language="en"))
        assert result.text.strip()
        assert result.language == "en"
        assert result.seconds == pytest.approx(soundfile.info(str(speech)).duration, abs=0.1)
        times = [word.start for sentence in result.sentences for word in sentence.words]
        assert times == sorted(times)
        assert times[0] >= 0
        assert result.sentences[-1].end <= result.seconds + 0.5
        if subject.acceptance:
            assert "coffee" in result.text.lower()
            assert "morning" in result.text.lower()

    def test_not_audio(self, model: Any, tmp_path: Path) -> None:
        broken = tmp_path / "broken.wav"
        broken.write_bytes(b"this is no sound")
        with pytest.raises(BadInput):
            model.transcribe(TranscriptionRequest(audio=broken))

    def test_missing_file(self, model: Any, tmp_path: Path) -> None:
        with pytest.raises(BadInput):
            model.transcribe(TranscriptionRequest(audio=tmp_path / "none.wav"))

    def test_cancel(self, model: Any, speech: Path) -> None:
        control = Control(cancel=CancelToken())
        control.cancel.cancel()
        with pytest.raises(Cancelled):
            model.transcribe(TranscriptionRequest(audio=speech), control=control)


@pytest.mark.parametrize("subject", params("transcription"))
def test_close_twice(subject: Subject, tmp_path: Path) -> None:
    with opened(subject, tmp_path) as model:
        model.close()
