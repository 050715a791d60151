"""Where workers live: the `WorkerPool` seam and its default, local processes.

Design:
- Processes are spawned, never forked: runtimes and threads do not survive a fork.
- One worker of a machine takes the steps that lease models, the others do the rest beside it: loaded models and
  the memory budget have one owner. When another program's worker already is that owner, none is started here,
  until that one goes away.
- A worker that dies is noticed within a tenth of a second; its step goes back to the queue at once, without
  waiting for the lease to run out, and another worker takes its place. Workers that cannot even start are given
  up after a few.
- Settings reach workers through the environment, so that a `Settings` made by a test or a door holds there too.
- Workers get a process group of their own: Ctrl-C reaches only the parent, and a kill takes encoders they
  started with them.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from models.errors import StepFailed, StudioError
from models.settings import Settings
from pipelines.engine.journal import now
from pipelines.engine.machines import Places
from pipelines.engine.sqlstore import SqlJobStore
from pipelines.engine.worker import born, node_name

_LOOK = 0.1  # seconds between looks at the processes
_OWNER_LOOK = 2.0  # seconds between looks for a worker that takes model steps
_OWNER_SEEN = 20.0  # seconds within which that worker must have been seen
_YOUNG = 10.0  # seconds; a worker that ends by itself before is one that cannot start
_MAX_BAD_STARTS = 3
_LOG_BYTES = 8 * 2**20
_log = logging.getLogger("aigc_studio.workers")


class WorkerPool(Protocol):
    """Starts and stops workers; the workers themselves pull their work from the job store."""

    def start(self, count: int, *, job: str | None = None) -> None: ...

    def stop(self, grace_s: float = 5.0) -> None: ...


@dataclass(frozen=True)
class _Process:
    popen: subprocess.Popen[bytes]
    models: bool
    started: float  # monotonic seconds


class LocalWorkers:
    """Worker processes on this machine."""

    def __init__(self, store: SqlJobStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._places = Places(settings)
        self._processes: dict[str, _Process] = {}
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        self._job: str | None = None
        self._bad_starts = 0
        self.problem: StudioError | None = None  # why there will be no more workers

    @property
    def running(self) -> bool:
        return self._monitor is not None

    @property
    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(process.popen.pid for process in self._processes.values())

    def start(self, count: int, *, job: str | None = None) -> None:
        """Start `count` workers; `job` limits them to one job. Steps of dead processes are taken back first."""
        with self._starting:
            if self._monitor is not None:
                return
            self.take_back()
            self._stopping.clear()
            self._job, self._bad_starts, self.problem = job, 0, None
            self._turn_log()
            owner = not self._owned_elsewhere()
            for index in range(count):
                self._spawn(models=owner and index == 0)
            self._monitor = threading.Thread(target=self._watch, name="workers", daemon=True)
            self._monitor.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Ask all to stop; kill those that have not within `grace_s` seconds. Idempotent."""
        with self._starting:
            if self._monitor is None:
                return
            self._stopping.set()
            self._monitor.join()
            self._monitor = None
        with self._lock:
            processes, self._processes = self._processes, {}
        for process in processes.values():
            if process.popen.stdin is not None:
                process.popen.stdin.close()
        deadline = time.monotonic() + grace_s
        for id, process in processes.items():
            try:
                process.popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill(process.popen)
                process.popen.wait()
            self._release(id, blame=False)

    def take_back(self) -> None:
        """Give back the steps of workers of this machine whose process is gone. The steps are not to blame."""
        for row in self._store.workers(node_name()):
            if not _alive(row.pid, row.born):
                self._release(row.id, blame=False)

    def _release(self, id: str, *, blame: bool) -> None:
        """Give back what a worker that is gone was doing, and remove what it left lying about."""
        self._store.release(id, blame=blame)
        shutil.rmtree(self._places.scratch / id, ignore_errors=True)

    def _spawn(self, *, models: bool) -> None:
        id = f"worker-{secrets.token_hex(4)}"
        command = [sys.executable, "-m", "pipelines.engine.worker", "--id", id]
        if self._job is not None:
            command += ["--job", self._job]
        if not models:
            command.append("--no-models")
        with self._places.log.open("ab") as log:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=worker_environment(self._settings),
                start_new_session=True,
            )
        with self._lock:
            self._processes[id] = _Process(popen, models, time.monotonic())

    def _watch(self) -> None:
        """Replace workers that die, and see to it that somebody takes the model steps."""
        looked = time.monotonic()
        while self.problem is None and not self._stopping.wait(_LOOK):
            try:
                with self._lock:
                    dead = {id: item for id, item in self._processes.items() if item.popen.poll() is not None}
                    self._processes = {id: item for id, item in self._processes.items() if id not in dead}
                for id, process in dead.items():
                    self._replace(id, process)
                if time.monotonic() - looked > _OWNER_LOOK:
                    looked = time.monotonic()
                    with self._lock:
                        owner = any(process.models for process in self._processes.values())
                    if not owner and not self._owned_elsewhere():
                        self._spawn(models=True)
            except StudioError as error:  # the journal is damaged or its disk full: whoever waits must hear of it
                self.problem = error

    def _replace(self, id: str, process: _Process) -> None:
        code = process.popen.returncode
        _log.warning("worker %s ended with %s", id, code)
        self._release(id, blame=True)
        if code >= 0 and time.monotonic() - process.started < _YOUNG:
            self._bad_starts += 1
        else:
            self._bad_starts = 0
        if self._bad_starts > _MAX_BAD_STARTS:
            self.problem = StepFailed("Workers end as soon as they start.", hint=f"See {self._places.log}.")
        else:
            self._spawn(models=process.models)

    def _owned_elsewhere(self) -> bool:
        """Whether a worker of another program on this machine takes the model steps of all jobs."""
        with self._lock:
            mine = set(self._processes)
        return any(
            row.models and row.job is None and row.seen > now() - _OWNER_SEEN and _alive(row.pid, row.born)
            for row in self._store.workers(node_name())
            if row.id not in mine
        )

    def _turn_log(self) -> None:
        """Make a place for the log, and put an old one that grew large aside."""
        log = self._places.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))


def worker_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings written into it, and its import path."""
    said = {
        "STUDIO_HOME": str(settings.home),
        "STUDIO_CACHE": str(settings.cache),
        "STUDIO_OFFLINE": "1" if settings.offline else "0",
        "STUDIO_HUB_ENDPOINT": settings.hub_endpoint,
        "STUDIO_MODELSCOPE_ENDPOINT": settings.modelscope_endpoint,
        "STUDIO_MEMORY_MB": str(settings.memory_mb),
        "STUDIO_WORKERS": str(settings.workers),
        "STUDIO_FAKES": "1" if settings.fakes else "0",
        "STUDIO_ARTIFACT_GB": str(settings.artifact_gb),
        "STUDIO_JOURNAL": settings.journal,
        "STUDIO_PRODUCER": settings.producer,
    }
    path = os.pathsep.join(dict.fromkeys(item for item in sys.path if item))
    return {**os.environ, **said, "PYTHONPATH": path}


def _alive(pid: int, started: float) -> bool:
    """Whether the process of that pid is the one that started then."""
    found = born(pid)
    return found > 0 and abs(found - started) < 1.0


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and whatever it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
