"""What the hub and ModelScope have in common: list a repository, choose its files, download each, check it.

Design:
- Files named by the card are checked by the card's digests; of others the repository's own are used: SHA-256, or
  git's blob digest for small files.
- Only formats that hold data are taken (`SAFE_SUFFIXES`): a pickle can run code when it is read.
- A repository is listed at one commit and downloaded at that commit, so that a pull never mixes two states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from models.card import SAFE_SUFFIXES, CardFile, HubSource
from models.errors import CorruptFile, SourceUnavailable
from models.sources import http
from models.sources.base import PARTIAL, Errand, is_plain, matches
from models.sources.manifest import Manifest, ManifestFile, write_manifest


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository. One of `sha256` and `git_digest` (SHA-1 of git's blob) may be empty."""

    path: str
    bytes: int
    sha256: str = ""
    git_digest: str = ""


@dataclass(frozen=True)
class Repository:
    """A repository at one commit: its files and where each is downloaded."""

    label: str  # "hub:owner/name@commit"
    files: Sequence[RemoteFile]
    address: Callable[[str], str]


def bring_named(source: HubSource, errand: Errand, web: httpx.Client, address: Callable[[str], str]) -> None:
    """Bring the wanted files that `source.take` names."""
    for name, path in source.take.items():
        if name in errand.wanted:
            _bring_file(errand.wanted[name], address(path), errand, web)


def bring_repository(source: HubSource, errand: Errand, web: httpx.Client, repository: Repository) -> None:
    """Bring all files of a repository that the source allows, and write the manifest when the last is there."""
    chosen = [file for file in repository.files if _allowed(source, file.path)]
    if not chosen:
        raise SourceUnavailable(
            f"{repository.label} has none of the files {errand.card.id} wants.",
            hint="Check the card's `allow` patterns.",
            retryable=False,
        )
    errand.meter.total = sum(file.bytes for file in chosen)
    brought = []
    for remote in chosen:
        file = CardFile(name=remote.path, bytes=remote.bytes, sha256=remote.sha256 or None)
        digest = _present(errand, file, remote) or _bring_file(
            file, repository.address(remote.path), errand, web, remote
        )
        brought.append(ManifestFile(name=file.name, bytes=(errand.folder / file.name).stat().st_size, sha256=digest))
    write_manifest(errand.folder, Manifest(source=repository.label, files=tuple(brought)))


def _allowed(source: HubSource, path: str) -> bool:
    if not is_plain(path) or not path.endswith(SAFE_SUFFIXES) or path.split("/", maxsplit=1)[0] == PARTIAL:
        return False
    return not source.allow or any(matches(pattern, path) for pattern in source.allow)


def _present(errand: Errand, file: CardFile, remote: RemoteFile) -> str:
    """The SHA-256 of a file that is already in its place and right, else ""."""
    path = errand.folder / file.name
    if not path.is_file() or path.stat().st_size != remote.bytes:
        return ""
    sha256, git_digest = digests(path, errand)
    if remote.sha256 not in ("", sha256) or remote.git_digest not in ("", git_digest):
        return ""
    errand.meter.skip(file.name, remote.bytes)
    return sha256


def _bring_file(file: CardFile, url: str, errand: Errand, web: httpx.Client, remote: RemoteFile | None = None) -> str:
    """Download one file and deliver it, return its SHA-256."""
    partial = errand.scratch("download") / quote(file.name, safe="")
    resumed = partial.exists()
    try:
        return _download(file, url, partial, errand=errand, web=web, remote=remote)
    except CorruptFile:
        if not resumed:
            raise
    # The part kept from an earlier try may have been of another state of the file: start once from nothing.
    partial.unlink(missing_ok=True)
    return _download(file, url, partial, errand=errand, web=web, remote=remote)


def _download(
    file: CardFile, url: str, partial: Path, *, errand: Errand, web: httpx.Client, remote: RemoteFile | None
) -> str:
    http.download(
        web,
        url,
        partial,
        control=errand.control,
        what=f"{errand.card.id} {file.name}",
        at=lambda count: errand.meter.at(file.name, count),
    )
    sha256, git_digest = digests(partial, errand)
    if remote and remote.git_digest not in ("", git_digest):
        partial.unlink()
        raise CorruptFile(f"{errand.card.id}: {file.name} came damaged; it was thrown away.", retryable=True)
    errand.deliver(file, partial)
    return sha256


def digests(path: Path, errand: Errand) -> tuple[str, str]:
    """SHA-256 and git's blob digest of a file, in one reading."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1024 * 1024):
            errand.control.check()
            sha256.update(block)
            git.update(block)
    return sha256.hexdigest(), git.hexdigest()


def text_of(entry: Mapping[str, object], name: str) -> str:
    """A text field of a listing, "" when it is absent."""
    value = entry.get(name)
    return value if isinstance(value, str) else ""
