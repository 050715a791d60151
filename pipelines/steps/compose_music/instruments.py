"""The instruments: how a note sounds. Pure NumPy synthesis, no recordings.

Design:
- A note is mono float32 at 48 kHz, peak about 1 at full velocity; velocity changes brightness as well as level.
- Struck and plucked sounds (FM keys, bells, Karplus-Strong strings) decay by themselves; held ones (pad, strings,
  brass) are band-limited by construction: partials are summed only below 16 kHz.
- Drums come in two or three slightly different strokes, so that a groove does not sound like a machine gun.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Sound = NDArray[np.float32]


def hertz(note: float) -> float:
    return 440.0 * 2.0 ** ((note - 69) / 12)


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(max(1, round(seconds * RATE))) / RATE


def _release(sound: np.ndarray, seconds: float) -> Sound:
    """Close the last `seconds` softly, so that no note ends in a click."""
    count = min(len(sound), max(1, round(seconds * RATE)))
    sound[-count:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, count))
    return sound.astype(np.float32)


def keys(note: int, seconds: float, velocity: float) -> Sound:
    """Electric piano: an FM body with a tine at fourteen times the pitch, both dying away."""
    t = _time(seconds + 0.35)
    f = hertz(note)
    index = (0.5 + 1.6 * velocity) * np.exp(-t * 2.6) * min(1.0, 500 / f) + 0.12
    body = np.sin(2 * np.pi * f * t + index * np.sin(2 * np.pi * f * t))
    tine = np.sin(2 * np.pi * f * t + 0.7 * velocity * np.exp(-t * 9) * np.sin(2 * np.pi * min(14 * f, 9000) * t))
    envelope = (1 - np.exp(-t * 420)) * (0.78 * np.exp(-t * 1.5) + 0.22 * np.exp(-t * 0.5))
    return _release((0.72 * body + 0.28 * tine) * envelope * velocity, 0.3)


def bell(note: int, seconds: float, velocity: float) -> Sound:
    """Celesta-like bell: stretched partials, the high ones gone first."""
    t = _time(max(seconds, 1.2) + 0.4)
    f = hertz(note)
    out = np.zeros_like(t)
    for ratio, level, decay in ((1, 1.0, 2.2), (2.0, 0.32, 3.4), (3.01, 0.26, 5.0), (4.2, 0.12, 8.0), (6.8, 0.06, 13)):
        if f * ratio < 15_000:
            out += (
                level * (0.4 + 0.6 * velocity) ** (ratio * 0.5) * np.sin(2 * np.pi * f * ratio * t) * np.exp(-t * decay)
            )
    return _release(out * (1 - np.exp(-t * 900)) * velocity * 0.7, 0.3)


def _string(note: int, seconds: float, *, damp: float, bright: float, seed: int) -> np.ndarray:
    """Karplus-Strong: a burst of noise goes round a delay line with a two-tap low-pass."""
    from scipy.signal import lfilter

    f = hertz(note)
    period = RATE / f - 0.5
    whole = int(period)
    part = period - whole
    rng = np.random.default_rng(seed + note)
    burst = rng.uniform(-1, 1, whole + 2)
    burst = lfilter([bright], [1, bright - 1], burst)
    burst -= burst.mean()
    pluck_at = max(1, int(whole * 0.17))  # a string plucked near the bridge lacks the partials with a node there
    burst = burst - 0.8 * np.roll(burst, pluck_at)
    drive = np.zeros(round(seconds * RATE))
    count = min(len(burst), len(drive))
    drive[:count] = burst[:count]
    feedback = np.zeros(whole + 3)
    feedback[0] = 1
    # Fractional delay and the averaging filter in one: taps at whole, whole + 1, whole + 2.
    feedback[whole] -= damp * 0.5 * (1 - part)
    feedback[whole + 1] -= damp * 0.5
    feedback[whole + 2] -= damp * 0.5 * part
    out = lfilter([1.0], feedback, drive)
    return out / max(1e-6, float(np.abs(out).max()))


def pluck(note: int, seconds: float, velocity: float) -> Sound:
    """Short muted string with a little sine body: marimba meets harp."""
    length = 0.9
    t = _time(length)
    string = _string(note, length, damp=0.985, bright=0.35 + 0.4 * velocity, seed=3)
    body = np.sin(2 * np.pi * hertz(note) * t) * np.exp(-t * 7)
    return _release((0.6 * string * np.exp(-t * 4.5) + 0.6 * body) * velocity, 0.15)


def guitar(note: int, seconds: float, velocity: float) -> Sound:
    """Soft nylon string."""
    length = min(max(seconds, 0.5) + 0.6, 2.6)
    t = _time(length)
    string = _string(note, length, damp=0.996, bright=0.25 + 0.4 * velocity, seed=11)
    wood = np.sin(2 * np.pi * 108 * t) * np.exp(-t * 30) * 0.15
    return _release((string * np.exp(-t * 0.8) + wood) * velocity, 0.35)


def _partials(f: float, t: np.ndarray, *, roll: float, top: float, odd: bool = False, phase: float = 0.0) -> np.ndarray:
    """Sum of partials falling by `roll` (1 = sawtooth), none above `top` Hz."""
    out = np.zeros_like(t)
    for n in range(1, 40, 2 if odd else 1):
        if f * n > min(top * 3, 16_000):
            break
        level = n**-roll / (1 + (f * n / top) ** 4)
        out += level * np.sin(2 * np.pi * f * n * t + phase * n)
    return out


def _cycle(note: float, seconds: float, **shape: float) -> np.ndarray:
    """A steady tone by reading one stored period: much cheaper than summing partials for each sample."""
    f = hertz(note)
    table = _partials(1.0, np.arange(2048) / 2048, roll=shape["roll"], top=shape["top"] / f)
    phase = (np.arange(round(seconds * RATE)) * (f / RATE * 2048) + shape.get("phase", 0.0) * 2048) % 2048
    index = phase.astype(np.int64)
    share = phase - index
    return table[index] * (1 - share) + table[(index + 1) % 2048] * share


def pad(note: int, seconds: float, velocity: float, *, side: int = 0) -> Sound:
    """Warm ensemble: three detuned voices, slow attack; `side` (-1, 1) gives each channel its own voices."""
    length = seconds + 0.7
    t = _time(length)
    cents = (-7, 2, 9) if side < 0 else (-9, -2, 7)
    out = np.zeros(len(t))
    for index, cent in enumerate(cents):
        out += _cycle(note + cent / 100, length, roll=1.15, top=900 + 900 * velocity, phase=0.31 * index + 0.13 * side)[
            : len(t)
        ]
    rise = np.clip(t / 0.45, 0, 1)
    breath = 1 + 0.07 * np.sin(2 * np.pi * 0.23 * t + side)
    return _release(out * rise * rise * (3 - 2 * rise) * breath * velocity * 0.33, 0.7)


def strings(note: int, seconds: float, velocity: float) -> Sound:
    """Bowed section, short or long, with a late vibrato."""
    length = seconds + 0.28
    t = _time(length)
    out = np.zeros(len(t))
    for index, cent in enumerate((-8, 0, 7)):
        out += _cycle(note + cent / 100, length, roll=1.0, top=1500 + 1800 * velocity, phase=0.27 * index)[: len(t)]
    rise = np.clip(t / 0.07, 0, 1)
    return _release(out * rise * (0.75 + 0.25 * np.exp(-t * 3)) * velocity * 0.3, 0.26)


def brass(note: int, seconds: float, velocity: float) -> Sound:
    """Soft horns: brighter as they swell."""
    length = max(seconds, 0.4) + 0.3
    t = _time(length)
    f = hertz(note - 12)
    swell = np.clip(t / 0.12, 0, 1) * (0.85 + 0.15 * np.exp(-t * 2))
    dark = _partials(f, t, roll=1.3, top=700)
    light = _partials(f * 1.002, t, roll=1.0, top=1900, phase=0.4)
    return _release((dark * (1 - 0.5 * swell) + light * 0.6 * swell**2) * swell * velocity * 0.42, 0.25)


def stab(note: int, seconds: float, velocity: float) -> Sound:
    """Short synth chord with a closing filter: two brightnesses cross-faded."""
    length = 0.55
    t = _time(length)
    open_ = _cycle(note, length, roll=1.0, top=3200) + _cycle(note + 0.08, length, roll=1.0, top=3200, phase=0.4)
    closed = _cycle(note, length, roll=1.3, top=700) + _cycle(note - 0.07, length, roll=1.3, top=700, phase=0.2)
    share = np.exp(-t * 11)
    return _release((open_ * share + closed * (1 - share))[: len(t)] * np.exp(-t * 5) * velocity * 0.3, 0.12)


def pulse(note: int, seconds: float, velocity: float) -> Sound:
    """Sequencer blip: hollow, quick, softly filtered."""
    length = 0.32
    t = _time(length)
    f = hertz(note)
    tone = _partials(f, t, roll=1.1, top=1400 + 2600 * velocity, odd=True)
    return _release(tone * np.exp(-t * 13) * (1 - np.exp(-t * 1500)) * velocity * 0.6, 0.08)


def bass(note: int, seconds: float, velocity: float) -> Sound:
    """Round bass: fundamental, a little growl that small speakers can hear."""
    t = _time(seconds + 0.06)
    f = hertz(note)
    tone = np.sin(2 * np.pi * f * t) + 0.32 * np.sin(4 * np.pi * f * t + 0.4) * np.exp(-t * 2.5)
    tone += 0.16 * np.sin(6 * np.pi * f * t) * np.exp(-t * 5)
    tone = np.tanh(1.5 * tone) / 1.1
    return _release(tone * (1 - np.exp(-t * 260)) * np.exp(-t * 0.9) * velocity, 0.06)


def kick(variant: int, velocity: float) -> Sound:
    t = _time(0.42)
    sweep = 46 + 120 * np.exp(-t * 34) + 260 * np.exp(-t * 210)
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-t * 8.5)
    click = np.random.default_rng(variant).normal(0, 1, len(t)) * np.exp(-t * 600) * 0.12
    return _release(np.tanh(1.6 * (body + click)) * velocity, 0.05)


def _noise(seconds: float, seed: int, band: tuple[float, float]) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    raw = np.random.default_rng(seed).normal(0, 1, round(seconds * RATE))
    return sosfilt(butter(2, band, "bandpass", fs=RATE, output="sos"), raw)


def snare(variant: int, velocity: float) -> Sound:
    t = _time(0.28)
    wires = _noise(0.28, 20 + variant, (1400, 9500)) * np.exp(-t * 17)
    head = (np.sin(2 * np.pi * 186 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)) * np.exp(-t * 26)
    return _release((0.9 * wires + 0.5 * head) * velocity * 0.8, 0.04)


def clap(variant: int, velocity: float) -> Sound:
    t = _time(0.26)
    hands = sum(np.where(t >= at, np.exp(-(t - at) * 190), 0) for at in (0.0, 0.011, 0.021))
    room = np.where(t >= 0.026, np.exp(-(t - 0.026) * 22), 0) * 0.8
    return _release(_noise(0.26, 40 + variant, (900, 5200)) * (hands + room) * velocity * 0.8, 0.04)


def hat(variant: int, velocity: float) -> Sound:
    t = _time(0.11)
    metal = sum(np.sign(np.sin(2 * np.pi * f * t + variant)) for f in (3137, 4251, 5419, 6763)) * 0.12
    return _release(
        (_noise(0.11, 60 + variant, (7000, 15500)) + metal * np.exp(-t * 50)) * np.exp(-t * 48) * velocity * 0.7, 0.02
    )


def shaker(variant: int, velocity: float) -> Sound:
    t = _time(0.12)
    swing = np.clip(t / 0.028, 0, 1) * np.exp(-np.maximum(t - 0.028, 0) * 40)
    return _release(_noise(0.12, 80 + variant, (5200, 12500)) * swing * velocity * 0.7, 0.02)


TUNED: dict[str, Callable[..., Sound]] = {
    "keys": keys, "bell": bell, "pluck": pluck, "guitar": guitar, "pad": pad, "strings": strings,
    "brass": brass, "stab": stab, "pulse": pulse, "bass": bass,
}  # fmt: skip
DRUMS: dict[str, Callable[[int, float], Sound]] = {
    "kick": kick, "snare": snare, "clap": clap, "hat": hat, "shaker": shaker,
}  # fmt: skip
