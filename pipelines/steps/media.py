"""Sound and moving pictures at the file's edge: find ffmpeg, feed it frames, look into what it made.

Design:
- One encode: frames go as raw YUV 4:2:0 through one pipe into one ffmpeg, which muxes the finished sound beside
  them. Nothing is written twice, so nothing is compressed twice.
- The child never outlives its `Encoder`: leaving the `with` block early kills it and removes its file.
- A film is written under a temporary name and renamed when ffmpeg ended well, so a half film is never seen.
- ffmpeg's stderr goes to a file, not to a pipe that could fill up and stop both sides; its last line becomes the
  message of the error.
- Bytes are the same for the same frames: bit-exact flags, no dates, a fixed number of threads.
- Probing is PyAV's (the ffmpeg that comes in the wheel has no ffprobe).
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from models.errors import CorruptFile, DiskFull, StepFailed

if TYPE_CHECKING:
    import numpy as np

# Preset medium less what a film of slow moves does not need: searching several frames back, small blocks and far
# motion, frames kept waiting. Half the CPU and 230 MB less for SSIM 0.9935 instead of 0.9940 at a smaller file.
LEAN = "ref=1:rc-lookahead=10:sync-lookahead=0:me=dia:subme=5:partitions=i8x8,i4x4:trellis=0"
THREADS = 2  # fixed: x264 gives other bytes for other numbers of threads


def ffmpeg_path() -> str:
    """Path of the ffmpeg that comes with `imageio-ffmpeg`."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise StepFailed(
            "No ffmpeg was found on this machine.",
            hint="Install the package again (pip install --force-reinstall imageio-ffmpeg), "
            "or set IMAGEIO_FFMPEG_EXE to an ffmpeg.",
        ) from error


@dataclass(frozen=True)
class VideoFormat:
    """What the film is: size in pixels (both even), frames per second, constant quality (x264 CRF)."""

    width: int
    height: int
    fps: int
    crf: int = 20
    preset: str = "medium"

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * 3 // 2


@dataclass(frozen=True)
class MediaFacts:
    """What is inside a media file, measured by decoding its headers and packets.

    Attributes:
        seconds: Length of the longest stream.
        video_seconds / audio_seconds: Length of each stream; 0 when it is not there.
        frames: Video frames, counted by packets.
    """

    seconds: float
    video_seconds: float = 0.0
    audio_seconds: float = 0.0
    frames: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    video_codec: str = ""
    audio_codec: str = ""
    pixel_format: str = ""
    colour: str = ""  # "primaries/transfer/matrix" as ITU numbers; BT.709 is "1/1/1"
    sample_rate: int = 0
    channels: int = 0
    faststart: bool = False

    def as_facts(self) -> dict[str, Any]:
        """The facts as JSON values for an artifact."""
        return {
            "width": self.width,
            "height": self.height,
            "fps": round(self.fps, 3),
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "video_codec": self.video_codec,
            "audio_codec": self.audio_codec,
            "sample_rate": self.sample_rate,
        }


def probe(path: Path) -> MediaFacts:
    """Look into a media file; raises `CorruptFile` when it cannot be read as one."""
    import av

    try:
        with av.open(str(path)) as container:
            video = next(iter(container.streams.video), None)
            audio = next(iter(container.streams.audio), None)
            spans: dict[int, float] = {}
            frames = 0
            for packet in container.demux([s for s in (video, audio) if s is not None]):
                if packet.pts is None or packet.time_base is None:
                    continue
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                index = packet.stream.index
                spans[index] = max(spans.get(index, 0.0), end)
                frames += video is not None and index == video.index
            context = video.codec_context if video is not None else None
            video_seconds = spans.get(video.index, 0.0) if video is not None else 0.0
            audio_seconds = _stream_seconds(audio, spans)
            return MediaFacts(
                seconds=max(video_seconds, audio_seconds),
                video_seconds=video_seconds,
                audio_seconds=audio_seconds,
                frames=frames,
                width=context.width if context else 0,
                height=context.height if context else 0,
                fps=float(video.average_rate or 0) if video is not None else 0.0,
                video_codec=context.name if context else "",
                audio_codec=audio.codec_context.name if audio is not None else "",
                pixel_format=context.pix_fmt or "" if context else "",
                colour=f"{context.color_primaries}/{context.color_trc}/{context.colorspace}" if context else "",
                sample_rate=audio.codec_context.sample_rate if audio is not None else 0,
                channels=audio.codec_context.channels if audio is not None else 0,
                faststart=_moov_first(path),
            )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise CorruptFile(f"{path.name} cannot be read as a film or sound: {error}") from error


