"""The music bed and the mix: length, loudness, harmony, determinism, ducking."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.errors import Cancelled, CorruptFile
from pipelines.steps.compose_music import ComposeMusicRequest, compose_music
from pipelines.steps.compose_music.arrange import arrange, form, plan_time
from pipelines.steps.compose_music.harmony import HIGH, LOW, melody, progression
from pipelines.steps.compose_music.instruments import DRUMS, RATE, TUNED, hertz
from pipelines.steps.compose_music.moods import MOODS
from pipelines.steps.loudness import integrated_lufs, true_peak_db
from pipelines.steps.mix import MixRequest, duck_gain, fit_length, mix
from tests.support.context import MemoryContext
from tests.support.film import put_sound, timing_of, voice_of


def compose(tmp_path, **fields):
    context = MemoryContext(tmp_path)
    out = compose_music(ComposeMusicRequest(**{"seconds": 6, **fields}), context)["music"]
    samples, rate = soundfile.read(context.path(out), dtype="float32")
    assert rate == RATE
    return out, samples


@pytest.mark.parametrize("mood", MOODS)
def test_every_mood_is_as_long_and_as_loud_as_promised(tmp_path, mood):
    out, samples = compose(tmp_path, mood=mood, seed=2)
    assert samples.shape == (6 * RATE, 2)
    assert integrated_lufs(samples, RATE) == pytest.approx(-16, abs=1)
    assert true_peak_db(samples) <= -1
    assert out.facts["seconds"] == 6
    # It ends: the last tenth of a second is next to silence, the middle is not, and nothing stands still.
    assert np.abs(samples[-RATE // 10 :]).max() < 0.02
    assert np.abs(samples[3 * RATE : 4 * RATE]).max() > 0.05
    assert np.abs(samples.mean(axis=0)).max() < 0.01
    assert not np.allclose(samples[:, 0], samples[:, 1], atol=1e-3)


def test_a_seed_is_a_piece(tmp_path):
    first, _ = compose(tmp_path / "a", mood="upbeat", seed=1)
    again, _ = compose(tmp_path / "b", mood="upbeat", seed=1)
    other, _ = compose(tmp_path / "c", mood="upbeat", seed=2)
    assert first.sha256 == again.sha256
    assert first.sha256 != other.sha256


@pytest.mark.parametrize("mood", MOODS)
def test_the_spectrum_is_balanced(tmp_path, mood):
    _, samples = compose(tmp_path, mood=mood, seed=5, seconds=8)
    power = np.abs(np.fft.rfft(samples.mean(axis=1))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)

    def level(low: float, high: float) -> float:
        return 10 * np.log10(power[(hz >= low) & (hz < high)].sum())

    low, middle, high = level(40, 250), level(250, 2000), level(2000, 16000)
    assert -14 < middle - low < 14
    assert -30 < high - middle < 0


@given(st.floats(3, 300), st.sampled_from(sorted(MOODS)))
@settings(max_examples=80, deadline=None)
def test_the_last_chord_falls_before_the_end_and_rings_to_it(seconds, mood):
    bars, tempo, last = plan_time(seconds, MOODS[mood].tempo, keep=False)
    assert bars >= 0
    assert 0 < seconds - last <= 0.75 * seconds
    assert 0.79 <= tempo / MOODS[mood].tempo <= 1.26
    assert last == pytest.approx(bars * 240 / tempo)


def test_a_tempo_that_is_asked_for_is_kept(tmp_path):
    out, samples = compose(tmp_path, tempo=97)
    assert out.facts["tempo"] == 97
    assert len(samples) == 6 * RATE


@given(st.integers(0, 60))
def test_form_grows_and_comes_down(bars):
    levels = form(bars)
    assert len(levels) == bars
    if bars >= 6:
        assert levels[0] == 0
        assert max(levels) == 3
        assert levels[-1] < 3


@given(st.sampled_from(sorted(MOODS)), st.integers(0, 500), st.integers(1, 24))
@settings(max_examples=60, deadline=None)
def test_harmony_is_led_and_ends_on_the_tonic(name, seed, bars):
    mood = MOODS[name]
    rng = np.random.default_rng(seed)
    key = mood.keys[seed % len(mood.keys)]
    harmony = progression(mood, bars=bars, key=key, rng=rng)
    assert len(harmony) == bars + 1
    assert harmony[-1].classes[0] == key % 12
    scale = {(key + step) % 12 for step in mood.scale}
    for bar in harmony:
        assert set(bar.classes) <= scale
        assert {voice % 12 for voice in bar.voices} == set(bar.classes)
        assert list(bar.voices) == sorted(bar.voices)
        assert bar.voices[0] >= LOW
        assert bar.voices[-1] <= HIGH
        assert 24 <= bar.root <= 50
    for before, after in itertools.pairwise(harmony):
        assert np.mean([min(abs(v - old) for old in before.voices) for v in after.voices]) <= 4
    for bar, tones in zip(harmony, melody(harmony[:bars], mood, key=key, rng=rng), strict=False):
        assert all(tone.note % 12 in scale for tone in tones)
        assert all(tone.note % 12 in bar.classes for tone in tones if tone.step % 4 == 0)
        assert all(b.step > a.step for a, b in itertools.pairwise(tones))


@pytest.mark.parametrize("name", sorted(set(TUNED) - {"pad", "strings", "stab"}))  # those are detuned on purpose
def test_instruments_are_in_tune(name):
    for note in (36, 43) if name == "bass" else (55, 64, 76):
        sound = TUNED[name](note, 1.0, 0.8).astype(float)[2400:]
        size = 1 << 19
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
        hz = np.fft.rfftfreq(size, 1 / RATE)
        wanted = hertz(note - 12 if name == "brass" else note)
        near = (hz > wanted * 0.95) & (hz < wanted * 1.05)
        assert abs(1200 * np.log2(hz[near][power[near].argmax()] / wanted)) < 5


@pytest.mark.parametrize("name", sorted(DRUMS))
def test_drums_end_without_a_click(name):
    for variant in range(3):
        sound = DRUMS[name](variant, 1.0)
        assert 0.1 < np.abs(sound).max() < 2
        assert np.abs(sound[-20:]).max() < 0.01


def test_notes_lie_inside_the_piece():
    song = arrange(MOODS["festive"], seconds=20, seed=3)
    assert min(note.at for note in song.notes) >= 0
    assert max(note.at for note in song.notes) < 20
    assert {note.part for note in song.notes} >= {"bass", "kick", "lead", "chords"}


def test_composing_can_be_cancelled(tmp_path):
    context = MemoryContext(tmp_path, cancel_after=2)
    with pytest.raises(Cancelled):
        compose_music(ComposeMusicRequest(seconds=6), context)
    assert list(context.scratch.iterdir()) == []


@pytest.mark.parametrize("fields", [{"mood": "sad"}, {"seconds": 1}, {"tempo": 10}, {"tempo": 400}, {"seed": -1}])
def test_bad_wishes_are_refused(fields):
    with pytest.raises(ValidationError):
        ComposeMusicRequest(**{"seconds": 10, **fields})


# The mix


def mixed(tmp_path, *, music=True, seconds=0.0, lead_in=0.5, script=("早上九点，会议还没开始。", "立即尝鲜。")):
    context = MemoryContext(tmp_path)
    timing = timing_of(script, language="zh", pause=1.4)
    t = np.arange(12 * RATE) / RATE
    bed = (0.2 * np.sin(2 * np.pi * 1500 * t)).astype(np.float32)
    request = MixRequest(
        voice=put_sound(context, voice_of(timing)),
        timing=context.put_json(timing),
        music=put_sound(context, np.stack([bed, bed], axis=1)) if music else None,
        seconds=seconds,
        lead_in=lead_in,
    )
    out = mix(request, context)["mix"]
    samples, rate = soundfile.read(context.path(out), dtype="float32")
    assert rate == RATE
    return out, samples, timing


def band(samples, low, high):
    from scipy.signal import butter, sosfiltfilt

    return sosfiltfilt(butter(4, (low, high), "bandpass", fs=RATE, output="sos"), samples.mean(axis=1))


def rms_db(samples):
    return 20 * np.log10(np.sqrt((samples**2).mean()) + 1e-9)


def test_the_mix_is_exact_and_as_loud_as_promised(tmp_path):
    out, samples, _ = mixed(tmp_path, seconds=7.5)
    assert samples.shape == (round(7.5 * RATE), 2)
    assert integrated_lufs(samples, RATE) == pytest.approx(-16, abs=1)
    assert true_peak_db(samples) <= -1
    assert out.facts["over_seconds"] == 0
    assert np.abs(samples[-100:]).max() < 0.005


def test_music_gives_way_to_the_voice_and_comes_back(tmp_path):
    _, samples, timing = mixed(tmp_path, lead_in=1.0, seconds=9.0)
    music = band(samples, 1300, 1700)
    first, second = timing["sentences"]
    under = music[round((1.0 + first["start"] + 0.5) * RATE) : round((1.0 + first["end"] - 0.2) * RATE)]
    before = music[round(0.1 * RATE) : round(0.6 * RATE)]
    after = music[round((1.0 + second["end"] + 1.2) * RATE) : round(7.8 * RATE)]
    assert 8 < rms_db(before) - rms_db(under) < 15
    assert abs(rms_db(after) - rms_db(before)) < 3


def test_ducking_is_smooth_and_early():
    t = np.arange(4 * RATE) / RATE
    voice = np.where((t > 1.5) & (t < 2.5), 0.3 * np.sin(2 * np.pi * 200 * t), 0).astype(np.float32)
    gain = duck_gain(np.stack([voice, voice], axis=1))
    assert gain.min() == pytest.approx(10 ** (-12 / 20), rel=0.05)
    assert gain[round(1.3 * RATE)] > 0.9
    assert gain[round(1.52 * RATE)] < 0.5
    assert gain[round(3.9 * RATE)] > 0.85
    assert np.abs(np.diff(gain)).max() < 0.001


def test_a_voice_alone_is_mixed_too(tmp_path):
    _, samples, timing = mixed(tmp_path, music=False, lead_in=0.25)
    assert np.abs(samples[: round(0.2 * RATE)]).max() == 0
    assert len(samples) == round((0.25 + timing["seconds"] + 0.8) * RATE)


def test_a_voice_that_runs_over_makes_the_mix_longer(tmp_path):
    out, samples, timing = mixed(tmp_path, seconds=2.0)
    assert len(samples) / RATE > timing["seconds"] + 0.5
    assert out.facts["over_seconds"] == pytest.approx(len(samples) / RATE - 2.0, abs=0.002)


def test_a_short_bed_is_repeated_without_a_hole():
    bed = np.full((RATE, 2), 0.5, np.float32)
    long = fit_length(bed, 4 * RATE)
    assert long.shape == (4 * RATE, 2)
    assert long[: round(3.4 * RATE)].min() > 0.4
    assert fit_length(np.zeros((0, 2), np.float32), 100).shape == (100, 2)
    assert fit_length(bed, 100).shape == (100, 2)


def test_a_sound_that_is_none_is_named(tmp_path):
    context = MemoryContext(tmp_path)
    bad = context.put_bytes(b"no sound", "audio", ".wav")
    with pytest.raises(CorruptFile, match="sound"):
        mix(MixRequest(voice=bad, timing=context.put_json({"seconds": 1})), context)
