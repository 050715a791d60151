"""Waits for one job on behalf of a door.

Design:
- Workers are started when they are first needed and stopped whatever happens.
- Cancel, by token or Ctrl-C, asks the job to stop and waits for its running steps to see it; a step that does
  not look at its token is killed after ten seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from models.control import Control
from pipelines.engine.events import Event
from pipelines.engine.views import JobView

if TYPE_CHECKING:
    from pipelines.engine.engine import Engine

_LOOK = 0.05  # seconds between looks at the job
_DRAIN = 10.0  # seconds


class Waiter:
    """One wait."""

    def __init__(
        self,
        engine: Engine,
        job_id: str,
        *,
        control: Control,
        on_event: Callable[[Event], None] | None,
        on_change: Callable[[JobView], None] | None,
    ) -> None:
        self._engine = engine
        self._job = job_id
        self._control = control
        self._on_event = on_event
        self._on_change = on_change
        self._seen = 0
        self._cancelled_at: float | None = None

    def wait(self) -> JobView:
        """Until the job has ended, or a cancelled one does not end in time."""
        engine = self._engine
        mine = False
        try:
            while not self._ended():
                if engine.workers.problem is not None:
                    raise engine.workers.problem
                if not engine.workers.running:
                    engine.workers.start(self._useful_workers(), job=self._job)
                    mine = True
                if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > _DRAIN:
                    break
        finally:
            if mine:
                engine.stop(grace_s=1.0 if self._cancelled_at is not None else 5.0)
        self._look()
        engine.make_room()
        return engine.job(self._job)

    def _ended(self) -> bool:
        """Look, wait a moment, and turn the first Ctrl-C into a cancel."""
        try:
            if self._look():
                return True
            if self._cancelled_at is not None:
                time.sleep(_LOOK)
            elif self._control.cancel.wait(_LOOK):
                self._cancel()
        except KeyboardInterrupt:
            if self._cancelled_at is not None:
                raise
            self._cancel()
        return False

    def _cancel(self) -> None:
        self._cancelled_at = time.monotonic()
        self._engine.cancel(self._job)

    def _look(self) -> bool:
        """Pass on what is new; True when the job has ended."""
        state, last = self._engine._reader.state(self._job)
        if last > self._seen:
            while events := self._engine.events(self._job, after=self._seen):
                self._seen = events[-1].seq
                if self._on_event is not None:
                    for event in events:
                        self._on_event(event)
            view = self._engine.job(self._job)
            self._control.progress(view.fraction)
            if self._on_change is not None:
                self._on_change(view)
        return state not in ("queued", "running")

    def _useful_workers(self) -> int:
        """No more workers than the job can ever use at once."""
        steps = [step for step in self._engine.job(self._job).steps if step.state in ("waiting", "ready", "running")]
        return max(1, min(self._engine.worker_count(), len(steps)))
