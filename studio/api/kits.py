"""Kits of finished jobs, as folders and as one download.

Design:
- The kit is written by the export when it is first asked for, into `<home>/kits/<job>`, once at a time; a lost kit
  is written again.
- A download is packed while it is sent: nothing is copied to a temporary file, memory stays flat, and media, which
  are compressed already, are stored as they are.
"""

from __future__ import annotations

import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from models.catalog import Catalog
from pipelines.engine.engine import Engine

_CHUNK = 1 << 20
_PACKED = {".md", ".json", ".html", ".svg", ".srt", ".vtt", ".wav", ".txt"}


class Kits:
    """The kits of one workspace."""

    def __init__(self, engine: Engine, catalog: Catalog, folder: Path) -> None:
        self.engine = engine
        self.catalog = catalog
        self.folder = folder
        self._lock = threading.Lock()

    def write(self, job: str) -> Path:
        """The folder of the job's kit. Raises `BadInput` for a job that is not done."""
        from pipelines.export.job_kit import write_job_kit

        target = self.folder / job
        with self._lock:
            if not (target / "kit.json").is_file():
                write_job_kit(self.engine, self.catalog, job, target)
        return target


def zip_name(title: str, job: str) -> str:
    """A file name people recognise in their downloads."""
    stem = re.sub(r"[^\w]+", "-", title, flags=re.UNICODE).strip("-")[:60] or "kit"
    return f"{stem}-{job[:15]}.zip"


def zip_chunks(folder: Path) -> Iterator[bytes]:
    """A folder as a ZIP, piece by piece. Raises nothing once it has started but what reading a file raises."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as archive:  # type: ignore[call-overload]
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            info = zipfile.ZipInfo.from_file(path, path.relative_to(folder).as_posix(), strict_timestamps=False)
            info.compress_type = zipfile.ZIP_DEFLATED if path.suffix in _PACKED else zipfile.ZIP_STORED
            with archive.open(info, "w") as target, path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield from pipe.taken()
            yield from pipe.taken()
    yield from pipe.taken()


class _Pipe:
    """A file that can only be written: what was written is handed on and forgotten."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> list[bytes]:
        chunks, self._chunks = self._chunks, []
        return chunks
