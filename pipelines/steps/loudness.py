"""Loudness by ITU-R BS.1770 and a true-peak limit: every sound the studio delivers is equally loud.

Design:
- A helper of the steps that finish sound, not a step; it imports NumPy and SciPy, so steps import it inside.
- Gain first, then a look-ahead limiter on the four times oversampled peak; what the limiter takes away in loudness
  is given back and limited again, until the measured loudness is within a tenth of a unit.
- The limiter's gain is the sliding minimum of what each sample needs, smoothed over the same window: it never
  exceeds the need, has no step in it, and leaves sound below the ceiling bit by bit untouched.
- Samples are float32, shape (n,) or (n, channels), full scale 1.0.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET_LUFS = -16.0
TRUE_PEAK_DB = -1.0

_OVERSAMPLING = 4
_LOOK_AHEAD = 0.005  # s
_BLOCK = 0.4  # s, the gating block of BS.1770: nothing shorter can be measured
_MARGIN_DB = 0.15  # oversampling by four can miss this much of a peak between its samples
_TOLERANCE = 0.1  # LU
_ROUNDS = 6


def integrated_lufs(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Gated loudness in LUFS; minus infinity for silence. Sound shorter than 0.4 s is measured as if it went on."""
    import pyloudnorm

    if samples.size == 0 or not np.any(samples):
        return -math.inf
    shortest = math.ceil(_BLOCK * sample_rate) + 1
    if len(samples) < shortest:
        times = math.ceil(shortest / len(samples))
        samples = np.tile(samples, (times,) + (1,) * (samples.ndim - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyloudnorm warns on clipping it does not do here
        return float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples.astype(np.float64)))


def true_peak_db(samples: NDArray[np.float32]) -> float:
    """Highest peak between the samples, in dBTP; minus infinity for silence."""
    if samples.size == 0:
        return -math.inf
    peak = float(_peaks(samples).max())
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def limit(samples: NDArray[np.float32], sample_rate: int, *, ceiling_db: float = TRUE_PEAK_DB) -> NDArray[np.float32]:
    """Hold the true peak at or below `ceiling_db` dBTP; all channels get the same gain."""
    from scipy.ndimage import convolve1d, minimum_filter1d

    ceiling = 10 ** ((ceiling_db - _MARGIN_DB) / 20)
    peaks = _peaks(samples)  # (n,)
    if not peaks.size or peaks.max() <= ceiling:
        return samples
    need = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)).astype(np.float32)
    half = max(1, round(_LOOK_AHEAD * sample_rate))
    window = np.hanning(2 * half + 1)
    gain = minimum_filter1d(need, 2 * half + 1, mode="nearest")
    gain = convolve1d(gain, (window / window.sum()).astype(np.float32), mode="nearest")
    return (samples * (gain if samples.ndim == 1 else gain[:, None])).astype(np.float32)


def normalise(
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    target_lufs: float = TARGET_LUFS,
    ceiling_db: float = TRUE_PEAK_DB,
) -> NDArray[np.float32]:
    """The same sound at `target_lufs` with its true peak at or below `ceiling_db`. Silence stays silence."""
    loudness = integrated_lufs(samples, sample_rate)
    if not math.isfinite(loudness):
        return samples
    gain_db = target_lufs - loudness
    result = samples
    for _ in range(_ROUNDS):
        result = limit((samples * np.float32(10 ** (gain_db / 20))), sample_rate, ceiling_db=ceiling_db)
        short = target_lufs - integrated_lufs(result, sample_rate)
        if abs(short) <= _TOLERANCE:
            break
        gain_db += short
    return result


def resample(samples: NDArray[np.float32], sample_rate: int, wanted_rate: int) -> NDArray[np.float32]:
    """The sound at another rate (Hz), by polyphase filtering; (n,) or (n, channels)."""
    if sample_rate == wanted_rate:
        return samples
    from scipy.signal import resample_poly

    shared = math.gcd(wanted_rate, sample_rate)
    return np.asarray(resample_poly(samples, wanted_rate // shared, sample_rate // shared, axis=0), dtype=np.float32)


def _peaks(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each sample the highest absolute value around it, over channels and the oversampled points. (n,)"""
    from scipy.signal import resample_poly

    channels = samples[:, None] if samples.ndim == 1 else samples
    highest = np.zeros(len(channels), dtype=np.float32)
    for channel in channels.T:
        dense = resample_poly(channel.astype(np.float32), _OVERSAMPLING, 1).reshape(-1, _OVERSAMPLING)
        points = np.abs(dense).max(axis=1)
        before = np.concatenate(([0.0], points[:-1]))  # a peak between two samples belongs to both
        highest = np.maximum(highest, np.maximum(points, before)).astype(np.float32)
    return highest