def _stream_seconds(stream: Any, spans: dict[int, float]) -> float:
    """Length of a sound stream: the container's (which knows the edit list), else its last packet's end."""
    if stream is None:
        return 0.0
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return spans.get(stream.index, 0.0)


def _moov_first(path: Path) -> bool:
    """Whether an MP4's index stands before its data, so that it plays while it is loading."""
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, name = int.from_bytes(header[:4], "big"), header[4:]
            if name in (b"moov", b"mdat"):
                return name == b"moov"
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False


def frame_count(seconds: float, fps: int) -> int:
    """Number of frames of a film: the nearest whole number, at least one."""
    return max(1, int(Fraction(seconds).limit_denominator(100_000) * fps + Fraction(1, 2)))


class Encoder:
    """One ffmpeg that takes raw frames and makes a finished MP4.

    Args:
        path: Where the film will be; it appears only after the last frame was encoded.
        form: Size, rate and quality.
        sound: Sound file to mux; `None` makes a silent film.
        seconds: Exact length of the sound; it is padded with silence or cut there.

    Example:
        with Encoder(path, form=form, sound=mix, seconds=15) as encoder:
            for frame in frames:
                encoder.write(frame)
    """

    def __init__(self, path: Path, *, form: VideoFormat, sound: Path | None, seconds: float) -> None:
        self.path = path
        self._form = form
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._log = path.with_name(f".{path.stem}.log")
        command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{form.width}x{form.height}"]
        command += ["-r", str(form.fps), "-i", "pipe:0"]
        if sound is not None:
            command += ["-i", str(sound)]
        command += ["-map", "0:v:0", "-vf", "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"]
        command += ["-c:v", "libx264", "-preset", form.preset, "-crf", str(form.crf), "-profile:v", "high"]
        command += ["-threads", str(THREADS), "-x264-params", LEAN, "-g", str(form.fps * 2)]
        if sound is not None:
            length = f"{seconds:.6f}"
            command += ["-map", "1:a:0", "-af", f"apad=whole_dur={length},atrim=0:{length}"]
            command += ["-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"]
        command += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
        command += ["-movflags", "+faststart", str(self._part)]
        self._stderr = self._log.open("wb")
        try:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._stderr
            )
        except OSError as error:
            self._stderr.close()
            self._log.unlink(missing_ok=True)
            raise StepFailed(f"ffmpeg could not be started: {error}") from error

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._abort()

    def write(self, frame: np.ndarray) -> None:
        """Encode one frame: contiguous uint8 I420 of `form.frame_bytes` bytes."""
        if frame.nbytes != self._form.frame_bytes or not frame.flags.c_contiguous:
            raise ValueError(f"A frame must be {self._form.frame_bytes} contiguous bytes, not {frame.nbytes}.")
        stdin = self._child.stdin
        if stdin is None or stdin.closed:
            raise ValueError("The encoder is closed.")
        try:
            stdin.write(frame.data)
        except OSError as error:
            self._child.wait()
            raise self._failure() from error

    def _finish(self) -> None:
        try:
            if self._child.stdin is not None:
                self._child.stdin.close()
        except OSError as error:
            self._child.wait()
            raise self._failure() from error
        if self._child.wait() != 0:
            raise self._failure()
        self._part.replace(self.path)

    def _abort(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        if self._child.stdin is not None and not self._child.stdin.closed:
            with contextlib.suppress(OSError):  # the child is gone and so is what was still in the buffer
                self._child.stdin.close()
        self._stderr.close()
        self._part.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)

    def _failure(self) -> StepFailed | DiskFull:
        self._stderr.flush()
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        text = " ".join(lines[-3:]) or f"exit code {self._child.returncode}"
        if "No space left" in text:
            return DiskFull("The disk is full: the film was not finished.", hint="Free some space and make it again.")
        return StepFailed(f"ffmpeg failed: {text[:400]}")
