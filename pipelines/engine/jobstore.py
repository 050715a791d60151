"""The job store's seam: what workers and doors say to it, and nothing of how it keeps it.

Design:
- Workers pull: they ask for a lease, beat while they run, and finish. The store decides who runs what.
- The same protocol serves processes of one machine and actors of a cluster; `sqlstore.py` implements it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipelines.engine.artifacts import Artifact
from pipelines.engine.events import Problem
from pipelines.engine.plan import Plan

Digests = Callable[[str], "str | None"]  # card id -> digest


Heard = Literal["continue", "cancel", "lost"]


@dataclass(frozen=True)
class WorkerInfo:
    """Who asks for work: its machine and process, the machine's cores, the cards it has loaded."""

    id: str
    node: str
    pid: int
    cores: int
    warm: tuple[str, ...] = ()
    models: bool = True  # whether it takes steps that lease models
    job: str | None = None  # the only job it works for, None = all


@dataclass(frozen=True)
class Lease:
    """The right to run one step, once. `params` have every reference replaced by its artifact."""

    job: str
    step_id: str
    step: str
    version: int
    params: dict[str, Any]
    models: dict[str, str]
    worker: str
    attempt: int
    key: str | None = None


@dataclass(frozen=True)
class Report:
    """What a running step has told since the last heartbeat."""

    fraction: float | None = None  # 0..1
    note: str = ""
    partials: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a run ended: outputs, a further plan with aliases, or a problem. `again` gives the lease back unused."""

    outputs: Mapping[str, Artifact] = field(default_factory=dict)
    plan: Plan | None = None
    alias: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    again: bool = False
    seconds: float = 0.0
    calls: int = 0
    report: Report = Report()


class JobStore(Protocol):
    """The seam that scales: the same on one machine and on a cluster."""

    def submit(self, plan: Plan, *, priority: int = 0) -> str: ...

    def lease(self, worker: WorkerInfo) -> Lease | None: ...

    def heartbeat(self, lease: Lease, report: Report, *, renew: bool) -> Heard:
        """Tell of a running step; hear "continue", "cancel" (stop, then `finish`) or "lost" (stop and forget it)."""
        ...

    def finish(self, lease: Lease, outcome: Outcome) -> bool: ...

    def release(self, worker: str, *, blame: bool) -> int: ...

    def cancel(self, job: str) -> None: ...

    def retry(self, job: str) -> None: ...
