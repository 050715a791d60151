"""A worker process: `python -m pipelines.engine.worker`. Pulls leases, runs steps, one at a time.

Design:
- It lives as long as its standard input is open: when the process that started it dies, however, it stops, and
  gives the step it was running back.
- The heartbeat is a thread of its own: four times a second it writes what the step told and looks for a cancel,
  every five seconds it renews the lease. A busy step cannot starve it of more than Python's switch interval.
- Keyboard interrupts are the parent's business and are ignored here.
- What it and the runtimes in it print goes where its parent sent it: the log.
- Nothing heavy is imported before a step asks for a model.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import platform
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models import hardware
from models.errors import BadInput, StudioError
from models.settings import Settings
from pipelines.engine.events import Problem
from pipelines.engine.jobstore import Heard, JobStore, Lease, Outcome, WorkerInfo
from pipelines.engine.journal import Journal
from pipelines.engine.machines import Machines, Places
from pipelines.engine.registry import find_step
from pipelines.engine.running import RunContext, run_step
from pipelines.engine.sqlstore import SqlJobStore
from pipelines.engine.store import ArtifactStore

_TICK = 0.25  # seconds between heartbeats that write progress or look for a cancel
_RENEW = 5.0  # seconds between renewals of the lease
_IDLE_FIRST = 0.02  # seconds between looks for work, doubling to
_IDLE_MOST = 0.1
_FINISH_TRIES = 5
_log = logging.getLogger("aigc_studio.worker")


class Heartbeat:
    """Beats for the step that is running, from a thread of its own."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()  # held during a beat: a step never ends in the middle of one
        self._current: tuple[Lease, RunContext] | None = None
        self._renewed = 0.0
        self._heard: Heard = "continue"
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, lease: Lease, context: RunContext) -> Iterator[Callable[[], Heard]]:
        """Beat until the block ends; the value tells what was heard last."""
        with self._lock:
            self._current, self._renewed, self._heard = (lease, context), time.monotonic(), "continue"
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
            self._thread.start()
        try:
            yield lambda: self._heard
        finally:
            with self._lock:
                self._current = None

    def _run(self) -> None:
        while True:
            time.sleep(_TICK)
            with self._lock:
                if self._current is not None and self._heard != "lost":
                    self._beat(*self._current)

    def _beat(self, lease: Lease, context: RunContext) -> None:
        renew = time.monotonic() - self._renewed > _RENEW
        report = context.report()
        try:
            heard = self._store.heartbeat(lease, report, renew=renew)
        except StudioError:  # the journal is busy or its disk is full; the lease outlasts several beats
            _log.exception("heartbeat of %s", lease.step_id)
            context.take_back(report)
            return
        if renew:
            self._renewed = time.monotonic()
        if heard != "continue":
            self._heard = heard
            context.token.cancel()


class Worker:
    """Runs steps until it is told to stop."""

    def __init__(
        self, store: SqlJobStore, artifacts: ArtifactStore, machines: Machines, info: WorkerInfo, settings: Settings
    ) -> None:
        self.info = info
        self._store = store
        self._artifacts = artifacts
        self._machines = machines
        self._scratch = Places(settings).scratch / info.id
        self._limit = int(settings.artifact_gb * 2**30)
        self._heartbeat = Heartbeat(store)
        self._stop = threading.Event()
        self._context: RunContext | None = None

    def stop(self) -> None:
        """Stop after giving the running step back. Safe from any thread."""
        self._stop.set()
        context = self._context
        if context is not None:
            context.token.cancel()

    def run(self) -> None:
        """Pull and run steps until `stop`."""
        idle = _IDLE_FIRST
        seen = time.monotonic()
        worked = False
        while not self._stop.is_set():
            info = dataclasses.replace(self.info, warm=self._machines.warm())
            if time.monotonic() - seen > _RENEW:
                self._store.seen(info)
                seen = time.monotonic()
            lease = self._store.lease(info)
            if lease is None:
                if worked:
                    worked = False
                    self._make_room()
                self._stop.wait(idle)
                idle = min(idle * 2, _IDLE_MOST)
                continue
            idle, worked = _IDLE_FIRST, True
            self.work(lease)

    def _make_room(self) -> None:
        """When there is nothing to do, keep the store within its limit."""
        try:
            self._store.cache.make_room(self._limit)
        except StudioError:  # housekeeping must not end a worker; the next idle moment tries again
            _log.exception("making room")

    def work(self, lease: Lease) -> None:
        """Run one leased step and write its outcome."""
        try:
            key = self._store.key(lease)
            if self._store.begin(lease, key) != "run":
                return
            step = find_step(lease.step)
            if lease.version != step.version:
                raise BadInput(
                    f"Step {lease.step_id!r} was planned for version {lease.version}; here it is {step.version}.",
                    hint="Make the plan again.",
                )
        except StudioError as error:
            self._finish(lease, Outcome(problem=Problem.of(error, step=lease.step_id)))
            return
        lease = dataclasses.replace(lease, key=key)
        context = RunContext(lease, step, self._artifacts, self._scratch / secrets.token_hex(6), self._machines.lease)
        self._context = context
        if self._stop.is_set():
            context.token.cancel()
        with self._heartbeat.beating(lease, context) as heard:
            outcome = run_step(lease, context)
        self._context = None
        if heard() == "lost":
            return
        if outcome.problem is not None and context.damaged and outcome.problem.kind == "CorruptFile":
            self._store.remake(lease, context.damaged)
            return
        stopped = outcome.problem is not None and outcome.problem.kind == "Cancelled"
        if stopped and self._stop.is_set() and heard() != "cancel":
            outcome = Outcome(again=True)
        self._finish(lease, outcome)

    def _finish(self, lease: Lease, outcome: Outcome) -> None:
        """Write the outcome; a busy journal or a full disk is given some seconds."""
        for again in range(_FINISH_TRIES):
            try:
                self._store.finish(lease, outcome)
                return
            except StudioError:
                if again == _FINISH_TRIES - 1:
                    raise
                _log.exception("finish of %s", lease.step_id)
                time.sleep(0.2 * 2**again)


def node_name() -> str:
    """This machine in the journal."""
    return platform.node() or "localhost"


def born(pid: int) -> float:
    """When a process started, in seconds since 1970; 0 when there is none of that pid."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.engine.worker")
    parser.add_argument("--id", default=f"worker-{secrets.token_hex(4)}")
    parser.add_argument("--job", default=None, help="work for this job only")
    parser.add_argument("--detached", action="store_true", help="do not stop when standard input closes")
    parser.add_argument("--no-models", action="store_true", help="leave steps that lease models to others")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    places = Places(settings)
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    artifacts = ArtifactStore(places.artifacts)
    machines = Machines(settings)
    store = SqlJobStore(Journal(places.journal_url), artifacts, machines.digest)
    info = WorkerInfo(
        id=chosen.id,
        node=node_name(),
        pid=os.getpid(),
        cores=hardware.cores(),
        models=not chosen.no_models,
        job=chosen.job,
    )
    worker = Worker(store, artifacts, machines, info, settings)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())

    def watch_parent() -> None:
        while sys.stdin.buffer.read(1):
            pass
        worker.stop()

    if not chosen.detached:
        threading.Thread(target=watch_parent, name="parent", daemon=True).start()
    store.register(info, born=born(info.pid))
    try:
        worker.run()
    finally:
        machines.close()
        store.release(info.id, blame=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
