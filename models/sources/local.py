"""The files of a card on this machine: which are lacking, read and verify them, remove them.

Design:
- Nothing here uses the network, and nothing heavy is imported: the pool verifies a card before each load.
- The lock of a card is the operating system's: it goes with a killed process.
- A wrong file is never deleted by a look at it; it is reported, and the next pull brings it anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from models.card import Card, CardFile, FolderSource
from models.catalog import Catalog
from models.control import Control
from models.errors import BadInput, CorruptFile
from models.settings import Settings
from models.sources.base import digest_of, disk_errors
from models.sources.manifest import MANIFEST, Stamps, read_manifest


@dataclass(frozen=True)
class Checked:
    """What reading every byte of a card's files has shown. `problems` has a line for each bad or missing file."""

    card_id: str
    files: int
    bytes: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.problems


def check(card: Card, catalog: Catalog, *, control: Control | None = None) -> Checked:
    """Read every byte of a card's files. A wrong file is no longer trusted: the next pull brings it anew."""
    control = control or Control()
    folder = catalog.folder(card)
    stamps = Stamps(folder)
    expected = expected_files(card, folder)
    problems, right = list(catalog.state(card).problems), {}
    total, done = sum(file.bytes for file in expected), 0
    for file in expected:
        path = folder / file.name
        if not path.is_file() or (file.bytes and path.stat().st_size != file.bytes):
            continue  # already among the problems
        control.progress(done / total if total else 0.0, f"{card.id} {file.name}")
        digest = digest_of(path, control)
        done += file.bytes
        if file.sha256 and digest != file.sha256:
            problems.append(f"{file.name} has SHA-256 {digest[:12]}… instead of {file.sha256[:12]}…")
            stamps.drop(file.name)
        elif file.sha256:
            right[file.name] = digest
    if right:
        stamps.add(right)
    return Checked(card.id, files=len(expected), bytes=done, problems=tuple(problems))


def remove(card: Card, catalog: Catalog, *, control: Control | None = None) -> int:
    """Delete a card's files from the cache, return the bytes freed. A folder of the user's is never touched."""
    folder = catalog.settings.models_dir / card.id
    if any(isinstance(source, FolderSource) for source in card.sources):
        raise BadInput(f"{card.id} is a folder of yours: {catalog.folder(card)}.", hint="Delete it yourself.")
    if not folder.is_dir():
        return 0
    with disk_errors(folder), alone(card, catalog.settings, control or Control()):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        # The manifest goes first: a removal that is interrupted must not look like a complete model.
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)
    return size


def verify(card: Card, catalog: Catalog, *, control: Control | None = None) -> Path:
    """The folder of a card whose files are right, before a runtime opens them.

    Files that were verified and not touched since cost a look at their size and time; others are read once.
    Raises `CorruptFile` naming the file and the command that helps.
    """
    folder = catalog.ready(card)
    stamps = Stamps(folder)
    right = {}
    for file in expected_files(card, folder):
        if not file.sha256 or stamps.vouches(file.name, file.sha256):
            continue
        if digest_of(folder / file.name, control) != file.sha256:
            raise CorruptFile(
                f"{card.id}: {file.name} is damaged (its SHA-256 is not the card's).",
                hint=f"studio models pull {card.id}",
            )
        right[file.name] = file.sha256
    if right:
        stamps.add(right)
    return folder


def expected_files(card: Card, folder: Path) -> tuple[CardFile, ...]:
    if card.files:
        return card.files
    manifest = read_manifest(folder)
    return tuple(CardFile(**file.model_dump()) for file in manifest.files) if manifest else ()


def lacking_files(card: Card, folder: Path, control: Control) -> dict[str, CardFile]:
    """Files that are missing or wrong. What no stamp vouches for is read."""
    stamps = Stamps(folder)
    lacking, right = {}, {}
    for file in expected_files(card, folder):
        path = folder / file.name
        if not path.is_file() or (file.bytes and path.stat().st_size != file.bytes):
            lacking[file.name] = file
        elif file.sha256 and not stamps.vouches(file.name, file.sha256):
            if digest_of(path, control) == file.sha256:
                right[file.name] = file.sha256
            else:
                lacking[file.name] = file
    if right:
        stamps.add(right)
    return lacking


@contextmanager
def alone(card: Card, settings: Settings, control: Control) -> Iterator[None]:
    """Hold the card's lock; while another process holds it, wait and look at the cancel token."""
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.models_dir / f".{card.id}.lock")
    while True:
        control.check()
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            control.progress(0.0, f"{card.id}: another process is bringing it")
    try:
        yield
    finally:
        lock.release()
