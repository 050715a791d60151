"""The speak step on the fake voice: loudness, length, times."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from models.errors import Cancelled, StepFailed
from models.speech.base import SpeechRequest
from models.speech.common import SentenceSpeech
from models.speech.fake import FakeSpeech
from pipelines.steps.speak import FASTEST, SLOWEST, SpeakRequest, speak
from pipelines.steps.write_copy.document import AudienceCopy
from tests.support.context import MemoryContext
from tests.support.sound import audio_facts, ebur128

SCRIPT = ("早八人的清晨，从一杯冷萃咖啡开始。", "0糖0脂，30秒速溶。", "到手价¥9.9，首单立减5元。")


class Unmeasured(SentenceSpeech):
    """The fake voice as a model that cannot measure."""

    sample_rate = FakeSpeech.sample_rate
    card_id = "unmeasured"

    def __init__(self) -> None:
        self._inner = FakeSpeech()
        self.speeds: list[float] = []

    def voices(self):
        return self._inner.voices()

    def _utterances(self, sentences, voice, *, speed, control):
        self.speeds.append(speed)
        return self._inner._utterances(sentences, voice, speed=speed, control=control)


def context_of(tmp_path: Path, model: object | None = None, **more: object) -> MemoryContext:
    return MemoryContext(tmp_path, models={"speech": model or FakeSpeech()}, **more)  # type: ignore[arg-type]


def request_of(context: MemoryContext, *, script: tuple[str, ...] = SCRIPT, **fields: object) -> SpeakRequest:
    copy = AudienceCopy(
        audience="上班族",
        language="zh",
        headline="早安",
        subhead="一杯清醒",
        body="正文",
        hashtags=("#咖啡",),
        script=script,
    )
    given = {"closing": "立即尝鲜", "language": "zh", **fields}
    return SpeakRequest(audience_copy=context.put_json(copy), **given)  # type: ignore[arg-type]


def natural_seconds(tmp_path: Path) -> float:
    context = context_of(tmp_path / "natural")
    return float(speak(request_of(context), context)["voice"].facts["seconds"])


def test_voice_is_48_khz_mono_pcm_at_minus_16_lufs(tmp_path: Path):
    context = context_of(tmp_path)
    outputs = speak(request_of(context), context)
    path = context.path(outputs["voice"])
    facts = audio_facts(path)
    assert (facts["codec"], facts["sample_rate"], facts["channels"]) == ("pcm_s16le", 48_000, 1)
    measured = ebur128(path)
    assert measured.integrated == pytest.approx(-16, abs=0.5)
    assert measured.true_peak <= -1.0
    said = outputs["voice"].facts
    assert said["seconds"] == pytest.approx(facts["seconds"], abs=0.002)
    assert said["lufs"] == pytest.approx(measured.integrated, abs=0.3)
    assert said["true_peak_db"] == pytest.approx(measured.true_peak, abs=0.5)
    assert said["voice"] == "fake_zh"


def test_timing_has_every_sentence_as_written_with_its_words(tmp_path: Path):
    context = context_of(tmp_path)
    outputs = speak(request_of(context), context)
    timing = context.read_json(outputs["timing"])
    assert [sentence["text"] for sentence in timing["sentences"]] == [*SCRIPT, "立即尝鲜"]
    assert [sentence["role"] for sentence in timing["sentences"]] == ["script"] * 3 + ["closing"]
    assert "¥9.9" in [word["text"] for word in timing["sentences"][2]["words"]]
    for before, after in itertools.pairwise(timing["sentences"]):
        assert after["start"] - before["end"] == pytest.approx(0.35, abs=0.01)
    assert timing["sentences"][0]["start"] > 0.03
    assert timing["sentences"][-1]["end"] < timing["seconds"]


def test_words_are_heard_when_the_timing_says(tmp_path: Path):
    import soundfile

    context = context_of(tmp_path)
    outputs = speak(request_of(context), context)
    samples, rate = soundfile.read(context.path(outputs["voice"]))
    timing = context.read_json(outputs["timing"])
    words = [word for sentence in timing["sentences"] for word in sentence["words"]]
    for word in words:
        middle = samples[int((word["start"] + 0.02) * rate) : int((word["end"] - 0.04) * rate)]
        assert np.abs(middle).max() > 0.05, word
    spoken = [(sentence["start"], sentence["end"]) for sentence in timing["sentences"]]
    for (_, end), (start, _) in itertools.pairwise(spoken):
        assert np.abs(samples[int((end + 0.02) * rate) : int((start - 0.02) * rate)]).max() < 1e-3


@pytest.mark.parametrize("model", [FakeSpeech, Unmeasured])
def test_a_little_too_long_or_short_is_met_by_the_rate(tmp_path: Path, model: type):
    natural = natural_seconds(tmp_path)
    for number, target in enumerate((natural * 0.93, natural * 1.05)):
        context = context_of(tmp_path / str(number), model())
        facts = speak(request_of(context, target_seconds=target), context)["voice"].facts
        assert facts["seconds"] == pytest.approx(target, rel=0.025)
        assert SLOWEST <= facts["speed"] <= FASTEST


@pytest.mark.parametrize(("share", "speed"), [(0.5, FASTEST), (3.0, SLOWEST)])
def test_what_cannot_be_met_stays_within_an_unhurried_rate(tmp_path: Path, share: float, speed: float):
    natural = natural_seconds(tmp_path)
    context = context_of(tmp_path)
    facts = speak(request_of(context, target_seconds=natural * share), context)["voice"].facts
    assert facts["speed"] == pytest.approx(speed)


def test_the_rate_asked_for_is_the_one_that_is_changed(tmp_path: Path):
    natural = natural_seconds(tmp_path)
    context = context_of(tmp_path)
    facts = speak(request_of(context, speed=1.2, target_seconds=natural * 0.1), context)["voice"].facts
    assert facts["speed"] == pytest.approx(1.2 * FASTEST, abs=1e-3)
    model = Unmeasured()
    context = context_of(tmp_path / "fast", model)
    speak(request_of(context, speed=2.0, target_seconds=1.0), context)
    assert model.speeds == [2.0]  # no model is asked for more than a request allows


def test_same_request_same_bytes(tmp_path: Path):
    first, second = context_of(tmp_path / "a"), context_of(tmp_path / "b")
    one, two = speak(request_of(first), first), speak(request_of(second), second)
    assert {name: artifact.sha256 for name, artifact in one.items()} == {
        name: artifact.sha256 for name, artifact in two.items()
    }


def test_pronunciations_and_voice_reach_the_model(tmp_path: Path):
    seen: list[SpeechRequest] = []

    class Listening(FakeSpeech):
        def synthesize(self, request, *, control=None):
            seen.append(request)
            return super().synthesize(request, control=control)

    context = context_of(tmp_path, Listening())
    speak(request_of(context, voice="fake_zh_low", pronunciations={"萃": "cui4"}), context)
    assert seen[-1].voice == "fake_zh_low"
    assert seen[-1].pronunciations == {"萃": "cui4"}


def test_nothing_to_say_fails_and_cancel_stops(tmp_path: Path):
    context = context_of(tmp_path)
    with pytest.raises(StepFailed, match="script"):
        speak(request_of(context, script=(), closing=""), context)
    cancelled = context_of(tmp_path / "cancel", cancel_after=1)
    with pytest.raises(Cancelled):
        speak(request_of(cancelled), cancelled)
