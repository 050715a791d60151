"""The step that mixes voice and music: the music gives way while someone speaks, and the whole is as loud as promised.

Design:
- The voice rules. Music is first brought to a fixed distance below it, then ducked by a side chain: an envelope
  follower on the voice with a look-ahead, so that the music is already down when the first syllable comes and
  returns unhurried in the pauses.
- The voice gets a high-pass and a light lift of its presence, nothing that changes its character.
- Bed and voice stand at their places to the sample; the length is exact; the end fades.
- Loudness and true peak are the house's (`loudness`): -16 LUFS, -1 dBTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from models.errors import CorruptFile
from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

RATE = 48_000
TAIL = 0.8  # seconds after the voice when no length is asked for
LEAST_TAIL = 0.4  # seconds kept after the voice when it runs over the length that was asked for
MUSIC_BELOW = 4.0  # LU of the open music below the voice
DUCK_DB = 12.0  # how much lower it is under the voice
FADE_OUT = 0.9  # s
FADE_IN = 0.02  # s


class MixRequest(StepRequest):
    """What is mixed.

    Attributes:
        voice: Mono or stereo speech.
        timing: The voice's timing document (where the speech ends).
        music: The bed; `None` = voice alone.
        seconds: Exact length; 0 = lead-in, voice and a short tail. A voice that needs more is never cut off: the mix
            gets longer, and its fact `over_seconds` says by how much.
        lead_in: Seconds of music before the voice.
    """

    voice: Artifact
    timing: Artifact
    music: Artifact | None = None
    seconds: float = Field(0.0, ge=0, le=600)
    lead_in: float = Field(0.4, ge=0, le=10)


@step(version=1, request=MixRequest, outputs=("mix",), claim=Claim(memory_mb=300))
def mix(request: MixRequest, context: StepContext) -> dict[str, Artifact]:
    """Mix to stereo 48 kHz PCM16; raises `CorruptFile` for a sound that cannot be read."""
    import numpy as np
    import soundfile

    from pipelines.steps.loudness import integrated_lufs, normalise, true_peak_db

    control = context.control
    voice = read_stereo(context.path(request.voice))
    control.check()
    lead = round(request.lead_in * RATE)
    spoken = float(context.read_json(request.timing).get("seconds", 0.0))
    spoken = min(spoken or len(voice) / RATE, len(voice) / RATE)
    asked = request.seconds or request.lead_in + len(voice) / RATE + TAIL
    total = round(max(asked, request.lead_in + spoken + LEAST_TAIL) * RATE)
    bed = np.zeros((total, 2), np.float32)
    front = voice_chain(voice)
    placed = front[: max(0, total - lead)]
    bed[lead : lead + len(placed)] = placed
    control.progress(0.4, "voice")
    control.check()
    if request.music is not None:
        music = fit_length(read_stereo(context.path(request.music)), total)
        loud, quiet = integrated_lufs(front, RATE), integrated_lufs(music, RATE)
        if np.isfinite(quiet):
            level = (loud if np.isfinite(loud) else -16.0) - MUSIC_BELOW
            bed += music * np.float32(10 ** ((level - quiet) / 20)) * duck_gain(bed)[:, None]
        control.progress(0.7, "music")
        control.check()
    bed *= fades(total)[:, None]
    finished = normalise(bed, RATE)
    path = context.scratch / "mix.wav"
    soundfile.write(path, finished, RATE, subtype="PCM_16", format="WAV")
    facts = {
        "seconds": round(total / RATE, 6),
        "over_seconds": round(max(0.0, total / RATE - asked), 3),
        "sample_rate": RATE,
        "channels": 2,
        "lufs": _db(integrated_lufs(finished, RATE)),
        "true_peak_db": _db(true_peak_db(finished)),
    }
    control.progress(1.0, "done")
    return {"mix": context.put_file(path, "audio", facts=facts)}


def _db(value: float) -> float:
    return round(max(value, -120.0), 2)


def read_stereo(path: Path) -> np.ndarray:
    """A sound file as float32 [n, 2] at 48 kHz."""
    import numpy as np
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise CorruptFile(f"A sound of the film cannot be read: {error}") from error
    if not np.isfinite(samples).all():
        raise CorruptFile("A sound of the film holds values that are no numbers.")
    stereo = samples[:, [0, -1]] if samples.shape[1] <= 2 else samples[:, :2]
    if rate != RATE:
        from math import gcd

        from scipy.signal import resample_poly

        common = gcd(rate, RATE)
        stereo = resample_poly(stereo, RATE // common, rate // common, axis=0)
    return np.ascontiguousarray(stereo, np.float32)


def voice_chain(voice: np.ndarray) -> np.ndarray:
    """High-pass at 75 Hz and +2.5 dB of presence around 3.6 kHz; [n, 2] -> [n, 2]."""
    import numpy as np
    from scipy.signal import butter, sosfilt

    if not len(voice):
        return voice
    low = butter(2, 75, "highpass", fs=RATE, output="sos")
    band = butter(1, (2600, 5200), "bandpass", fs=RATE, output="sos")
    clean = sosfilt(low, voice, axis=0)
    return (clean + 0.33 * sosfilt(band, clean, axis=0)).astype(np.float32)


def duck_gain(voice: np.ndarray, *, depth_db: float = DUCK_DB) -> np.ndarray:
    """Gain of the music for each sample [n], from the voice [n, 2] as it stands in the mix.

    The envelope is followed at 200 Hz: looked ahead 120 ms, held 250 ms over the gaps between words, attack 60 ms,
    release 350 ms. Full ducking from 12 dB below the voice's usual level.
    """
    import numpy as np
    from scipy.ndimage import maximum_filter1d

    hop = RATE // 200
    blocks = -(-len(voice) // hop)
    padded = np.zeros(blocks * hop, np.float32)
    padded[: len(voice)] = np.abs(voice).max(axis=1)
    level = np.sqrt((padded.reshape(blocks, hop) ** 2).mean(axis=1))
    usual = np.quantile(level[level > 1e-3], 0.75) if (level > 1e-3).any() else 1.0
    open_, full = usual * 10 ** (-26 / 20), usual * 10 ** (-12 / 20)
    presence = np.clip((level - open_) / (full - open_), 0, 1)
    # 24 blocks ahead, 50 behind: a centred window of 75 shifted so that it sees more of the past.
    presence = maximum_filter1d(presence, 75, origin=13, mode="constant")
    attack, release = 1 - np.exp(-1 / (0.06 * 200)), 1 - np.exp(-1 / (0.35 * 200))
    followed = np.empty(blocks)
    state = float(presence[0]) if blocks else 0.0
    for index, value in enumerate(presence):
        state += (value - state) * (attack if value > state else release)
        followed[index] = state
    gain = 10 ** (-depth_db * followed / 20)
    return np.interp(np.arange(len(voice)) / hop, np.arange(blocks) + 0.5, gain).astype(np.float32)


def fit_length(music: np.ndarray, total: int) -> np.ndarray:
    """The bed cut to, or repeated over, `total` samples; a repeat is cross-faded over half a second."""
    import numpy as np

    if len(music) >= total:
        return music[:total]
    if not len(music):
        return np.zeros((total, 2), np.float32)
    fade = min(RATE // 2, len(music) // 4)
    out = np.zeros((total, 2), np.float32)
    ramp = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))[:, None]
    at = 0
    while at < total:
        part = music.copy()
        if at:
            part[:fade] *= ramp
        if at + len(music) < total:
            part[len(part) - fade :] *= ramp[::-1]
        end = min(at + len(part), total)
        out[at:end] += part[: end - at]
        at += len(music) - fade
    return out


def fades(total: int) -> np.ndarray:
    """Gain [n]: a very short fade in, a raised-cosine fade out."""
    import numpy as np

    gain = np.ones(total, np.float32)
    rise, fall = min(round(FADE_IN * RATE), total // 4), min(round(FADE_OUT * RATE), total // 3)
    gain[:rise] = np.linspace(0, 1, rise)
    gain[total - fall :] = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fall))
    return gain
