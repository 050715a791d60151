"""The journal: the durable record of jobs, steps, events, cache, artifacts and workers.

Design:
- SQLAlchemy Core on SQLite (default, one machine) or PostgreSQL (clusters), the same statements on both. Never
  put the SQLite file on a network file system.
- SQLite runs in WAL with `synchronous=NORMAL`: killing processes loses nothing that was committed; a power cut
  can lose the last moments, never the file. Writers say BEGIN IMMEDIATE, so a transaction never fails half-way
  for want of the lock.
- Every transaction that changes a job locks the job's row first. On PostgreSQL that orders the writers of one
  job and rules out deadlock; on SQLite there is one writer anyway.
- A database error becomes one clear line: full disk, damaged file, no permission, busy too long.
- Times are seconds since 1970; JSON is text, canonical where it is compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from models.errors import BadInput, CorruptFile, StudioError
from pipelines.engine.store import disk_full

SCHEMA_VERSION = 1
_BUSY_MS = 30_000
_SCHEMA_LOCK = 7_310_426  # any constant; PostgreSQL advisory lock while the tables are made

metadata = sa.MetaData()

schema = sa.Table("studio_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # queued, running, done, failed, cancelled
    sa.Column("outcome", sa.String(12), nullable=False),  # failed or cancelled once decided, while steps still run
    sa.Column("plan", sa.Text, nullable=False),  # as submitted
    sa.Column("deliver", sa.Text, nullable=False),  # path in the kit -> "step.output", expansions included
    sa.Column("left", sa.Integer, nullable=False),  # steps that are waiting, ready or running
    sa.Column("last_seq", sa.Integer, nullable=False),  # number of its newest event
    sa.Column("submitted", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("error", sa.Text),  # JSON of `events.Problem`
    sa.Index("ix_jobs_submitted", "submitted"),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("models", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("guess", sa.Float, nullable=False),  # seconds it is expected to take
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("precedence", sa.Integer, nullable=False),  # minus the job's priority: lower goes first
    sa.Column("submitted", sa.Float, nullable=False),  # the job's
    sa.Column("state", sa.String(12), nullable=False),  # waiting, ready, running, done, failed, cancelled
    sa.Column("pending", sa.Integer, nullable=False),  # steps it still waits for
    sa.Column("attempt", sa.Integer, nullable=False),  # leases so far; fences `finish`
    sa.Column("failures", sa.Integer, nullable=False),  # retryable errors so far
    sa.Column("losses", sa.Integer, nullable=False),  # workers that died on it so far
    sa.Column("ready_at", sa.Float, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),  # back-off
    sa.Column("worker", sa.String(64)),
    sa.Column("node", sa.String(128)),
    sa.Column("lease_until", sa.Float),
    sa.Column("started", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("seconds", sa.Float),  # its run, without waiting
    sa.Column("fraction", sa.Float, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("cached", sa.Boolean, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),  # model calls
    sa.Column("key", sa.String(64)),
    sa.Column("outputs", sa.Text),  # JSON: name -> artifact
    sa.Column("alias", sa.Text),  # JSON: name -> "step.output", once it was expanded
    sa.Column("error", sa.Text),
    sa.Index("ix_steps_queue", "state", "precedence", "submitted", "position"),
    sa.Index("ix_steps_measured", "step", "finished"),
)

edges = sa.Table(
    "edges",
    metadata,
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("needs", sa.String(255), primary_key=True),
    sa.Column("step", sa.String(255), primary_key=True),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("step", sa.String(255), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

cache = sa.Table(
    "cache",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),  # JSON: {"outputs": ...} or {"plan": ..., "alias": ...}
    sa.Column("seconds", sa.Float, nullable=False),  # what making it took
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("used", sa.Float, nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("suffix", sa.String(12), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("node", sa.String(128), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("born", sa.Float, nullable=False),  # the process's start, against reused pids
    sa.Column("seen", sa.Float, nullable=False),
    sa.Column("models", sa.Boolean, nullable=False),  # takes steps that lease models
    sa.Column("job", sa.String(40)),  # the only job it works for
    sa.Column("warm", sa.Text, nullable=False),  # JSON: ids of the cards it has loaded
)


class Journal:
    """A connection to the journal. One per process; safe between threads."""

    def __init__(self, url: str) -> None:
        """Open, and make the tables of an empty database. `url` is SQLAlchemy's form.

        Raises `CorruptFile` for a damaged file, `BadInput` for one that a newer studio wrote.
        """
        self.url = url
        self._file = sa.engine.make_url(url).database or ""
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            Path(self._file).parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(url)
        if self.is_sqlite:
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        self._inserts: dict[str, sa.Insert] = {}
        self._writer = self._engine.execution_options(studio_write=True)
        self._make()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that may write; committed when the block ends well."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise self._mapped(error) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; never waits for writers."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise self._mapped(error) from error

    def insert_new(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows, leaving alone those whose primary key is there already."""
        if rows:
            if table.name not in self._inserts:
                self._inserts[table.name] = self._insert(table)
            connection.execute(self._inserts[table.name], rows)

    def _insert(self, table: sa.Table) -> sa.Insert:
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects import postgresql  # a third of SQLAlchemy's import time

        return postgresql.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        self._engine.dispose()

    def _make(self) -> None:
        try:
            with self._engine.begin() as connection:
                version = connection.scalar(sa.select(sa.func.max(schema.c.version)))
        except (OperationalError, ProgrammingError) as error:
            if "no such table" not in str(error) and "does not exist" not in str(error):
                raise self._mapped(error) from error
            version = None
        except DBAPIError as error:
            raise self._mapped(error) from error
        if version is None:
            with self.write() as connection:
                if not self.is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
                metadata.create_all(connection)
                self.insert_new(connection, schema, [{"version": SCHEMA_VERSION}])
        elif version > SCHEMA_VERSION:
            raise BadInput(
                f"The journal {self._file} was written by a newer studio (schema {version}).",
                hint="Update aigc-studio, or set STUDIO_HOME to another folder.",
            )

    def _mapped(self, error: DBAPIError) -> StudioError:
        text = str(error.orig).lower()
        if "disk is full" in text or "no space left" in text:
            return disk_full(Path(self._file))
        if "malformed" in text or "not a database" in text:
            return CorruptFile(
                f"The journal {self._file} is damaged.",
                hint="Move it away and start again; kits already delivered are not touched.",
            )
        if "locked" in text or "busy" in text:
            return StudioError(
                f"The journal {self._file} stayed busy for {_BUSY_MS // 1000} s.",
                hint="Is it on a network disk? Keep STUDIO_HOME on a local one.",
                retryable=True,
            )
        if "readonly" in text or "unable to open" in text:
            return BadInput(
                f"The journal {self._file} cannot be written.", hint="Check the permissions, or set STUDIO_HOME."
            )
        return StudioError(f"The journal failed: {error.orig}", hint="See the log.", retryable=True)


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("studio_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
