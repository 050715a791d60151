"""The song: form, parts and when each note is played.

Design:
- Time is bars of four beats between the first beat and the last chord; the tempo is bent a little from the mood's own
  so that the last downbeat falls where its ring ends exactly with the piece. A tempo that was asked for is kept, and
  the ring takes up the rest.
- Form by intensity, one number a bar: intro, A, build, B (full), outro; short pieces skip what they have no room for.
- Players are human: a few milliseconds early or late, louder on the beat; swing moves the off-beats.
- The build has a roll and a fill; the last chord is struck by all and left to ring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.steps.compose_music.harmony import Bar, melody, progression
from pipelines.steps.compose_music.moods import Mood

RING = 2.2  # s the last chord rings in a piece of ordinary length
SHORTEST_BAR_COUNT = 1


@dataclass(frozen=True)
class Note:
    """One sound. `note` is MIDI (for drums: which of its strokes), `pan` -1..1, `at` and `length` in seconds."""

    part: str
    instrument: str
    at: float
    length: float
    note: int
    velocity: float
    pan: float = 0.0


@dataclass(frozen=True)
class Song:
    """All notes, with the grid they were written on."""

    notes: tuple[Note, ...]
    tempo: float
    bars: int
    last_chord: float  # s
    intensity: tuple[int, ...]
    kicks: tuple[float, ...]  # s, for the pump


def plan_time(seconds: float, tempo: float, *, keep: bool) -> tuple[int, float, float]:
    """Bars, tempo and the time (s) of the last chord for a piece of `seconds`."""
    ring = min(RING, seconds * 0.3)
    bar = 240.0 / tempo
    if keep:
        bars = max(0, int((seconds - ring * 0.6) / bar))
        return bars, tempo, bars * bar
    bars = max(SHORTEST_BAR_COUNT, round((seconds - ring) / bar))
    bent = bars * 240.0 / (seconds - ring)
    if not 0.8 <= bent / tempo <= 1.25:  # a piece of a bar or two: the ring gives way, not the tempo
        bent = min(max(bent, tempo * 0.8), tempo * 1.25)
        bars = int((seconds - ring * 0.5) / (240.0 / bent))
    return bars, bent, bars * 240.0 / bent


def form(bars: int) -> tuple[int, ...]:
    """Intensity 0..3 of each bar."""
    if bars <= 1:
        return (2,) * bars
    if bars <= 3:
        return (1, 2, 3)[:bars]
    intro = 1 if bars < 12 else 2
    outro = 1 if bars < 16 else 2
    body = bars - intro - outro
    first = max(1, round(body * 0.4))
    build = 1 if body >= 4 else 0
    rest = body - first - build
    return (0,) * intro + (1,) * (first // 2) + (2,) * (first - first // 2) + (2,) * build + (3,) * rest + (1,) * outro


def arrange(mood: Mood, *, seconds: float, seed: int, tempo: float = 0.0) -> Song:
    """Write the song."""
    bars, tempo_used, last = plan_time(seconds, tempo or mood.tempo, keep=tempo > 0)
    rng = np.random.default_rng(seed)
    key = mood.keys[int(rng.integers(len(mood.keys)))]
    harmony = progression(mood, bars=bars, key=key, rng=rng)
    desk = _Desk(mood=mood, step=15.0 / tempo_used, rng=rng)
    levels = form(bars)
    tunes = melody(harmony[:bars], mood, key=key, rng=rng)
    for index in range(bars):
        desk.bar(index, levels[index], harmony[index], harmony[index + 1], tunes[index], final=index == bars - 1)
        if index == 0 or levels[index] > levels[index - 1]:
            desk.shimmer(index, harmony[index])
    desk.last_chord(last, seconds - last, harmony[-1], levels[-1] if levels else 2)
    kicks = tuple(sorted(note.at for note in desk.notes if note.instrument == "kick"))
    return Song(tuple(desk.notes), tempo_used, bars, last, levels, kicks)


class _Desk:
    """Writes parts bar by bar."""

    def __init__(self, *, mood: Mood, step: float, rng: np.random.Generator) -> None:
        self.mood, self.step, self.rng = mood, step, rng
        self.notes: list[Note] = []

    def bar(self, index: int, level: int, now: Bar, following: Bar, tune: tuple, *, final: bool) -> None:
        start = index * 16 * self.step
        plays = {name for name, least in self.mood.layers.items() if level >= least}
        if "pad" in plays:
            self._pad(start, now, 0.55 + 0.12 * level)
        if "chords" in plays:
            self._comp(start, now, 0.62 + 0.08 * level)
        if "arp" in plays:
            self._arp(start, now, 0.4 + 0.06 * level)
        if "bass" in plays:
            self._bass(start, now, following)
        if "lead" in plays and not final:
            self._lead(start, tune, 0.55 + 0.07 * level)
        for drum in ("kick", "snare", "clap", "hat", "shaker"):
            if drum in plays:
                self._drum(start, drum, getattr(self.mood, drum), fill=final and level > 0)

    def shimmer(self, index: int, now: Bar) -> None:
        """A soft high chord note where a section begins."""
        at = index * 16 * self.step
        self.notes.append(Note("lead", "bell", self._human(at), 2.0, max(now.voices) + 12, 0.3, pan=0.35))

    def last_chord(self, at: float, ring: float, chord: Bar, level: int) -> None:
        """Everybody on the tonic, and let it ring."""
        held = max(0.3, ring - 0.75)
        for index, voice in enumerate(chord.voices):
            roll = 0.022 * index
            pan = -0.3 + 0.6 * index / max(1, len(chord.voices) - 1)
            self.notes.append(Note("chords", self.mood.chords, at + roll, held, voice, 0.8, pan))
            if "pad" in self.mood.layers:
                self.notes.append(Note("pad", "pad", at, held, voice, 0.7))
        top = max(chord.voices) + 12
        self.notes.append(Note("bass", "bass", at, min(held, 1.6), chord.root, 0.85))
        self.notes.append(Note("lead", "bell", at + 0.07, held, top, 0.5, pan=0.2))
        if level > 0 and "kick" in self.mood.layers:
            self.notes.append(Note("kick", "kick", at, 0.4, 0, 0.85))

    def _human(self, at: float, spread: float = 0.005) -> float:
        return max(0.0, at + float(np.clip(self.rng.normal(0, spread), -2 * spread, 2 * spread)))

    def _at(self, start: float, step: int) -> float:
        late = self.mood.swing * 2 * self.step if step % 4 == 2 else self.mood.swing * self.step if step % 2 else 0.0
        return start + step * self.step + late

    def _touch(self, velocity: float) -> float:
        return float(np.clip(velocity * self.rng.uniform(0.9, 1.06), 0.05, 1.0))

    def _pad(self, start: float, now: Bar, velocity: float) -> None:
        for voice in now.voices:
            self.notes.append(Note("pad", "pad", start, 16 * self.step, voice, velocity))

    def _comp(self, start: float, now: Bar, velocity: float) -> None:
        hits = [(step, int(mark) / 9) for step, mark in enumerate(self.mood.comp) if mark != "."]
        for position, (step, loud) in enumerate(hits):
            following = hits[position + 1][0] if position + 1 < len(hits) else 16
            length = (following - step) * self.step * 0.92
            strum = 0.012 if self.mood.chords == "guitar" else 0.004
            for index, voice in enumerate(now.voices):
                pan = -0.28 + 0.56 * index / max(1, len(now.voices) - 1)
                at = self._human(self._at(start, step) + strum * index, 0.003)
                touch = self._touch(velocity * loud)
                self.notes.append(Note("chords", self.mood.chords, at, length, voice, touch, pan))

    def _arp(self, start: float, now: Bar, velocity: float) -> None:
        ladder = [*now.voices, *(voice + 12 for voice in now.voices)]
        turn = [*range(len(ladder)), *range(len(ladder) - 2, 0, -1)]
        dense = self.mood.arp in ("pulse", "strings")
        for count, step in enumerate(range(0, 16, 1 if dense and self.mood.arp == "pulse" else 2)):
            accent = 1.0 if step % 4 == 0 else 0.72
            note = ladder[turn[count % len(turn)]]
            pan = 0.55 if count % 2 else -0.55
            at = self._human(self._at(start, step), 0.003)
            touch = self._touch(velocity * accent)
            self.notes.append(Note("arp", self.mood.arp, at, self.step * 1.8, note, touch, pan))

    def _bass(self, start: float, now: Bar, following: Bar) -> None:
        hits = [(step, mark) for step, mark in enumerate(self.mood.bass) if mark != "."]
        fifth = now.root + (now.classes[2] - now.classes[0]) % 12
        pitch = {"r": now.root, "f": fifth if fifth <= 52 else fifth - 12, "R": now.root + 12}
        for position, (step, mark) in enumerate(hits):
            until = hits[position + 1][0] if position + 1 < len(hits) else 16
            note = pitch[mark]
            if position == len(hits) - 1 and len(hits) > 2 and following.root != now.root:
                note = following.root + (1 if following.root < note else -1) if self.mood.swing else note
            length = (until - step) * self.step * 0.9
            loud = self._touch(0.88 if step == 0 else 0.74)
            self.notes.append(Note("bass", "bass", self._human(self._at(start, step), 0.002), length, note, loud))

    def _lead(self, start: float, tune: tuple, velocity: float) -> None:
        for tone in tune:
            accent = 1.0 if tone.step % 4 == 0 else 0.82
            at = self._human(self._at(start, tone.step))
            touch = self._touch(velocity * accent)
            note = tone.note - 12 if self.mood.lead == "brass" else tone.note
            self.notes.append(Note("lead", self.mood.lead, at, tone.length * self.step, note, touch, pan=0.12))

    def _drum(self, start: float, drum: str, groove: str, *, fill: bool) -> None:
        pan = {"hat": 0.3, "shaker": -0.38, "clap": 0.05, "snare": -0.05}.get(drum, 0.0)
        for step, mark in enumerate(groove):
            if mark == "." or (fill and drum in ("kick", "hat") and step >= 12):
                continue
            at = self._human(self._at(start, step), 0.001 if drum == "kick" else 0.003)
            stroke = int(self.rng.integers(3))
            self.notes.append(Note(drum, drum, at, 0.3, stroke, self._touch(int(mark) / 9), pan))
        if fill and drum in ("snare", "clap"):
            for step, loud in ((12, 0.4), (13, 0.5), (14, 0.65), (15, 0.8)):
                at = self._human(start + step * self.step, 0.002)
                self.notes.append(Note(drum, drum, at, 0.3, step % 3, loud, pan))
