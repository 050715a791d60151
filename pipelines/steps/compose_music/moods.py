"""What each mood is made of: tempo, scale, progressions, groove and instruments. Data only.

Design:
- Progressions are degrees of the scale with a quality, one chord a bar, in cycles of four; each has been chosen for
  functional harmony (it goes somewhere) rather than drawn at random. The seed picks among them, the key and the motif.
- Grooves are sixteen steps a bar; a digit is how loud a stroke is (9 = full), a dot is silence.
- `layers` says from which intensity (0 intro .. 3 full) an instrument plays, which is what makes a song's form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MoodName = Literal["calm", "warm", "upbeat", "tech", "festive", "epic", "confident"]

# (degree 0..6, quality): "" triad of the scale, "7" with its seventh, "9" with its ninth, "sus" suspended.
Chord = tuple[int, str]


@dataclass(frozen=True)
class Mood:
    """A way to sound.

    Attributes:
        tempo: Beats a minute it prefers.
        scale: Semitones of its seven degrees.
        keys: Possible tonics (MIDI note of the bass octave).
        progressions: Four-bar cycles.
        swing: Share of an eighth by which off-beats come late.
        kick, snare, hat, shaker, clap: Groove, sixteen steps.
        comp: Rhythm of the chord instrument, sixteen steps.
        bass: Rhythm of the bass; a capital letter plays the octave ("r" root, "f" fifth, "R" root an octave up).
        layers: Instrument -> lowest intensity at which it plays.
        chords, lead, arp: Instruments of chords, melody and arpeggio.
        bright: Tilt of the master, dB at the top (0 = neutral).
        pump: How deep the kick ducks pads and bass, 0..1.
        room: Reverb time, s.
    """

    tempo: float
    scale: tuple[int, ...]
    keys: tuple[int, ...]
    progressions: tuple[tuple[Chord, Chord, Chord, Chord], ...]
    comp: str
    bass: str
    layers: dict[str, int]
    chords: str
    lead: str
    arp: str = ""
    swing: float = 0.0
    kick: str = "." * 16
    snare: str = "." * 16
    clap: str = "." * 16
    hat: str = "." * 16
    shaker: str = "." * 16
    bright: float = 0.0
    pump: float = 0.0
    room: float = 1.6


MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)

MOODS: dict[MoodName, Mood] = {
    "calm": Mood(
        tempo=76,
        scale=MAJOR,
        keys=(41, 43, 38),
        progressions=(
            ((0, "9"), (5, "7"), (3, "9"), (4, "sus")),
            ((3, "9"), (0, "9"), (1, "7"), (4, "sus")),
            ((0, "9"), (2, "7"), (3, "9"), (4, "")),
        ),
        comp="8.....5.....6...",
        bass="r.........f.....",
        layers={"pad": 0, "chords": 0, "arp": 1, "bass": 1, "shaker": 1, "kick": 2, "lead": 2, "clap": 3, "hat": 3},
        chords="keys",
        lead="bell",
        arp="pluck",
        swing=0.06,
        kick="8.........6.....",
        clap="....4.......4...",
        hat="..3...3...3...3.",
        shaker="3.2.4.2.3.2.4.2.",
        pump=0.25,
        room=2.6,
    ),
    "warm": Mood(
        tempo=92,
        scale=MAJOR,
        keys=(41, 36, 43),
        progressions=(
            ((0, "9"), (5, "7"), (1, "9"), (4, "7")),
            ((3, "7"), (4, ""), (2, "7"), (5, "7")),
            ((0, "7"), (3, "9"), (5, "7"), (4, "sus")),
        ),
        comp="8..5..6...5..4..",
        bass="r.....r.f.....r.",
        layers={"pad": 1, "chords": 0, "arp": 2, "bass": 1, "kick": 1, "shaker": 1, "snare": 2, "hat": 2, "lead": 2},
        chords="guitar",
        lead="keys",
        arp="guitar",
        swing=0.14,
        kick="9.....4.8.......",
        snare="....7.......7..2",
        hat="5.3.5.3.5.3.5.4.",
        shaker="3.2.4.2.3.2.4.2.",
        pump=0.2,
        room=1.5,
    ),
    "upbeat": Mood(
        tempo=116,
        scale=MAJOR,
        keys=(36, 38, 43),
        progressions=(
            ((0, ""), (4, ""), (5, "7"), (3, "9")),
            ((3, "9"), (4, ""), (5, "7"), (0, "")),
            ((5, "7"), (3, "9"), (0, ""), (4, "sus")),
        ),
        comp="8..6..7...6.7...",
        bass="r..r..r.r..r..R.",
        layers={"pad": 1, "chords": 0, "arp": 1, "bass": 1, "kick": 1, "clap": 2, "hat": 2, "shaker": 1, "lead": 2},
        chords="keys",
        lead="pluck",
        arp="pluck",
        kick="9...9...9...9...",
        clap="....8.......8...",
        hat="..7...7...7...7.",
        shaker="4.3.5.3.4.3.5.3.",
        bright=1.0,
        pump=0.55,
        room=1.3,
    ),
    "tech": Mood(
        tempo=110,
        scale=DORIAN,
        keys=(40, 38, 41),
        progressions=(
            ((0, "9"), (6, ""), (3, "7"), (0, "7")),
            ((0, "7"), (2, ""), (6, ""), (3, "9")),
            ((0, "9"), (5, "7"), (2, "7"), (6, "sus")),
        ),
        comp="7.....7.....6...",
        bass="r..r..r...r.r.R.",
        layers={"pad": 0, "chords": 2, "arp": 0, "bass": 1, "kick": 1, "clap": 2, "hat": 1, "shaker": 2, "lead": 3},
        chords="stab",
        lead="bell",
        arp="pulse",
        kick="9.....6.9..5....",
        clap="....7.......7...",
        hat="4.6.4.6.4.6.4.66",
        shaker="..3...3...3...3.",
        bright=0.5,
        pump=0.6,
        room=1.8,
    ),
    "festive": Mood(
        tempo=124,
        scale=MAJOR,
        keys=(36, 41, 38),
        progressions=(
            ((0, ""), (3, ""), (4, ""), (0, "")),
            ((0, ""), (5, "7"), (3, ""), (4, "")),
            ((3, ""), (4, ""), (0, ""), (5, "7")),
        ),
        comp="8...7...8...7.5.",
        bass="r...f...r...f.r.",
        layers={"pad": 2, "chords": 0, "arp": 0, "bass": 1, "kick": 1, "clap": 1, "shaker": 1, "hat": 2, "lead": 1},
        chords="pluck",
        lead="bell",
        arp="bell",
        swing=0.1,
        kick="9...7...9...7...",
        clap="....8.......8.5.",
        hat="..6...6...6...6.",
        shaker="6.4.7.4.6.4.7.4.",
        bright=-1.0,
        pump=0.3,
        room=1.6,
    ),
    "epic": Mood(
        tempo=84,
        scale=MINOR,
        keys=(38, 36, 40),
        progressions=(
            ((0, ""), (5, ""), (2, ""), (6, "")),
            ((0, ""), (3, ""), (5, ""), (6, "sus")),
            ((5, ""), (6, ""), (0, ""), (2, "")),
        ),
        comp="8.6.7.6.8.6.7.6.",
        bass="r...r...r...r.r.",
        layers={"pad": 0, "chords": 1, "arp": 1, "bass": 0, "kick": 1, "snare": 2, "hat": 3, "shaker": 2, "lead": 2},
        chords="strings",
        lead="brass",
        arp="strings",
        kick="9.....6.8.......",
        snare="....8.......8.44",
        hat="..3...3...3...3.",
        shaker="2.2.3.2.2.2.3.2.",
        bright=-0.5,
        pump=0.2,
        room=3.0,
    ),
    "confident": Mood(
        tempo=100,
        scale=MINOR,
        keys=(40, 38, 43),
        progressions=(
            ((0, "7"), (5, "9"), (2, "7"), (6, "")),
            ((0, "9"), (3, "7"), (6, ""), (2, "7")),
            ((5, "9"), (6, ""), (0, "7"), (0, "7")),
        ),
        comp="8..7......8.6...",
        bass="r..r....r.r...R.",
        layers={"pad": 1, "chords": 0, "arp": 2, "bass": 1, "kick": 1, "snare": 1, "hat": 1, "shaker": 2, "lead": 3},
        chords="keys",
        lead="pluck",
        arp="pulse",
        swing=0.1,
        kick="9..5....8.6.....",
        snare="....8.......8...",
        hat="6.4.6.4.6.4.6.55",
        shaker="..3...3...3...3.",
        pump=0.4,
        room=1.4,
    ),
}
