"""The cache: finished results by key, and what may be forgotten when the store is full.

Design:
- An entry is written in the same transaction that finishes its step. It says what came out (artifacts, or the
  further plan of an expanding step), not where it came from.
- A hit counts only when every file is still there and whole; otherwise the entry is dropped and the step runs.
- Forgetting goes by worth: seconds to make it again for each byte it holds, halved for every week unused. What
  is cheap to remake and large goes first. Files that a live job, one of the newest finished jobs, or an entry
  that stays refers to are never deleted, nor what was stored in the last hour (it may be on its way into a job).
- Entries go in one transaction, files after it. A job that found an entry in between sees a missing file, and
  makes it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipelines.engine import journal as j
from pipelines.engine import statements as q
from pipelines.engine.artifacts import Artifact
from pipelines.engine.journal import Journal, now
from pipelines.engine.keys import canonical_json
from pipelines.engine.store import ArtifactStore

_HALF_LIFE = 7 * 24 * 3600.0  # seconds
_DOWN_TO = 0.9  # of the limit, so that not every job has to make room

FileId = tuple[str, str]  # (sha256, suffix)


@dataclass(frozen=True)
class Hit:
    """What a key stands for: outputs, or for an expanding step its further plan and aliases."""

    outputs: dict[str, Artifact]
    plan: dict[str, Any] | None
    alias: dict[str, str]
    seconds: float


@dataclass(frozen=True)
class Room:
    """What making room did."""

    entries: int
    files: int
    bytes: int


class Cache:
    """Looks up and records results. All methods but `make_room` work inside the caller's transaction."""

    def __init__(self, journal: Journal, store: ArtifactStore) -> None:
        self._journal = journal
        self._store = store

    def find(self, connection: sa.Connection, key: str) -> Hit | None:
        row = connection.execute(q.FIND, {"key_wanted": key}).first()
        if row is None:
            return None
        said = json.loads(row.result)
        outputs = {name: Artifact(**value) for name, value in said.get("outputs", {}).items()}
        if not all(self._store.has(artifact) for artifact in outputs.values()):
            connection.execute(sa.delete(j.cache).where(j.cache.c.key == key))
            return None
        connection.execute(q.TOUCH, {"key_wanted": key, "at": now()})
        return Hit(outputs=outputs, plan=said.get("plan"), alias=said.get("alias", {}), seconds=row.seconds)

    def record(
        self, connection: sa.Connection, *, key: str, step: str, result: Mapping[str, Any], size: int, seconds: float
    ) -> None:
        row = {
            "key": key,
            "step": step,
            "result": canonical_json(result).decode(),
            "seconds": seconds,
            "bytes": size,
            "used": now(),
        }
        self._journal.insert_new(connection, j.cache, [row])

    def note_files(self, connection: sa.Connection, files: list[Artifact]) -> None:
        """Remember stored files, so that the store's size is known without reading folders."""
        rows = {
            (item.sha256, item.suffix): {
                "sha256": item.sha256, "suffix": item.suffix, "bytes": item.bytes, "created": now()
            }
            for item in files
        }  # fmt: skip
        self._journal.insert_new(connection, j.artifacts, [rows[key] for key in sorted(rows)])

    def size(self) -> int:
        """Bytes of all stored files."""
        with self._journal.read() as connection:
            return int(connection.scalar(sa.select(sa.func.sum(j.artifacts.c.bytes))) or 0)

    def make_room(self, limit: int, *, keep_jobs: int | None = 50, fresh: float = 3600.0) -> Room:
        """Forget results until the store is below `limit` bytes, if it is above; see the module's design.

        Args:
            limit: Bytes.
            keep_jobs: How many of the newest jobs keep all their files, None = all there are.
            fresh: Files stored within so many seconds are kept.
        """
        if self.size() <= limit:
            return Room(0, 0, 0)
        with self._journal.write() as connection:
            protected = self._protected(connection, keep_jobs)
            doomed, entries = self._choose(connection, limit, protected, fresh)
            for sha256, suffix in doomed:
                connection.execute(
                    sa.delete(j.artifacts).where(j.artifacts.c.sha256 == sha256, j.artifacts.c.suffix == suffix)
                )
        for sha256, suffix in doomed:
            self._store.remove(sha256, suffix)
        return Room(entries=entries, files=len(doomed), bytes=sum(doomed.values()))

    def _choose(
        self, connection: sa.Connection, limit: int, protected: set[FileId], fresh: float
    ) -> tuple[dict[FileId, int], int]:
        """Delete entries of least worth; return the files to delete with their bytes, and the count of entries."""
        at = now()
        known = connection.execute(sa.select(j.artifacts)).all()
        total = sum(row.bytes for row in known)
        free = {
            (row.sha256, row.suffix): int(row.bytes)
            for row in known
            if (row.sha256, row.suffix) not in protected and row.created <= at - fresh
        }
        rows = connection.execute(sa.select(j.cache)).all()
        files = {row.key: set(files_in(json.loads(row.result))) for row in rows}
        users: dict[FileId, int] = {}
        for found in files.values():
            for file in found:
                users[file] = users.get(file, 0) + 1
        doomed = {file: size for file, size in free.items() if file not in users}  # nobody can ask for these again
        total -= sum(doomed.values())
        entries = 0
        for row in sorted(rows, key=lambda row: _worth(row.seconds, row.bytes, at - row.used)):
            if total <= limit * _DOWN_TO:
                break
            if not files[row.key] & free.keys():
                continue  # deleting it would free nothing
            connection.execute(sa.delete(j.cache).where(j.cache.c.key == row.key))
            entries += 1
            for file in files[row.key]:
                users[file] -= 1
                if users[file] == 0 and file in free:
                    doomed[file] = free[file]
                    total -= free[file]
        return doomed, entries

    def _protected(self, connection: sa.Connection, keep_jobs: int | None) -> set[FileId]:
        live = sa.select(j.jobs.c.id).where(j.jobs.c.state.in_(("queued", "running")))
        newest = sa.select(j.jobs.c.id).order_by(j.jobs.c.submitted.desc()).limit(keep_jobs)
        kept = [row.id for query in (live, newest) for row in connection.execute(query)]
        found: set[FileId] = set()
        for row in connection.execute(
            sa.select(j.steps.c.params, j.steps.c.outputs).where(j.steps.c.job.in_(set(kept)))
        ):
            found.update(files_in(json.loads(row.params)))
            found.update(files_in(json.loads(row.outputs or "{}")))
        return found


def files_in(value: Any) -> Iterator[FileId]:
    """Digest and suffix of every artifact inside a JSON value."""
    if isinstance(value, dict):
        if "sha256" in value and "suffix" in value and "kind" in value:
            yield value["sha256"], value["suffix"]
        else:
            for item in value.values():
                yield from files_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from files_in(item)


def _worth(seconds: float, size: int, idle: float) -> float:
    return float((seconds + 0.01) / (size + 4096) * 0.5 ** (idle / _HALF_LIFE))
