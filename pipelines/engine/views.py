"""What doors see of jobs: frozen views, read from the journal in one consistent look.

Design:
- Progress of a job is its steps' progress weighted by the seconds each is expected to take.
- The time left is the larger of two bounds: what the longest chain of remaining steps takes, and what all
  remaining work takes on the machine's cores. Guesses come from the plan, measured times replace them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from models.errors import BadInput
from pipelines.engine import journal as j
from pipelines.engine.artifacts import Artifact
from pipelines.engine.events import EVENT, Event, JobState, Problem, StepState
from pipelines.engine.journal import Journal, now
from pipelines.engine.plan import Plan, PlanStep

_JOB = [column for column in j.jobs.c if column.name != "plan"]  # which may be megabytes
_KEPT_VIEWS = 200


class StepView(BaseModel):
    """One step of a job. `seconds` is its run (of a cached one: what the run took when it was made)."""

    model_config = ConfigDict(frozen=True)

    id: str
    step: str
    title: dict[str, str]
    stage: str
    state: StepState
    fraction: float  # 0..1
    note: str
    seconds: float
    expected: float  # seconds it was expected to take
    cached: bool
    models: dict[str, str]
    attempt: int
    model_calls: int
    outputs: dict[str, Artifact] = Field(default_factory=dict)
    problem: Problem | None = None


class JobView(BaseModel):
    """One job.

    Attributes:
        fraction: How much is done, 0..1.
        eta_seconds: Seconds left, or None for a job that has ended.
        model_calls: Leases of a model its steps took; 0 when everything was cached.
        error, hint: One line each, "" unless it failed; `problem` has the rest.
        created, started, finished: Seconds since 1970.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    recipe: str
    title: str
    seed: int
    priority: int
    state: JobState
    cancelling: bool
    fraction: float
    eta_seconds: float | None
    steps: tuple[StepView, ...]
    deliver: dict[str, str]
    problem: Problem | None
    created: float
    started: float | None
    finished: float | None
    last_seq: int

    @property
    def error(self) -> str:
        return self.problem.line if self.problem else ""

    @property
    def hint(self) -> str:
        return self.problem.hint if self.problem else ""

    @property
    def model_calls(self) -> int:
        return sum(step.model_calls for step in self.steps)

    @property
    def steps_run(self) -> int:
        """Steps that really ran, this time."""
        return sum(step.state == "done" and not step.cached for step in self.steps)

    @property
    def steps_cached(self) -> int:
        return sum(step.state == "done" and step.cached for step in self.steps)

    @property
    def seconds(self) -> float:
        """From its submission to its end, or until now."""
        return (self.finished or now()) - self.created

    @property
    def ended(self) -> bool:
        return self.state not in ("queued", "running")


