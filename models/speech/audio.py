"""Open sound files for recognisers: anything FFmpeg reads, as mono float32 at the rate wanted.

Design:
- A file that is no sound, or has none in it, is the person's mistake and named as such; nothing of the library's own
  errors goes further up.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.control import Control
from models.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOOK_EVERY = 200  # frames between two looks at the cancel token


def read_audio(path: Path, *, sample_rate: int, control: Control | None = None) -> NDArray[np.float32]:
    """Samples (n,) in [-1, 1], mono, at `sample_rate` Hz. Raises `BadInput` for a file that is no sound."""
    import av
    import numpy as np

    if not path.is_file():
        raise BadInput(f"audio: {path.name} is not a file.", hint="Give the path of a sound or video file.")
    parts: list[NDArray[Any]] = []  # int16
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise BadInput(f"audio: {path.name} has no sound in it.", hint="Give a file with an audio track.")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
            for index, frame in enumerate(container.decode(container.streams.audio[0])):
                if control is not None and index % _LOOK_EVERY == 0:
                    control.check()
                frame.pts = None  # files with gaps in their clock would stop the resampler
                parts += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(frame)]
            parts += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
    except (av.FFmpegError, ValueError) as error:
        raise BadInput(
            f"audio: {path.name} cannot be read as sound.", hint="Give a WAV, MP3, M4A or video file."
        ) from error
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    if not samples.size:
        raise BadInput(f"audio: {path.name} has no sound in it.", hint="Give a file with an audio track.")
    return (samples / np.float32(32768)).astype(np.float32)
