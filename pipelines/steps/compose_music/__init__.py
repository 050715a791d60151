"""The step that composes a music bed: a small piece written and played for exactly the seconds it is needed.

Design:
- Everything is made here, from harmony to sound, so nobody's recording is used and every piece may be used freely.
- It is written to length: the last chord rings out at the end, nothing is cut off or looped.
- A seed is a piece: the same request gives the same bytes, another seed another key, progression and motif.

Modules: moods (data), harmony (which notes), arrange (form and parts), instruments (synthesis), render (mix, master).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step


class ComposeMusicRequest(StepRequest):
    """What to compose. `tempo` in beats a minute, 0 = the mood's own (bent a little to fit the length)."""

    mood: Literal["calm", "warm", "upbeat", "tech", "festive", "epic", "confident"] = "calm"
    seconds: float = Field(ge=3, le=600)
    seed: int = Field(0, ge=0)
    tempo: float = 0.0

    def model_post_init(self, _context: object) -> None:
        if self.tempo and not 50 <= self.tempo <= 180:
            raise ValueError("tempo must be 0 or between 50 and 180 beats a minute")


@step(version=1, request=ComposeMusicRequest, outputs=("music",), claim=Claim(memory_mb=300))
def compose_music(request: ComposeMusicRequest, context: StepContext) -> dict[str, Artifact]:
    """Compose and play the piece: WAV, stereo, 48 kHz, 16 bit, -16 LUFS."""
    import soundfile

    from pipelines.steps.compose_music.arrange import arrange
    from pipelines.steps.compose_music.instruments import RATE
    from pipelines.steps.compose_music.moods import MOODS
    from pipelines.steps.compose_music.render import render
    from pipelines.steps.loudness import integrated_lufs, true_peak_db

    control = context.control
    mood = MOODS[request.mood]
    song = arrange(mood, seconds=request.seconds, seed=request.seed, tempo=request.tempo)

    def check(fraction: float) -> None:
        control.check()
        control.progress(fraction, f"{song.bars} bars at {song.tempo:.0f} bpm")

    check(0.02)
    sound = render(song, mood, seconds=request.seconds, check=check)
    control.check()
    path = context.scratch / "music.wav"
    soundfile.write(path, sound, RATE, subtype="PCM_16", format="WAV")
    facts = {
        "seconds": round(len(sound) / RATE, 6),
        "sample_rate": RATE,
        "channels": 2,
        "tempo": round(song.tempo, 2),
        "bars": song.bars,
        "lufs": round(integrated_lufs(sound, RATE), 2),
        "true_peak_db": round(true_peak_db(sound), 2),
    }
    control.progress(1.0, "done")
    return {"music": context.put_file(path, "audio", facts=facts)}
