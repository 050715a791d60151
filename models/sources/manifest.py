"""What is known about the files in a card's folder: the manifest of a hub pull, and stamps of verified files.

Design:
- A card of a hub folder does not list its files; what was brought, at which commit and with which digests, is
  written beside the files as `.manifest.json` when the pull is complete, and read by the catalog ever after.
  Without a manifest the card counts as missing: a half-finished pull is never loaded.
- A stamp says: this file, at this size and time of change, had its right SHA-256. Reading gigabytes before each
  load would cost seconds; a file that was touched since its stamp is read again, so damage is found before a
  runtime opens it.
- Both are written whole or not at all. A folder that cannot be written only costs the reading.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

MANIFEST = ".manifest.json"
STAMPS = ".verified.json"


class ManifestFile(BaseModel):
    """One brought file; `bytes` and `sha256` are of the file on disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a pull from a hub has brought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str  # "hub:repo@commit"
    files: tuple[ManifestFile, ...]


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest, None when the folder has none or it cannot be read (then a pull makes it anew)."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Say that the folder is complete. Raises `OSError`."""
    _write(folder / MANIFEST, manifest.model_dump(mode="json"))


class Stamps:
    """The verified files of one folder, by size and time of change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: Mapping[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            known = json.loads((folder / STAMPS).read_bytes())
            self._known = known if isinstance(known, dict) else {}

    def vouches(self, name: str, sha256: str) -> bool:
        """Whether `name` had this digest when it was read last, and was not touched since."""
        try:
            facts = (self._folder / name).stat()
        except OSError:
            return False
        return bool(self._known.get(name) == [sha256, facts.st_size, facts.st_mtime_ns])

    def add(self, digests: Mapping[str, str]) -> None:
        """Remember files that were just verified."""
        known = dict(Stamps(self._folder)._known)
        for name, sha256 in digests.items():
            facts = (self._folder / name).stat()
            known[name] = [sha256, facts.st_size, facts.st_mtime_ns]
        self._save(known)

    def drop(self, name: str) -> None:
        """Forget a file, so that it is read again before it is used."""
        known = dict(Stamps(self._folder)._known)
        if known.pop(name, None) is not None:
            self._save(known)

    def _save(self, known: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            _write(self._folder / STAMPS, known)
        self._known = known


def _write(path: Path, value: object) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        temporary.write_text(json.dumps(value, indent=1), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
