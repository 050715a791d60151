"""Synthesisers: the fake, and the Kokoro adapter on a model of twelve nodes. Recognisers: the fake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.card import Card
from models.errors import BadInput, CorruptFile, ModelMissing, UnsupportedArgument
from models.speech import fake, kokoro
from models.speech.base import MeasuringSpeechModel, SpeechRequest
from models.speech.common import Utterance, join, trim
from models.speech.durations import durations_only, with_durations
from models.speech.frontend import prepare
from models.speech.frontend.phonemes import Phonemizer
from models.speech.timing import divide
from tests.support.sound import write_wav
from tests.support.speech_conformance import check_speech, check_times, check_transcription
from tests.support.tiny_onnx import FRAMES, tiny_model, write_voice_model

RATE = 24_000


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> kokoro.Kokoro:
    return kokoro.Kokoro("kokoro-82m", write_voice_model(tmp_path_factory.mktemp("tiny")), threads=2)


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer()


# -- conformance ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_fake_speech_conforms(language: str):
    check_speech(fake.FakeSpeech(), language=language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_kokoro_adapter_conforms(tiny: kokoro.Kokoro, language: str):
    check_speech(tiny, language=language)


def test_fake_transcription_conforms(tmp_path: Path):
    sound = write_wav(tmp_path / "tone.wav", np.sin(np.arange(RATE * 5) * 0.1).astype(np.float32), RATE)
    check_transcription(fake.FakeTranscription(), audio=sound, seconds=5.0, language="zh", tmp=tmp_path)


def test_the_fake_factory_serves_both_tasks(tmp_path: Path):
    facts = {
        "id": "fake-speech",
        "adapter": "fake-speech",
        "title": {"en": "x", "zh": "x"},
        "sources": [{"kind": "builtin"}],
        "licence": {"id": "Apache-2.0", "commercial_use": "yes"},
        "memory": {"resident": 1},
    }
    assert isinstance(
        fake.load(Card.model_validate({**facts, "task": "speech"}), tmp_path, options={}), fake.FakeSpeech
    )
    heard = fake.load(Card.model_validate({**facts, "task": "transcription"}), tmp_path, options={})
    assert isinstance(heard, fake.FakeTranscription)


# -- Kokoro ---------------------------------------------------------------------------------------


def test_times_are_the_models_own_durations(tiny: kokoro.Kokoro):
    (sentence,) = tiny.synthesize(SpeechRequest(text="Hello world.", language="en")).sentences
    hello, world = sentence.words
    symbols = Phonemizer()(prepare("Hello world.", language="en")[0]).symbols
    each = FRAMES * kokoro.FRAME / RATE  # s
    assert len(sentence.phones) == len(symbols.replace(" ", "").replace(".", ""))
    between = symbols.index(" ")
    # The pad comes first, the space belongs half to each word; the front is 45 ms early by measurement.
    assert hello.end == pytest.approx((1 + between + 0.5) * each - 0.045, abs=1e-3)
    assert world.start == hello.end
    assert world.end == pytest.approx((1 + symbols.index(".")) * each - 0.045, abs=1e-3)


def test_measure_agrees_with_the_durations_and_costs_no_sound(tiny: kokoro.Kokoro):
    assert isinstance(tiny, MeasuringSpeechModel)
    request = SpeechRequest(text="Hello world. Again.", language="en", sentence_pause=1.0)
    spoken = tiny.synthesize(request)
    # The tiny model has no silent ends, so that the pads and the marks are all that measuring leaves out.
    left_out = 2 * 3 * FRAMES * kokoro.FRAME / RATE
    assert tiny.measure(request) == pytest.approx(spoken.seconds - left_out, abs=1e-3)
    slow = request.model_copy(update={"speed": 0.5})
    assert tiny.measure(slow) - 1.0 == pytest.approx(2 * (tiny.measure(request) - 1.0), rel=0.15)


def test_long_sentences_are_divided_and_nothing_is_lost(tiny: kokoro.Kokoro):
    text = "，".join(["星野冷萃咖啡好喝不贵"] * 20) + "。"
    (sentence,) = tiny.synthesize(SpeechRequest(text=text)).sentences
    check_times(sentence, until=sentence.end)
    assert "".join(word.text for word in sentence.words) == text.replace("，", "").replace("。", "")


def test_only_voices_it_can_speak_are_offered(tiny: kokoro.Kokoro):
    assert [voice.id for voice in tiny.voices()] == ["zf_xiaoxiao", "af_heart"]  # no French without espeak
    with pytest.raises(UnsupportedArgument, match="voice"):
        tiny.synthesize(SpeechRequest(text="Hello", language="en", voice="ff_siwis"))
    with pytest.raises(UnsupportedArgument, match="voice"):
        tiny.synthesize(SpeechRequest(text="Hello", language="en", voice="zf_xiaoxiao"))
    with pytest.raises(UnsupportedArgument, match="language"):
        tiny.synthesize(SpeechRequest(text="Bonjour", language="fr"))


def test_missing_and_damaged_files_are_named_with_what_to_do(tmp_path: Path):
    with pytest.raises(ModelMissing) as missing:
        kokoro.Kokoro("kokoro-82m", tmp_path)
    assert "studio models pull kokoro-82m" in missing.value.hint
    folder = write_voice_model(tmp_path / "damaged")
    (folder / "voices" / "af_heart.bin").write_bytes(b"short")
    model = kokoro.Kokoro("kokoro-82m", folder)
    with pytest.raises(CorruptFile, match="af_heart"):
        model.synthesize(SpeechRequest(text="Hello", language="en"))
    for content in (b"no model", tiny_model()[:300], b""):
        (folder / "model.onnx").write_bytes(content)
        with pytest.raises(CorruptFile):
            kokoro.Kokoro("kokoro-82m", folder)
    (folder / "vocab.json").write_text("[]")
    with pytest.raises(CorruptFile, match="vocab"):
        kokoro.Kokoro("kokoro-82m", folder)


def test_opening_leaves_the_files_as_they_are(tmp_path: Path):
    folder = write_voice_model(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    model = kokoro.Kokoro("kokoro-82m", folder)
    model.measure(SpeechRequest(text="你好"))
    model.close()
    model.close()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_model_without_durations_is_refused():
    with pytest.raises(CorruptFile, match="durations"):
        with_durations(tiny_model(durations=False))


def test_durations_only_is_a_smaller_model_with_one_output():
    import onnxruntime

    model, name = durations_only(tiny_model())
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == [name] == ["clipped"]
    assert len(model) < len(tiny_model())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_end_in_one_clear_error(data: bytes):
    with pytest.raises(CorruptFile):
        with_durations(data)


# -- phonemes -------------------------------------------------------------------------------------


def test_every_symbol_belongs_to_its_written_word(phonemizer: Phonemizer):
    (sentence,) = prepare("到手价¥9.9，A17芯片，2个装。", language="zh")
    phonemes = phonemizer(sentence)
    said = {
        word.text: "".join(
            symbol for symbol, owner in zip(phonemes.symbols, phonemes.owner, strict=True) if owner == at
        )
        for at, word in enumerate(phonemes.words)
    }
    assert said["¥9.9"] == "ʨjou↓tjɛ↓nʨjou↓ɥɛ↗n"
    assert said["A17"] == "ˈAʂɨ↗ʨʰi→"
    assert said["2"] == "lja↓ŋ"
    assert phonemes.symbols.endswith(".")
    marks = [symbol for symbol, owner in zip(phonemes.symbols, phonemes.owner, strict=True) if owner < 0]
    assert "".join(marks).replace(" ", "") == ",,."


def test_given_readings_reach_the_phonemes(phonemizer: Phonemizer):
    (sentence,) = prepare("重庆的brew", language="zh", pronunciations={"重庆": "zhong4 qing1", "brew": "/ˈbrɑː/"})
    symbols = phonemizer(sentence).symbols
    assert symbols.startswith("ꭧʊ↘ŋʨʰi→ŋ")
    assert "ˈbɹɑː" in symbols


def test_accents_differ_and_letters_are_said_by_name(phonemizer: Phonemizer):
    (sentence,) = prepare("Go to the bath.", language="en")
    assert phonemizer(sentence).symbols != phonemizer(sentence, british=True).symbols
    (sentence,) = prepare("A17 is a chip", language="en")
    symbols = phonemizer(sentence).symbols
    assert symbols.startswith("ˈA sˌɛvəntˈin")
    assert " ɐ ʧ" in symbols


def test_a_character_without_a_reading_is_named(phonemizer: Phonemizer):
    (sentence,) = prepare("\U00020bb7野家", language="zh")
    with pytest.raises(BadInput, match="\U00020bb7"):
        phonemizer(sentence)
    (sentence,) = prepare("\U00020bb7野家", language="zh", pronunciations={"\U00020bb7": "ji2"})
    assert phonemizer(sentence).symbols.startswith("ʨi↗")


def test_reading_chinese_writes_no_cache_and_logs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Phonemizer()(prepare("冷萃咖啡", language="zh")[0])
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab ,.;:!?", min_size=1, max_size=300), st.integers(5, 60))
def test_divided_stretches_are_the_whole(symbols: str, limit: int):
    stretches = divide(symbols, limit)
    assert "".join(symbols[begin:end] for begin, end in stretches) == symbols
    assert all(0 < end - begin <= limit for begin, end in stretches)


# -- joins ----------------------------------------------------------------------------------------


def test_trimming_cuts_silence_and_fades_the_ends():
    sound = np.zeros(RATE * 3, np.float32)
    sound[RATE : RATE * 2] = 0.5
    cut = trim(Utterance(sound), RATE)
    assert len(cut.samples) / RATE == pytest.approx(1.1, abs=0.02)
    joined = join([cut, cut], RATE, pause=0.2)
    assert joined.samples[0] == joined.samples[-1] == 0.0
    assert len(joined.samples) == 2 * len(cut.samples) + round(0.2 * RATE)
    loud = np.full(RATE, 0.5, np.float32)
    assert np.abs(np.diff(trim(Utterance(loud), RATE).samples)).max() < 0.02  # no click at either end


def test_silence_is_not_trimmed_away():
    silence = np.zeros(RATE, np.float32)
    assert trim(Utterance(silence), RATE).samples is silence
