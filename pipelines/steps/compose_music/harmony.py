"""Chords and melody: which notes, not yet how they sound.

Design:
- Chords are stacked in thirds on the scale; each is voiced in the inversion nearest to the one before, so that the
  voices move by steps (voice leading) and the hand stays in one place.
- The melody is a motif of one bar: chord notes on strong beats, steps of the scale between, its answer in the second
  bar turned or moved to the next chord, so that it is remembered.
- The bar before the last is a dominant, the last is the tonic: it ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from pipelines.steps.compose_music.moods import Chord, Mood

LOW, HIGH = 53, 74  # MIDI range of chord voices


@dataclass(frozen=True)
class Bar:
    """Harmony of one bar: MIDI notes of the voices (low to high) and of the bass."""

    voices: tuple[int, ...]
    root: int
    classes: tuple[int, ...]  # pitch classes of the chord, root first


def chord_classes(chord: Chord, mood: Mood, key: int) -> tuple[int, ...]:
    """Pitch classes of a chord, root first."""
    degree, quality = chord
    steps = {"": (0, 2, 4), "7": (0, 2, 4, 6), "9": (0, 2, 4, 8), "sus": (0, 3, 4)}[quality]
    return tuple((key + mood.scale[(degree + step) % 7]) % 12 for step in steps)


def progression(mood: Mood, *, bars: int, key: int, rng: np.random.Generator) -> tuple[Bar, ...]:
    """Harmony of `bars` bars and of the last chord after them (bars + 1 in all)."""
    cycle = mood.progressions[int(rng.integers(len(mood.progressions)))]
    chords = [cycle[index % 4] for index in range(bars)]
    if bars >= 2:
        dominant: Chord = (4, "sus") if mood.scale[2] == 4 else (6, "")
        chords[-1] = dominant
    chords.append((0, "9" if any(quality == "9" for _, quality in cycle) else ""))
    out: list[Bar] = []
    before: tuple[int, ...] = ()
    for chord in chords:
        classes = chord_classes(chord, mood, key)
        before = _voiced(classes, before)
        root = key + mood.scale[chord[0]]
        out.append(Bar(voices=before, root=root - 12 if root > 45 else root, classes=classes))
    return tuple(out)


def _voiced(classes: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    """The placing of the chord's notes in the range that moves least from the voicing before."""
    choices = []
    for order in itertools.permutations(classes):
        note = LOW + (order[0] - LOW) % 12
        notes = [note]
        for pitch in order[1:]:
            note += (pitch - note) % 12 or 12
            notes.append(note)
        if notes[-1] <= HIGH:
            choices.append(tuple(notes))
    if not choices:
        return tuple(sorted(LOW + (pitch - LOW) % 12 for pitch in classes))
    middle = (LOW + HIGH) / 2

    def cost(notes: tuple[int, ...]) -> float:
        spread = notes[-1] - notes[0]
        tight = sum(1.5 for low, high in itertools.pairwise(notes) if high - low <= 1)
        if not before:
            return abs(sum(notes) / len(notes) - middle) + 0.2 * spread + tight
        moved = sum(min(abs(note - old) for old in before) for note in notes)
        return moved + 0.25 * abs(sum(notes) / len(notes) - middle) + tight

    return min(choices, key=cost)


@dataclass(frozen=True)
class Tone:
    """A note of the melody: start and length in sixteenths of its bar."""

    step: int
    length: int
    note: int


_RHYTHMS = (
    (0, 3, 6, 10),
    (0, 4, 6, 8, 12),
    (2, 4, 6, 10),
    (0, 6, 8, 14),
    (0, 2, 4, 8),
    (4, 6, 8, 11),
)


def melody(bars: tuple[Bar, ...], mood: Mood, *, key: int, rng: np.random.Generator) -> tuple[tuple[Tone, ...], ...]:
    """One motif, its answer and their variations over the bars' chords."""
    scale = sorted({(key + step) % 12 for step in mood.scale})
    ladder = [note for note in range(67, 89) if note % 12 in scale]
    call = _RHYTHMS[int(rng.integers(len(_RHYTHMS)))]
    reply = _RHYTHMS[int(rng.integers(len(_RHYTHMS)))]
    contour = [int(step) for step in rng.choice((-2, -1, 1, 1, 2), size=6)]
    start = int(rng.integers(len(ladder) // 4, len(ladder) // 2))
    out = []
    for index, bar in enumerate(bars):
        rhythm = call if index % 2 == 0 else reply
        turned = -1 if index % 4 in (1, 2) else 1
        at = start + (2 if index % 4 == 2 else 0)
        tones = []
        for position, step in enumerate(rhythm):
            if position:
                at += turned * contour[position % len(contour)]
            at = min(max(at, 0), len(ladder) - 1)
            note = ladder[at]
            if step % 4 == 0 or position == len(rhythm) - 1:
                note = _nearest(note, [rung for rung in ladder if rung % 12 in bar.classes])
                at = ladder.index(note)
            following = rhythm[position + 1] if position + 1 < len(rhythm) else 16
            tones.append(Tone(step, min(following - step, 6), note))
        out.append(tuple(tones))
    return tuple(out)


def _nearest(note: int, choices: list[int]) -> int:
    return min(choices, key=lambda choice: abs(choice - note))
