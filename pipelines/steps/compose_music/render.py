"""From notes to sound: instruments on buses, room, pump, master.

Design:
- Equal notes are synthesised once (velocity in eight steps) and added at sample precision.
- One bus a part: level, stereo place, high-pass where it would muddy, sends to the room and the echo.
- The room is a convolution with a synthetic impulse response: early reflections, then noise whose high frequencies die
  first, different for left and right.
- The kick pushes pads and bass down for a moment (the pump), as a side chain does.
- Master: high-pass, tilt, a little saturation as glue, then loudness and true peak by the house's `loudness`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.steps.compose_music.arrange import Note, Song
from pipelines.steps.compose_music.instruments import DRUMS, RATE, TUNED, pad
from pipelines.steps.compose_music.moods import Mood


@dataclass(frozen=True)
class Bus:
    """Level (dB), high-pass (Hz, 0 = none), sends to room and echo (0..1)."""

    level: float
    high_pass: float = 0.0
    room: float = 0.2
    echo: float = 0.0


BUSES: dict[str, Bus] = {
    "pad": Bus(-21.0, 170, 0.45),
    "chords": Bus(-16.5, 140, 0.28),
    "arp": Bus(-17.0, 240, 0.35, 0.25),
    "lead": Bus(-14.0, 260, 0.40, 0.28),
    "bass": Bus(-13.0, 32, 0.02),
    "kick": Bus(-11.5, 28, 0.03),
    "snare": Bus(-12.5, 120, 0.22),
    "clap": Bus(-13.0, 300, 0.26),
    "hat": Bus(-15.5, 4000, 0.08),
    "shaker": Bus(-15.0, 2500, 0.10),
}
TILT_DB = 5.0  # lift of the highs of every mood: summed partials are duller than struck things


def render(song: Song, mood: Mood, *, seconds: float, check: Callable[[float], None]) -> np.ndarray:
    """The piece as float32 [n, 2], exactly `seconds` long; `check(fraction)` is called between parts."""
    total = round(seconds * RATE)
    room_send, echo_send = np.zeros((total, 2), np.float32), np.zeros((total, 2), np.float32)
    out = np.zeros((total, 2), np.float32)
    pump = _pump(song.kicks, total, mood.pump)
    parts = sorted({note.part for note in song.notes})
    cache: dict[tuple[str, int, int, int, int], np.ndarray] = {}
    for done, part in enumerate(parts):
        check(0.75 * done / len(parts))
        bus = BUSES[part]
        track = _track([note for note in song.notes if note.part == part], total, cache)
        if bus.high_pass:
            track = _filter(track, bus.high_pass, "highpass")
        track *= np.float32(10 ** (bus.level / 20))
        if part in ("pad", "bass", "chords"):
            track *= pump[:, None] if part != "chords" else (0.5 + 0.5 * pump)[:, None]
        out += track
        room_send += np.float32(bus.room) * track
        if bus.echo:
            echo_send += np.float32(bus.echo) * track
    check(0.78)
    echo = _echo(echo_send, 60.0 / song.tempo * 0.75)
    out += echo
    out += _room(room_send + 0.4 * echo, mood.room)
    check(0.88)
    return _master(out, mood, song.last_chord)


def _track(notes: list[Note], total: int, cache: dict[tuple[str, int, int, int, int], np.ndarray]) -> np.ndarray:
    track = np.zeros((total, 2), np.float32)
    for note in notes:
        at = round(note.at * RATE)
        if at >= total:
            continue
        step = min(8, max(1, round(note.velocity * 8)))
        sides = (-1, 1) if note.instrument == "pad" else (0, 0)
        angle = (note.pan + 1) * np.pi / 4
        gains = (1.0, 1.0) if note.instrument == "pad" else (np.cos(angle) * 1.414, np.sin(angle) * 1.414)
        for channel, (side, gain) in enumerate(zip(sides, gains, strict=True)):
            key = (note.instrument, note.note, round(note.length * 200), step, side)
            if key not in cache:
                cache[key] = _sound(note, step / 8, side)
            sound = cache[key]
            end = min(total, at + len(sound))
            track[at:end, channel] += np.float32(gain) * sound[: end - at]
    return track


def _sound(note: Note, velocity: float, side: int) -> np.ndarray:
    if note.instrument in DRUMS:
        return DRUMS[note.instrument](note.note, velocity)
    length = round(note.length * 200) / 200
    if note.instrument == "pad":
        return pad(note.note, length, velocity, side=side)
    return TUNED[note.instrument](note.note, length, velocity)


def _filter(track: np.ndarray, cutoff: float, kind: str) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(2, cutoff, kind, fs=RATE, output="sos"), track, axis=0).astype(np.float32)


def _pump(kicks: tuple[float, ...], total: int, depth: float) -> np.ndarray:
    gain = np.ones(total, np.float32)
    if depth <= 0:
        return gain
    length = round(0.32 * RATE)
    shape = np.linspace(0, 1, length, dtype=np.float32)
    dip = 1 - depth * (1 - shape * shape * (3 - 2 * shape))
    attack = round(0.006 * RATE)
    dip[:attack] = np.linspace(1, dip[attack], attack)
    for kick in kicks:
        at = round(kick * RATE)
        end = min(total, at + length)
        if at < total:
            gain[at:end] = np.minimum(gain[at:end], dip[: end - at])
    return gain


def _echo(send: np.ndarray, delay: float) -> np.ndarray:
    """Ping-pong echo, darker every time."""
    out = np.zeros_like(send)
    if not send.any():
        return out
    step = round(delay * RATE)
    voice = _filter(send.mean(axis=1, keepdims=True), 3200, "lowpass")
    level = 0.55
    for turn in range(1, 5):
        at = step * turn
        if at >= len(out):
            break
        out[at:, turn % 2] += np.float32(level) * voice[: len(out) - at, 0]
        out[at:, 1 - turn % 2] += np.float32(level * 0.25) * voice[: len(out) - at, 0]
        level *= 0.5
    return out


def _room(send: np.ndarray, seconds: float) -> np.ndarray:
    """Convolution with a synthetic hall of `seconds` reverberation time."""
    from scipy.signal import butter, fftconvolve, sosfilt

    length = round(min(seconds * 1.1, 3.2) * RATE)
    t = np.arange(length) / RATE
    rng = np.random.default_rng(1234)
    out = np.empty_like(send)
    for channel in range(2):
        noise = rng.normal(0, 1, length)
        low = sosfilt(butter(2, 1800, "lowpass", fs=RATE, output="sos"), noise)
        tail = low * 2.2 * np.exp(-6.9 * t / seconds) + (noise - low) * 0.5 * np.exp(-6.9 * t / (seconds * 0.45))
        tail *= np.clip((t - 0.018) / 0.03, 0, 1)
        for at, level in zip(rng.uniform(0.008, 0.06, 7), np.geomspace(9, 3, 7), strict=True):
            tail[int(at * RATE)] += level * rng.choice((-1, 1))
        response = sosfilt(butter(2, 180, "highpass", fs=RATE, output="sos"), tail)
        response /= np.sqrt((response**2).sum())
        out[:, channel] = fftconvolve(send[:, channel], response)[: len(send)]
    return out * np.float32(0.9)


def _master(mix: np.ndarray, mood: Mood, last_chord: float) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    from pipelines.steps.loudness import normalise

    mix = _filter(mix, 30, "highpass")
    top = sosfilt(butter(1, 2200, "highpass", fs=RATE, output="sos"), mix, axis=0)
    mix = mix + np.float32(10 ** ((TILT_DB + mood.bright) / 20) - 1) * top.astype(np.float32)
    peak = float(np.quantile(np.abs(mix), 0.999)) or 1.0
    mix = np.tanh(mix / peak * 0.9).astype(np.float32)
    ring = len(mix) - round(last_chord * RATE)
    fall = min(len(mix), max(round(0.3 * RATE), round(ring * 0.45)))
    mix[len(mix) - fall :] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fall)))[:, None].astype(np.float32)
    return normalise(mix, RATE)
