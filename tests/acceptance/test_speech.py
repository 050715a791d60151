"""The real voices, read back by the real recogniser: error rates, word times, loudness.

Design:
- Spoken once for all tests (a session's worth of CPU), each language through the speak step as a campaign does it.
- A brand that no recogniser can know is given to it as a name to expect; nothing else is.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.settings import Settings
from models.speech.base import SentenceTime, SpeechRequest, TranscriptionRequest, WordTime
from models.speech.hibari import HibariSpeech
from models.speech.kokoro import Kokoro
from models.speech.whisper import Whisper
from pipelines.steps.speak import SpeakRequest, speak
from pipelines.steps.write_copy.document import AudienceCopy
from tests.support.context import MemoryContext
from tests.support.readback import cer_pinyin, syllables, wer_en
from tests.support.sound import ebur128, write_wav
from tests.support.speech_conformance import check_speech, check_transcription

pytestmark = pytest.mark.acceptance

ZH = (
    "早八人的清晨，从一杯星野冷萃咖啡开始。",
    "0糖0脂，喝着没有负担。",
    "30秒速溶，冷水也能化开。",
    "低温慢萃12小时，苦味更少。",
    "到手价只要¥9.9，首单立减5元。",
    "2026年11月22日19:30开售，下单2盒再减10%。",
)
EN = (
    "Meet your morning in thirty seconds.",
    "Zero sugar, zero fat, and a slow 12-hour brew.",
    "Only $4.99/month, and 20% off your first order.",
    "Order before Nov. 22, 2026, and save $10 on 2 boxes.",
    "It tracks every walk for 24 hours on one charge.",
)


@dataclass(frozen=True)
class Spoken:
    path: Path
    text: str
    timing: dict[str, Any]
    heard: str
    heard_words: tuple[WordTime, ...]


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return Settings.from_env().models_dir


@pytest.fixture(scope="session")
def kokoro(models_dir: Path) -> Kokoro:
    return Kokoro("kokoro-82m", models_dir / "kokoro-82m", threads=2)


@pytest.fixture(scope="session")
def whisper(models_dir: Path) -> Whisper:
    return Whisper("whisper-base", models_dir / "whisper-base", options={"threads": 2})


def _spoken(
    folder: Path, kokoro: Kokoro, whisper: Whisper, *, language: str, script: tuple[str, ...], **more: Any
) -> Spoken:
    context = MemoryContext(folder, models={"speech": kokoro})
    copy = AudienceCopy(
        audience="all",
        language=language,
        headline="h",
        subhead="s",
        body="b",
        hashtags=(),
        script=script,  # type: ignore[arg-type]
    )
    outputs = speak(SpeakRequest(audience_copy=context.put_json(copy), language=language, **more), context)  # type: ignore[arg-type]
    path = context.path(outputs["voice"])
    heard = whisper.transcribe(
        TranscriptionRequest(audio=path, language=language), prompt="星野冷萃咖啡。" if language == "zh" else ""
    )
    text = " ".join([*script, more.get("closing", "")])
    words = tuple(word for sentence in heard.sentences for word in sentence.words)
    return Spoken(path, text, context.read_json(outputs["timing"]), heard.text, words)


@pytest.fixture(scope="session")
def zh(tmp_path_factory: pytest.TempPathFactory, kokoro: Kokoro, whisper: Whisper) -> Spoken:
    return _spoken(tmp_path_factory.mktemp("zh"), kokoro, whisper, language="zh", script=ZH, closing="立即尝鲜")


@pytest.fixture(scope="session")
def en(tmp_path_factory: pytest.TempPathFactory, kokoro: Kokoro, whisper: Whisper) -> Spoken:
    return _spoken(tmp_path_factory.mktemp("en"), kokoro, whisper, language="en", script=EN, closing="Try it today")


def test_chinese_is_read_back(zh: Spoken):
    assert cer_pinyin(zh.text, zh.heard) <= 0.05, zh.heard


def test_english_is_read_back(en: Spoken):
    assert wer_en(en.text, en.heard) <= 0.08, en.heard


@pytest.mark.parametrize("language", ["zh", "en"])
def test_voices_are_level(language: str, request: pytest.FixtureRequest):
    measured = ebur128(request.getfixturevalue(language).path)
    assert measured.integrated == pytest.approx(-16, abs=1)
    assert measured.true_peak <= -1


def test_word_times_agree_with_the_recogniser(zh: Spoken, en: Spoken):
    differences = [*_differences(zh, chinese=True), *_differences(en, chinese=False)]
    assert len(differences) > 40
    late = sorted(abs(difference) for difference in differences)
    assert statistics.median(late) <= 0.1
    assert late[int(0.95 * len(late))] <= 0.3


def _differences(spoken: Spoken, *, chinese: bool) -> list[float]:
    """Start by the model less start by the recogniser, in s, of words that both have alike and one after another."""
    from difflib import SequenceMatcher

    said = [word for sentence in spoken.timing["sentences"] for word in sentence["words"]]
    heard = spoken.heard_words
    if chinese:
        a = [("".join(syllables(word["text"])[:1]), word["start"]) for word in said]
        b = [("".join(syllables(word.text)[:1]), word.start) for word in heard]
    else:
        a = [(word["text"].lower(), word["start"]) for word in said]
        b = [(word.text.lower().strip(".,!?"), word.start) for word in heard]
    blocks = SequenceMatcher(a=[text for text, _ in a], b=[text for text, _ in b], autojunk=False).get_matching_blocks()
    pairs = [(block.a + at, block.b + at) for block in blocks for at in range(block.size)]
    # The recogniser has a sentence's first word begin in the silence before it: those say nothing.
    return [a[i][1] - b[j][1] for i, j in pairs if i and a[i][1] - said[i - 1]["end"] < 0.05]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_kokoro_conforms(kokoro: Kokoro, language: str):
    check_speech(kokoro, language=language)


def test_measuring_tells_the_length(kokoro: Kokoro):
    request = SpeechRequest(text="低温慢萃12小时，苦味更少。首单立减5元。", sentence_pause=0.35)
    assert kokoro.measure(request) == pytest.approx(kokoro.synthesize(request).seconds, rel=0.12)


def test_hibari_conforms_and_is_read_back(whisper: Whisper, tmp_path: Path):
    hibari = HibariSpeech("hibari")
    check_speech(hibari, language="en")
    result = hibari.synthesize(SpeechRequest(text=" ".join(EN), language="en", sentence_pause=0.35))
    path = write_wav(tmp_path / "hibari.wav", result.samples, result.sample_rate)
    heard = whisper.transcribe(TranscriptionRequest(audio=path, language="en"))
    assert wer_en(" ".join(EN), heard.text) <= 0.08, heard.text


def test_whisper_conforms(whisper: Whisper, zh: Spoken, tmp_path: Path):
    check_transcription(whisper, audio=zh.path, seconds=zh.timing["seconds"], language="zh", tmp=tmp_path)


def test_target_length_is_met_within_a_frame_or_two(kokoro: Kokoro, whisper: Whisper, tmp_path: Path):
    natural = _seconds(kokoro, tmp_path / "a", 0.0)
    asked = _seconds(kokoro, tmp_path / "b", natural * 0.93)
    assert asked == pytest.approx(natural * 0.93, rel=0.05)


def _seconds(kokoro: Kokoro, folder: Path, target: float) -> float:
    context = MemoryContext(folder, models={"speech": kokoro})
    copy = AudienceCopy(
        audience="all", language="zh", headline="h", subhead="s", body="b", hashtags=(), script=(ZH[2], ZH[3])
    )
    request = SpeakRequest(audience_copy=context.put_json(copy), language="zh", target_seconds=target)  # type: ignore[arg-type]
    return float(speak(request, context)["voice"].facts["seconds"])


def test_every_phoneme_has_a_symbol_in_the_real_vocabulary(models_dir: Path):
    import json

    from models.speech.frontend import prepare
    from models.speech.frontend.phonemes import Phonemizer

    vocabulary = json.loads((models_dir / "kokoro-82m" / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    phonemizer = Phonemizer()
    for language, script in (("zh", ZH), ("en", EN), ("en-GB", EN)):
        for sentence in prepare(" ".join(script), language=language):
            symbols = phonemizer(sentence, british=language == "en-GB").symbols
            assert set(symbols) <= set(vocabulary), set(symbols) - set(vocabulary)


def test_times_of_sounds_cover_the_words(kokoro: Kokoro):
    (sentence,) = kokoro.synthesize(SpeechRequest(text="低温慢萃12小时。")).sentences
    assert isinstance(sentence, SentenceTime)
    assert "".join(phone.symbol for phone in sentence.phones).startswith("ti→")
    assert sentence.phones[0].start == pytest.approx(sentence.words[0].start, abs=0.03)
