"""Sound for tests: write a WAV, and measure it by a way of its own (FFmpeg's EBU R 128 meter, PyAV)."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Loudness:
    integrated: float  # LUFS
    true_peak: float  # dBTP


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> Path:
    """PCM 16 WAV of float samples, shape (n,) or (n, channels)."""
    import soundfile

    soundfile.write(str(path), samples, sample_rate, subtype="PCM_16")
    return path


def ebur128(path: Path) -> Loudness:
    """Integrated loudness and true peak of a file as FFmpeg measures them."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", str(path)]
    command += ["-map", "0:a:0", "-af", "ebur128=peak=true", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = told[told.rindex("Summary:") :]
    integrated = re.search(r"I:\s+(-?[\d.]+|-inf) LUFS", summary)
    peak = re.search(r"Peak:\s+(-?[\d.]+|-inf) dBFS", summary)
    assert integrated, summary
    assert peak, summary
    return Loudness(float(integrated.group(1)), float(peak.group(1)))


def audio_facts(path: Path) -> dict[str, Any]:
    """Codec, sample rate (Hz), channels and seconds of the first audio stream, read by PyAV."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return {
            "codec": stream.codec_context.name,
            "sample_rate": stream.codec_context.sample_rate,
            "channels": stream.codec_context.channels,
            "seconds": samples / stream.codec_context.sample_rate,
        }
