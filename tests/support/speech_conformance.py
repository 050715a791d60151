"""What every synthesiser and every recogniser must do, fake or real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.control import CancelToken, Control
from models.errors import BadInput, Cancelled, UnsupportedArgument
from models.speech.base import (
    SentenceTime,
    SpeechModel,
    SpeechRequest,
    TranscriptionModel,
    TranscriptionRequest,
)

TEXTS = {
    "zh": "到手价¥9.9，2个装。首单立减5元！",
    "en": "Only $4.99 today, Dr. Smith. Save 20%!",
}
SENTENCES = {
    "zh": ["到手价¥9.9，2个装。", "首单立减5元！"],
    "en": ["Only $4.99 today, Dr. Smith.", "Save 20%!"],
}


def check_speech(model: SpeechModel, *, language: str, speeds: bool = True) -> None:
    """Run the whole suite on a loaded synthesiser."""
    assert isinstance(model, SpeechModel)
    voices = model.voices()
    assert len({(voice.id, voice.language) for voice in voices}) == len(voices) > 0
    assert all({"en", "zh"} <= set(voice.title) for voice in voices)

    request = SpeechRequest(text=TEXTS[language], language=language, sentence_pause=0.4)
    result = model.synthesize(request)
    assert result.model == model.card_id
    assert result.voice in {voice.id for voice in voices}
    assert result.samples.dtype == np.float32
    assert result.samples.ndim == 1
    assert 0.005 < np.abs(result.samples).max() <= 1.0
    assert [sentence.text for sentence in result.sentences] == SENTENCES[language]
    for sentence in result.sentences:
        check_times(sentence, until=result.seconds)
    first, second = result.sentences
    assert second.start - first.end == pytest.approx(0.4, abs=0.01)
    gap = result.samples[int((first.end + 0.01) * result.sample_rate) : int((second.start - 0.01) * result.sample_rate)]
    assert not gap.any(), "the pause between sentences is silent"

    chunks = list(model.stream(request, control=Control()))
    assert len(chunks) == 2
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), result.samples)
    assert tuple(chunk.sentence for chunk in chunks) == result.sentences
    if speeds:
        slower = model.synthesize(request.model_copy(update={"speed": 0.8}))
        assert slower.seconds > result.seconds * 1.05

    with pytest.raises(UnsupportedArgument, match="voice"):
        model.synthesize(request.model_copy(update={"voice": "no-such-voice"}))
    with pytest.raises(UnsupportedArgument, match="language"):
        model.synthesize(request.model_copy(update={"language": "xx"}))
    with pytest.raises(BadInput, match="nothing"):
        model.synthesize(request.model_copy(update={"text": "😀😀"}))
    check_cancel(model, request)


def check_times(sentence: SentenceTime, *, until: float) -> None:
    """Times in order, inside, and words that occur in the sentence one after another."""
    assert 0 <= sentence.start < sentence.end <= until + 1e-6
    assert sentence.words
    at, before = 0, sentence.start - 1e-6
    for word in sentence.words:
        found = sentence.text.find(word.text, at)
        assert found >= 0, f"{word.text!r} does not follow in {sentence.text!r}"
        at = found + len(word.text)
        assert before <= word.start + 1e-6, f"{word} begins before the word before it"
        assert word.start <= word.end <= sentence.end + 1e-6
        before = word.start
    for phone in sentence.phones:
        assert sentence.start - 1e-6 <= phone.start <= phone.end <= sentence.end + 1e-6


def check_cancel(model: SpeechModel, request: SpeechRequest) -> None:
    token = CancelToken()
    stream = model.stream(request, control=Control(cancel=token))
    next(stream)
    token.cancel()
    with pytest.raises(Cancelled):
        next(stream)
    with pytest.raises(Cancelled):
        model.synthesize(request, control=Control(cancel=token))


def check_transcription(model: TranscriptionModel, *, audio: Path, seconds: float, language: str, tmp: Path) -> None:
    """Run the whole suite on a loaded recogniser and a file of speech."""
    assert isinstance(model, TranscriptionModel)
    heard = model.transcribe(TranscriptionRequest(audio=audio, language=language))
    assert heard.language == language
    assert heard.model == model.card_id
    assert heard.seconds == pytest.approx(seconds, abs=0.05)
    assert heard.text.strip()
    before = 0.0
    for sentence in heard.sentences:
        assert before - 0.05 <= sentence.start <= sentence.end <= heard.seconds + 0.5
        before = sentence.start
        assert sentence.words
    without = model.transcribe(TranscriptionRequest(audio=audio, language=language, word_times=False))
    assert not any(sentence.words for sentence in without.sentences)

    text = tmp / "words.wav"
    text.write_text("This is no sound.")
    empty = tmp / "empty.wav"
    empty.write_bytes(b"")
    for bad in (text, empty, tmp / "missing.wav", tmp):
        with pytest.raises(BadInput, match="audio"):
            model.transcribe(TranscriptionRequest(audio=bad, language=language))
    with pytest.raises(UnsupportedArgument, match="language"):
        model.transcribe(TranscriptionRequest(audio=audio, language="xx"))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        model.transcribe(TranscriptionRequest(audio=audio, language=language), control=Control(cancel=token))