class Reader:
    """Reads jobs and events."""

    def __init__(self, journal: Journal, *, cores: int) -> None:
        self._journal = journal
        self._cores = cores
        self._ended: dict[tuple[str, int], JobView] = {}

    def job(self, id: str) -> JobView:
        """Raises `BadInput` when there is no such job."""
        with self._journal.read() as connection:
            row = connection.execute(sa.select(*_JOB).where(j.jobs.c.id == id)).first()
            if row is None:
                raise BadInput(f"There is no job {id!r}.", hint="Run: studio jobs list")
            return self._view(connection, row)

    def jobs(self, *, limit: int, state: JobState | None) -> list[JobView]:
        """The newest jobs first."""
        query = sa.select(*_JOB).order_by(j.jobs.c.submitted.desc(), j.jobs.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(j.jobs.c.state == state)
        with self._journal.read() as connection:
            return [self._view(connection, row) for row in connection.execute(query).all()]

    def ended(self) -> list[Any]:
        """Rows (id, finished) of every job that has ended."""
        ended = j.jobs.c.state.in_(("done", "failed", "cancelled"))
        with self._journal.read() as connection:
            return list(connection.execute(sa.select(j.jobs.c.id, j.jobs.c.finished).where(ended)).all())

    def state(self, id: str) -> tuple[JobState, int]:
        """A job's state and the number of its newest event: a cheap look."""
        with self._journal.read() as connection:
            row = connection.execute(sa.select(j.jobs.c.state, j.jobs.c.last_seq).where(j.jobs.c.id == id)).first()
        if row is None:
            raise BadInput(f"There is no job {id!r}.", hint="Run: studio jobs list")
        return row.state, row.last_seq

    def events(self, id: str, *, after: int, limit: int) -> list[Event]:
        query = sa.select(j.events).where(j.events.c.job == id, j.events.c.seq > after)
        with self._journal.read() as connection:
            rows = connection.execute(query.order_by(j.events.c.seq).limit(limit)).all()
        return [_event(row) for row in rows]

    def plan(self, id: str) -> Plan:
        """The job's plan with every expansion spliced in."""
        with self._journal.read() as connection:
            row = connection.execute(sa.select(j.jobs).where(j.jobs.c.id == id)).first()
            if row is None:
                raise BadInput(f"There is no job {id!r}.", hint="Run: studio jobs list")
            rows = connection.execute(sa.select(j.steps).where(j.steps.c.job == id).order_by(j.steps.c.position)).all()
        plan = Plan.model_validate_json(row.plan)
        steps = tuple(
            PlanStep(
                id=item.id, step=item.step, version=item.version, params=json.loads(item.params),
                models=json.loads(item.models), title=json.loads(item.title), stage=item.stage, seconds=item.guess,
            )
            for item in rows
        )  # fmt: skip
        return plan.model_copy(update={"steps": steps, "deliver": json.loads(row.deliver)})

    def _view(self, connection: sa.Connection, row: Any) -> JobView:
        """An ended job does not change without a new event, so lists of old jobs cost next to nothing."""
        version = (row.id, row.last_seq)
        known = self._ended.get(version)
        if known is not None:
            return known
        view = self._read(connection, row)
        if view.ended:
            if len(self._ended) >= _KEPT_VIEWS:
                self._ended.clear()
            self._ended[version] = view
        return view

    def _read(self, connection: sa.Connection, row: Any) -> JobView:
        rows = connection.execute(sa.select(j.steps).where(j.steps.c.job == row.id).order_by(j.steps.c.position)).all()
        needs: dict[str, list[str]] = {}
        if row.state in ("queued", "running"):
            for edge in connection.execute(sa.select(j.edges).where(j.edges.c.job == row.id)):
                needs.setdefault(edge.step, []).append(edge.needs)
        steps = tuple(_step_view(item) for item in rows)
        total = sum(max(step.expected, 0.01) for step in steps)
        done = sum(max(step.expected, 0.01) * step.fraction for step in steps)
        ended = row.state not in ("queued", "running")
        return JobView(
            id=row.id,
            recipe=row.recipe,
            title=row.title,
            seed=row.seed,
            priority=row.priority,
            state=row.state,
            cancelling=row.outcome == "cancelled" and not ended,
            fraction=1.0 if row.state == "done" else min(done / total, 1.0) if total else 0.0,
            eta_seconds=None if ended else _time_left(rows, needs, cores=self._cores),
            steps=steps,
            deliver=json.loads(row.deliver),
            problem=Problem.model_validate_json(row.error) if row.error else None,
            created=row.submitted,
            started=row.started,
            finished=row.finished,
            last_seq=row.last_seq,
        )


def _event(row: Any) -> Event:
    said = {"job": row.job, "seq": row.seq, "at": row.at, "step": row.step, "kind": row.kind, **json.loads(row.data)}
    return EVENT.validate_python(said)


def _step_view(row: Any) -> StepView:
    running = row.state == "running" and row.started is not None
    return StepView(
        id=row.id,
        step=row.step,
        title=json.loads(row.title),
        stage=row.stage,
        state=row.state,
        fraction=row.fraction,
        note=row.note,
        seconds=max(0.0, now() - row.started) if running else row.seconds or 0.0,
        expected=row.guess,
        cached=row.cached,
        models=json.loads(row.models),
        attempt=row.attempt,
        model_calls=row.calls,
        outputs=json.loads(row.outputs or "{}"),
        problem=Problem.model_validate_json(row.error) if row.error else None,
    )


def _time_left(rows: Sequence[Any], needs: Mapping[str, list[str]], *, cores: int) -> float:
    """Seconds until the last step ends; see the module's design. `rows` are in topological order."""
    ends: dict[str, float] = {}
    work = 0.0
    for row in sorted(rows, key=lambda row: (row.alias is not None, row.position)):
        left = 0.0 if row.alias or row.state not in ("waiting", "ready", "running") else _seconds_left(row)
        ends[row.id] = left + max((ends.get(need, 0.0) for need in needs.get(row.id, ())), default=0.0)
        work += left * min(row.cores, cores)
    return max(max(ends.values(), default=0.0), work / cores)


def _seconds_left(row: Any) -> float:
    guess = max(float(row.guess), 0.01)
    if row.state != "running" or row.started is None:
        return guess
    ran = now() - row.started
    if row.fraction > 0.05:  # its own progress is a better guide than the guess
        return float(ran * (1 - row.fraction) / row.fraction)
    return float(max(guess - ran, guess * 0.1))
