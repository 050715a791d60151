"""The artifact store: immutable files addressed by their SHA-256.

Design:
- A file lies at `<folder>/<first two hex digits>/<sha256><suffix>`. It is written under `tmp/`, flushed to the
  disk, then renamed: a file at its address is whole, or it is not there. (A power cut may undo the rename; the
  file is then missing, which readers notice as they notice damage.)
- A stored file is sealed: read-only, with a fixed time of modification. Reading checks size and seal, which
  costs one `stat`; only when the seal is broken are the bytes digested again. What does not match is removed
  and reported as `CorruptFile`, so that the step that made it is run again.
- "No space left", an exhausted quota and a file-size limit all become `DiskFull`.
- Putting the same bytes twice stores them once. Nothing here knows of jobs; what may be deleted is decided in
  `cache.py`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from models.errors import BadInput, CorruptFile, DiskFull, StepFailed
from pipelines.engine.artifacts import Artifact, ArtifactKind
from pipelines.engine.keys import canonical_json

_SEAL_NS = 315_532_800 * 10**9  # 1980-01-01T00:00:00Z, also the earliest time a zip can hold
_CHUNK = 1 << 20  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STALE_TMP_SECONDS = 24 * 3600.0


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Map "no space left" of any file operation inside to `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise disk_full(where) from error


def disk_full(where: Path) -> DiskFull:
    return DiskFull(f"The disk of {where} is full.", hint="Free some space, then run: studio jobs retry <job>")


class ArtifactStore:
    """Puts and finds artifacts below one folder. Safe between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tmp = folder / "tmp"

    def path(self, artifact: Artifact) -> Path:
        """Where the bytes are. Raises `CorruptFile` when they are gone or are not what they should be."""
        path = self.address(artifact.sha256, artifact.suffix)
        if not self.has(artifact):
            raise CorruptFile(
                f"The stored file {path.name} is missing or damaged.", hint="Run: studio jobs retry <job>"
            )
        return path

    def has(self, artifact: Artifact) -> bool:
        """Whether the bytes are there and right; a damaged file is removed."""
        path = self.address(artifact.sha256, artifact.suffix)
        try:
            found = path.stat()
        except OSError:
            return False
        if found.st_size == artifact.bytes and found.st_mtime_ns == _SEAL_NS:
            return True
        if found.st_size == artifact.bytes and _sha256(path) == artifact.sha256:
            _seal(path)
            return True
        self.remove(artifact.sha256, artifact.suffix)
        return False

    def address(self, sha256: str, suffix: str) -> Path:
        return self.folder / sha256[:2] / f"{sha256}{suffix}"

    def put_bytes(
        self, data: bytes, kind: ArtifactKind, suffix: str, *, facts: Mapping[str, Any] | None = None
    ) -> Artifact:
        """Store bytes. `facts` must be exact JSON."""
        artifact = _artifact(hashlib.sha256(data).hexdigest(), kind, suffix, len(data), facts)
        if self.has(artifact):
            return artifact
        with disk_errors(self.folder):
            tmp = self._new_tmp()
            try:
                tmp.write_bytes(data)
                self._keep(tmp, artifact)
            finally:
                tmp.unlink(missing_ok=True)
        return artifact

    def put_json(self, value: Any, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        return self.put_bytes(canonical_json(value), "json", ".json", facts=facts)

    def put_file(self, path: Path, kind: ArtifactKind, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        """Move a finished file into the store."""
        try:
            found = path.lstat()
        except OSError as error:
            raise StepFailed(f"The step did not write the file it wants to keep: {path.name}.") from error
        if not stat.S_ISREG(found.st_mode):
            raise StepFailed(f"The step wants to keep {path.name}, which is not a plain file.")
        artifact = _artifact(_sha256(path), kind, path.suffix.lower(), found.st_size, facts)
        if self.has(artifact):
            path.unlink()
            return artifact
        with disk_errors(self.folder):
            try:
                self._keep(path, artifact)
            except OSError as error:
                if error.errno != errno.EXDEV:  # not on the store's disk: go through a copy
                    raise
                tmp = self._new_tmp()
                try:
                    shutil.copyfile(path, tmp)
                    self._keep(tmp, artifact)
                finally:
                    tmp.unlink(missing_ok=True)
                path.unlink()
        return artifact

    def import_file(
        self, path: Path, kind: ArtifactKind, *, max_bytes: int, facts: Mapping[str, Any] | None = None
    ) -> Artifact:
        """Copy a person's file into the store. Raises `BadInput` when it cannot be read or is too large."""
        with _readable(path, max_bytes=max_bytes) as source, disk_errors(self.folder):
            tmp = self._new_tmp()
            try:
                sha = hashlib.sha256()
                size = 0
                with tmp.open("wb") as target:
                    while chunk := source.read(_CHUNK):
                        size += len(chunk)
                        if size > max_bytes:  # grew while being read, or a device without a size
                            raise _too_large(path, max_bytes)
                        sha.update(chunk)
                        target.write(chunk)
                suffix = path.suffix.lower()
                if not suffix[1:].isalnum() or not suffix.isascii() or len(suffix) > 9:
                    suffix = ".bin"
                artifact = _artifact(sha.hexdigest(), kind, suffix, size, facts)
                if not self.has(artifact):
                    self._keep(tmp, artifact)
            finally:
                tmp.unlink(missing_ok=True)
        return artifact

    def remove(self, sha256: str, suffix: str) -> None:
        """Delete a file of the store, if it is there."""
        path = self.address(sha256, suffix)
        with suppress(FileNotFoundError):
            path.chmod(0o644)  # a read-only file cannot be deleted on every system
            path.unlink()

    def files(self) -> Iterator[tuple[str, str, Path]]:
        """Every stored file: digest, suffix, path."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*")):
            sha256, _, ending = path.name.partition(".")
            yield sha256, f".{ending}", path

    def check(self) -> list[Path]:
        """Digest every file again; remove and return those that are damaged."""
        damaged = []
        for sha256, suffix, path in self.files():
            if _sha256(path) != sha256:
                self.remove(sha256, suffix)
                damaged.append(path)
        return damaged

    def sweep(self) -> None:
        """Remove what killed processes left half-written a day ago or more."""
        for path in self._tmp.glob("*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_TMP_SECONDS:
                    path.unlink()

    def _new_tmp(self) -> Path:
        self._tmp.mkdir(parents=True, exist_ok=True)
        return self._tmp / secrets.token_hex(12)

    def _keep(self, tmp: Path, artifact: Artifact) -> None:
        """Seal a whole file and give it its address: flush, then rename."""
        target = self.address(artifact.sha256, artifact.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        _flush(tmp)
        _seal(tmp)
        tmp.replace(target)


def _artifact(sha256: str, kind: ArtifactKind, suffix: str, size: int, facts: Mapping[str, Any] | None) -> Artifact:
    canonical_json(facts or {})
    return Artifact(sha256=sha256, kind=kind, suffix=suffix, bytes=size, facts=dict(facts or {}))


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def _seal(path: Path) -> None:
    path.chmod(0o644)
    os.utime(path, ns=(time.time_ns(), _SEAL_NS))
    path.chmod(0o444)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _readable(path: Path, *, max_bytes: int) -> Iterator[Any]:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{path} is not a file.", hint="Name a file.")
        if found.st_size == 0:
            raise BadInput(f"{path} is empty.", hint="Choose a file with content.")
        if found.st_size > max_bytes:
            raise _too_large(path, max_bytes)
        file = path.open("rb")
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist.", hint="Check the path; it starts from the brief's folder.") from error
    except (OSError, ValueError) as error:  # no permission, name too long, NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(
            f"{str(path)!r} cannot be read: {reason}.", hint="Check the path and its permissions."
        ) from error
    with file:
        yield file


def _too_large(path: Path, max_bytes: int) -> BadInput:
    return BadInput(f"{path} is larger than {max_bytes / 2**20:.0f} MiB.", hint="Choose a smaller file.")
