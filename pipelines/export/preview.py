"""Step `preview`: a small copy of a work for pages, thumbnails and mail.

Design:
- The kit's `index.html` is one file that a client can be sent, so it carries previews, not the works.
- Pictures become WebP, videos a small H.264, audio MP3; a picture's preview keeps the ratio to the pixel.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from pydantic import Field

from models.errors import StepFailed
from pipelines.engine.artifacts import Artifact
from pipelines.engine.step import Claim, StepContext, StepRequest, step


class PreviewRequest(StepRequest):
    """`longest_side` in px is for pictures; videos are made half as large again as a phone shows them."""

    work: Artifact
    longest_side: int = Field(1080, ge=64, le=4096)


@step(version=1, request=PreviewRequest, outputs=("preview",), claim=Claim(cores=1, memory_mb=300))
def preview(request: PreviewRequest, context: StepContext) -> dict[str, Artifact]:
    """The small copy. Raises `StepFailed` for a kind that has none."""
    work, source = request.work, context.path(request.work)
    if work.kind == "image":
        path = _picture(source, context.scratch / "preview.webp", request.longest_side)
        kind = "image"
    elif work.kind == "video":
        path = _encode(
            source,
            context.scratch / "preview.mp4",
            ["-vf", "scale=w='if(gt(iw,ih),-2,406)':h='if(gt(iw,ih),406,-2)':flags=bicubic"],
            ["-c:v", "libx264", "-preset", "fast", "-crf", "29", "-pix_fmt", "yuv420p", "-threads", "1"],
            ["-c:a", "aac", "-b:a", "72k", "-movflags", "+faststart"],
        )
        kind = "video"
    elif work.kind == "audio":
        path = _encode(source, context.scratch / "preview.mp3", ["-c:a", "libmp3lame", "-b:a", "72k"])
        kind = "audio"
    else:
        raise StepFailed(f"There is no preview of a {work.kind} file.")
    return {"preview": context.put_file(path, kind, facts={"of": work.sha256})}  # type: ignore[arg-type]


def _picture(source: Path, target: Path, longest_side: int) -> Path:
    from PIL import Image

    with Image.open(source) as image:
        small = image.convert("RGBA" if "A" in image.getbands() else "RGB")
        small.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
        small.save(target, "WEBP", quality=84, method=4)
    return target


def _encode(source: Path, target: Path, *options: list[str]) -> Path:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", "-i", str(source)]
    command += [item for group in options for item in group]
    command += ["-fflags", "+bitexact", "-map_metadata", "-1", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(f"No preview could be made: {done.stderr.strip()[-200:]}")
    return target
