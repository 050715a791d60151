"""What all sources share: the errand, the bytes shown on the way, digests, disk errors.

Design:
- A source is a function `(source, errand) -> None` that brings what it can of `errand.wanted` and hands each file to
  `Errand.deliver`, which is the only way into the card's folder: size and SHA-256 are checked, then it is renamed.
- Names inside archives and repositories are matched, never used as paths; where a file lands is the card's word.
- Unfinished work lies in `<card folder>/.partial`, one folder a source, and is used again by the next try.
- A source looks at the cancel token at every block of 1 MiB and every tenth of a second while a client runs.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from models.card import Card, CardFile
from models.control import Control
from models.errors import CorruptFile, DiskFull, StudioError
from models.settings import Settings
from models.sources.manifest import Stamps

BLOCK = 1024 * 1024  # bytes between two looks at the cancel token
PARTIAL = ".partial"
_WINDOW = 15.0  # seconds over which speed is measured
_SHOW_EVERY = 0.1  # seconds between two reports


@dataclass(frozen=True)
class Transfer:
    """How far a card's files have come.

    Attributes:
        file: What is being brought now.
        done, total: Bytes of the card's wanted files; total 0 = not known yet.
        bytes_per_second: Measured over the last seconds, 0 = not known yet.
        seconds_left: None = not known yet.
    """

    card_id: str
    file: str
    done: int
    total: int
    bytes_per_second: float
    seconds_left: float | None

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0

    def __str__(self) -> str:
        text = f"{self.card_id} {self.file} {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB"
        if self.bytes_per_second:
            text += f", {self.bytes_per_second / 1e6:.1f} MB/s"
        return text + (f", {duration(self.seconds_left)} left" if self.seconds_left is not None else "")


Listener = Callable[[Transfer], None]


class Meter:
    """Counts bytes and tells listeners, at most ten times a second."""

    def __init__(
        self, card_id: str, total: int, control: Control, listener: Listener | None, clock: Callable[[], float]
    ) -> None:
        self.total = total
        self._card_id = card_id
        self._control = control
        self._listener = listener
        self._clock = clock
        self._finished = 0
        self._skipped = 0
        self._shown = 0
        self._last = float("-inf")
        self._history: deque[tuple[float, int]] = deque()

    @property
    def brought(self) -> int:
        """Bytes of the files that are complete."""
        return self._finished

    @property
    def fraction(self) -> float:
        return min(1.0, self._shown / self.total) if self.total else 0.0

    def at(self, file: str, bytes_of_file: int) -> None:
        """`bytes_of_file` bytes of `file` are here; files that are finished count besides."""
        self._tell(file, self._skipped + self._finished + bytes_of_file, always=False)

    def finish(self, file: str, size: int) -> None:
        """A file is complete."""
        self._finished += size
        self._tell(file, self._skipped + self._finished, always=True)

    def skip(self, file: str, size: int) -> None:
        """A file is found complete: it counts as there, not as brought."""
        self._skipped += size
        self._tell(file, self._skipped + self._finished, always=True)

    def _tell(self, file: str, done: int, *, always: bool) -> None:
        now = self._clock()
        if not self._history:
            self._history.append((now, done))
        if not always and now - self._last < _SHOW_EVERY:
            return
        self._last = now
        # What a client has fetched in packed form is an estimate: never let the bar run back or past the end.
        self._shown = max(self._shown, min(done, self.total) if self.total else done)
        self._history.append((now, self._shown))
        while now - self._history[0][0] > _WINDOW:
            self._history.popleft()
        start, bytes_then = self._history[0]
        speed = (self._shown - bytes_then) / (now - start) if now - start > 1.0 else 0.0
        left = (self.total - self._shown) / speed if speed > 0 and self.total else None
        transfer = Transfer(self._card_id, file, self._shown, self.total, speed, left)
        self._control.progress(transfer.fraction, str(transfer))
        if self._listener:
            self._listener(transfer)


@dataclass
class Errand:
    """One try to bring files of a card from one source.

    Attributes:
        wanted: Files still to be brought, by name. `deliver` takes them off.
    """

    card: Card
    folder: Path
    settings: Settings
    control: Control
    meter: Meter
    wanted: dict[str, CardFile] = field(default_factory=dict)

    def scratch(self, name: str) -> Path:
        """A folder for unfinished work that the next try finds again."""
        path = self.folder / PARTIAL / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def deliver(self, file: CardFile, temporary: Path) -> None:
        """Check a finished file and move it to its place. A wrong one is removed: `CorruptFile`."""
        size = temporary.stat().st_size
        problem = f"{size:,} bytes instead of {file.bytes:,}" if file.bytes and size != file.bytes else ""
        digest = "" if problem else digest_of(temporary, self.control)
        if not problem and file.sha256 and digest != file.sha256:
            problem = f"SHA-256 {digest[:12]}… instead of {file.sha256[:12]}…"
        if problem:
            temporary.unlink()
            raise CorruptFile(
                f"{self.card.id}: {file.name} came with {problem}; it was thrown away.",
                hint=f"Try again: studio models pull {self.card.id}",
                retryable=True,
            )
        target = self.folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
        Stamps(self.folder).add({file.name: digest})
        self.wanted.pop(file.name, None)
        self.meter.finish(file.name, size)

    def copy(self, source: IO[bytes], target: IO[bytes], *, file: str, already: int = 0, limit: int = 0) -> int:
        """Copy block by block with cancel and progress, return the bytes copied.

        `already` bytes of `file` are there before; more than `limit` bytes (0 = any) is a `CorruptFile`.
        """
        copied = 0
        while block := source.read(BLOCK):
            self.control.check()
            copied += len(block)
            if limit and copied > limit:
                raise CorruptFile(f"{self.card.id}: {file} is longer than its card says.", hint="Update the card.")
            target.write(block)
            self.meter.at(file, already + copied)
        return copied


def digest_of(path: Path, control: Control | None = None) -> str:
    """SHA-256 of a file in hex, looking at the cancel token at every block."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            if control:
                control.check()
            digest.update(block)
    return digest.hexdigest()


def matches(pattern: str, path: str) -> bool:
    """Whether `path` fits `pattern`, part by part: a "*" never reaches over a "/"."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(fnmatchcase(part, one) for part, one in zip(given, wanted, strict=True))


def is_plain(name: str) -> bool:
    """Whether a name inside an archive or a repository is a plain relative path."""
    return not (
        name.startswith("/") or "\\" in name or ":" in name or any(p in ("", ".", "..") for p in name.split("/"))
    )


def natural(name: str) -> tuple[object, ...]:
    """Sort key that counts: part2 comes before part10."""
    parts: list[object] = []
    for is_number, text in _runs(name):
        parts.append((0, int(text), "") if is_number else (1, 0, text))
    return tuple(parts)


def _runs(name: str) -> Iterator[tuple[bool, str]]:
    start = 0
    for at in range(1, len(name) + 1):
        if at == len(name) or name[at].isdecimal() != name[start].isdecimal():
            yield name[start].isdecimal(), name[start:at]
            start = at


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say in one line that the disk is full or may not be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk of {folder} is full; what was finished is kept.",
                hint="Free some room and run the same command again, or set STUDIO_CACHE to another disk.",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StudioError(
                f"{folder} cannot be written: {error.strerror}.", hint="Set STUDIO_CACHE to a folder of yours."
            ) from error
        raise


def duration(seconds: float) -> str:
    """ "40 s", "3 min", "1 h 20 min"."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
