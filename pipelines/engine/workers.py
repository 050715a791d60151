"""Where workers live: the `WorkerPool` seam and its default, local processes.

Design:
- Processes are spawned, never forked: runtimes and threads do not survive a fork.
- A worker that dies is noticed within a tenth of a second; its step goes back to the queue at once, without
  waiting for the lease to run out, and another worker takes its place.
- Settings reach workers through the environment, so that a `Settings` made by a test or a door holds there too.
- Workers get a process group of their own: Ctrl-C reaches only the parent, and a kill takes encoders they
  started with them.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Protocol

from models.errors import StepFailed, StudioError
from models.settings import Settings
from pipelines.engine.jobstore import SqlJobStore
from pipelines.engine.worker import born, node_name

_LOOK = 0.1  # seconds between looks at the processes
_MAX_RESTARTS = 50  # in a row, without one that lived for a minute
_log = logging.getLogger("aigc_studio.workers")


class WorkerPool(Protocol):
    """Starts and stops workers; the workers themselves pull their work from the job store."""

    def start(self, count: int, *, job: str | None = None) -> None: ...

    def stop(self, grace_s: float = 5.0) -> None: ...


class LocalWorkers:
    """Worker processes on this machine."""

    def __init__(self, store: SqlJobStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        self._job: str | None = None
        self._count = 0
        self._restarts = 0
        self.problem: StudioError | None = None

    @property
    def running(self) -> bool:
        return self._monitor is not None

    @property
    def pids(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(process.pid for process in self._processes.values())

    def start(self, count: int, *, job: str | None = None) -> None:
        """Start `count` workers; `job` limits them to one job. Steps of dead processes are taken back first."""
        if self._monitor is not None:
            return
        self.take_back()
        self._stopping.clear()
        self._job, self._count, self._restarts, self.problem = job, count, 0, None
        for _ in range(count):
            self._spawn()
        self._monitor = threading.Thread(target=self._watch, name="workers", daemon=True)
        self._monitor.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Ask all to stop; kill those that have not within `grace_s` seconds. Idempotent."""
        if self._monitor is None:
            return
        self._stopping.set()
        self._monitor.join()
        self._monitor = None
        with self._lock:
            processes, self._processes = self._processes, {}
        for process in processes.values():
            if process.stdin is not None:
                process.stdin.close()
        deadline = time.monotonic() + grace_s
        for id, process in processes.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill(process)
                process.wait()
            self._store.release(id, blame=False)

    def take_back(self) -> None:
        """Give back the steps of workers of this machine whose process is gone. The steps are not to blame."""
        for row in self._store.workers(node_name()):
            started = born(row.pid)
            if started == 0.0 or abs(started - row.born) > 1.0:
                self._store.release(row.id, blame=False)

    def _spawn(self) -> None:
        id = f"worker-{secrets.token_hex(4)}"
        command = [sys.executable, "-m", "pipelines.engine.worker", "--id", id, "--share", str(self._count)]
        if self._job is not None:
            command += ["--job", self._job]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=worker_environment(self._settings), start_new_session=True
        )
        with self._lock:
            self._processes[id] = process

    def _watch(self) -> None:
        """Take back the steps of dead workers and replace these."""
        born_at = time.monotonic()
        while not self._stopping.wait(_LOOK):
            with self._lock:
                dead = [(id, process) for id, process in self._processes.items() if process.poll() is not None]
                for id, _ in dead:
                    del self._processes[id]
            for id, process in dead:
                _log.warning("worker %s ended with %s", id, process.returncode)
                try:
                    self._store.release(id, blame=True)
                except StudioError as error:
                    self.problem = error
                if time.monotonic() - born_at > 60.0:
                    self._restarts = 0
                self._restarts += 1
                born_at = time.monotonic()
                if self._restarts > _MAX_RESTARTS:
                    self.problem = StepFailed("Workers end as soon as they start.", hint="See logs/worker.log.")
                    return
                self._spawn()


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
        "STUDIO_PRODUCER": settings.producer,
    }
    path = os.pathsep.join(dict.fromkeys(item for item in sys.path if item))
    return {**os.environ, **said, "PYTHONPATH": path}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and whatever it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
