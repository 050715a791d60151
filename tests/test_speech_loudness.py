"""Loudness: measured here by FFmpeg's own EBU R 128 meter, not by the library the helper uses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pipelines.steps import loudness
from tests.support.sound import ebur128, write_wav

RATE = 48_000


def _speechlike(seconds: float, *, level: float, channels: int = 1) -> np.ndarray:
    """Noise with the rise and fall of syllables, and a few peaks far above it."""
    rng = np.random.default_rng(7)
    n = int(seconds * RATE)
    envelope = 0.15 + 0.85 * np.abs(np.sin(np.arange(n) / RATE * 2 * math.pi * 2))
    sound = rng.standard_normal((n, channels)) * envelope[:, None] * level
    sound[:: RATE // 3] *= 8
    return sound.astype(np.float32).squeeze()


@pytest.mark.parametrize("level", [0.0005, 0.02, 0.3])
@pytest.mark.parametrize("channels", [1, 2])
def test_normalised_sound_measures_minus_16_lufs_and_stays_under_the_peak(tmp_path: Path, level: float, channels: int):
    sound = loudness.normalise(_speechlike(4, level=level, channels=channels), RATE)
    measured = ebur128(write_wav(tmp_path / "sound.wav", sound, RATE))
    assert measured.integrated == pytest.approx(-16.0, abs=0.5)
    assert measured.true_peak <= -1.0


def test_a_sine_between_the_samples_is_seen_by_the_true_peak_meter():
    # A quarter of the sample rate at 45 degrees: samples reach 0.707 only, the wave reaches 1.
    sound = np.sin(2 * np.pi * 0.25 * np.arange(RATE) + np.pi / 4).astype(np.float32)
    assert np.abs(sound).max() == pytest.approx(0.7071, abs=1e-3)
    assert loudness.true_peak_db(sound) == pytest.approx(0.0, abs=0.3)


def test_limiter_leaves_what_is_below_the_ceiling_untouched():
    sound = _speechlike(1, level=0.01)
    assert loudness.limit(sound, RATE) is sound


def test_limiter_gain_has_no_steps():
    sound = np.full(RATE, 0.5, np.float32) * np.sin(np.arange(RATE) * 0.05).astype(np.float32)
    sound[RATE // 2] = 3.0
    limited = loudness.limit(sound, RATE)
    quiet = np.abs(sound) > 0.1
    gain = limited[quiet] / sound[quiet]
    assert np.abs(np.diff(gain)).max() < 0.05
    assert loudness.true_peak_db(limited) <= -1.0


def test_silence_and_very_short_sound_are_served():
    silence = np.zeros(RATE, np.float32)
    assert loudness.normalise(silence, RATE) is silence
    assert loudness.integrated_lufs(silence, RATE) == -math.inf
    assert loudness.true_peak_db(np.zeros(0, np.float32)) == -math.inf
    beep = (0.1 * np.sin(np.arange(RATE // 10) * 0.1)).astype(np.float32)
    assert loudness.integrated_lufs(loudness.normalise(beep, RATE), RATE) == pytest.approx(-16, abs=0.3)
