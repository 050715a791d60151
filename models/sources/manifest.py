"""The manifest of a pulled hub card: which files it has and their digests.

Design:
- A card of a hub folder does not list its files; what was brought, at which commit and with which digests, is
  written beside the files as `.manifest.json` when the pull is complete, and read by the catalog ever after.
- Without a manifest the card counts as missing: a half-finished pull is never loaded.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

NAME = ".manifest.json"


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
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it whole or not at all."""
    temporary = folder / f"{NAME}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(manifest.model_dump(mode="json"), indent=1), encoding="utf-8")
    temporary.replace(folder / NAME)
