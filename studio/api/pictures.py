"""Pictures people bring, and small copies of pictures for the page.

Design:
- A picture comes in by one door: at most 20 MB, PNG, JPEG or WebP by its bytes, decoded once in full before it is
  kept. It is stored under `<home>/uploads` by its digest; the brief names it by that name alone.
- A name from outside is never a path: it must match the pattern of the names made here, or be a bundled sample.
- Small copies are WebP under `<home>/thumbs`, made once for each picture and width; losing them costs nothing.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import BadInput, DiskFull
from models.settings import Settings
from pipelines.recipes.fields import SAMPLE_SCHEME, BadBrief, bad_brief, sample_photo

MAX_BYTES = 20_000_000
MAX_PIXELS = 100_000_000
MIN_SIDE = 32  # px
WIDTHS = (160, 480, 720, 1080)  # px of small copies
_FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
_NAME = re.compile(r"[0-9a-f]{12}-[\w-]{1,60}\.(png|jpg|webp)")


@dataclass(frozen=True)
class Imported:
    """A picture that is now in the workspace. Size in pixels."""

    name: str
    width: int
    height: int
    bytes: int


class Pictures:
    """The pictures of one workspace."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home / "uploads"
        self.thumbs = settings.home / "thumbs"

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> Imported:
        """Read a request's body. Raises `BadBrief` when it is too large or is no picture."""
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > MAX_BYTES:
                raise bad_brief("photo", "文件超过 20 MB", "is larger than 20 MB")
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(self.keep, name, bytes(data))

    def keep(self, name: str, data: bytes) -> Imported:
        """Check a picture and store it. The same picture under the same name is stored once."""
        if len(data) > MAX_BYTES:
            raise bad_brief("photo", "文件超过 20 MB", "is larger than 20 MB")
        form, width, height = _look(data)
        stem = re.sub(r"[^\w-]+", "-", Path(name.replace("\\", "/")).stem).strip("-_")[:60] or "picture"
        stored = f"{hashlib.sha256(data).hexdigest()[:12]}-{stem}.{_FORMATS[form]}"
        target = self.folder / stored
        if not target.is_file():
            _write(target, data)
        return Imported(name=stored, width=width, height=height, bytes=len(data))

    def find(self, name: str) -> Path:
        """The file of a name in a brief. Raises `BadInput` when there is none."""
        if name.startswith(SAMPLE_SCHEME):
            try:
                return sample_photo(name)
            except ValueError as error:
                raise BadInput("There is no such sample.") from error
        path = self.folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise BadInput("There is no such picture.", hint="Bring it in again.")
        return path

    def portable(self, path: str) -> str:
        """A picture's path as a brief of this workspace names it; one from elsewhere is brought in."""
        if not path:
            return ""
        file = Path(path)
        if file.parent == self.folder and _NAME.fullmatch(file.name):
            return file.name
        sample = f"{SAMPLE_SCHEME}{file.stem}"
        try:
            if sample_photo(sample) == file:
                return sample
        except ValueError:
            pass  # not the name of a sample
        try:
            return self.keep(file.name, file.read_bytes()).name
        except (OSError, BadBrief):
            return ""  # moved away or changed since: the copy of the brief has no picture

    def small(self, path: Path, *, key: str, width: int) -> Path:
        """A WebP copy at most `width` px wide. `key` names the content."""
        from PIL import Image, ImageOps

        width = min((step for step in WIDTHS if step >= width), default=WIDTHS[-1])
        target = self.thumbs / f"{key}-{width}.webp"
        if target.is_file():
            return target
        with Image.open(path) as image:
            image.draft("RGB", (width * 2, width * 2))
            turned = ImageOps.exif_transpose(image)
            turned = turned.convert("RGBA" if "A" in turned.getbands() else "RGB")
            turned.thumbnail((width, width * 4), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            turned.save(buffer, "WEBP", quality=86, method=3)
        _write(target, buffer.getvalue())
        return target


def _look(data: bytes) -> tuple[str, int, int]:
    """Format, width and height of a picture, after decoding it in full."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=tuple(_FORMATS)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise bad_brief("photo", "图片超过一亿像素", "has more than 100 million pixels")
            form = str(image.format)
            image.load()
            width, height = ImageOps.exif_transpose(image).size
    except BadBrief:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        zh, en = "不是完好的 PNG、JPEG 或 WebP 图片", "is not a sound PNG, JPEG or WebP picture"
        raise bad_brief("photo", zh, en) from error
    if min(width, height) < MIN_SIDE:
        zh, en = (f"图片太小，短边至少 {MIN_SIDE} 像素", f"is too small; the short side is under {MIN_SIDE} px")
        raise bad_brief("photo", zh, en)
    return form, width, height


def _write(target: Path, data: bytes) -> None:
    """All of it or nothing. Raises `DiskFull`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    tmp = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        tmp.write_bytes(data)
        tmp.replace(target)
    except OSError as error:
        tmp.unlink(missing_ok=True)
        raise DiskFull(f"The picture could not be stored: {error.strerror}.", hint="Free some room.") from error


def as_json(imported: Imported) -> dict[str, Any]:
    return {"name": imported.name, "width": imported.width, "height": imported.height, "bytes": imported.bytes}
