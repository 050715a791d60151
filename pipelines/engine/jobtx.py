"""One transaction on one job: its steps' states, what follows from them, and the events that tell of it.

Design:
- The job's row is locked first and written once, at the end; events get their numbers from it.
- A step that ends may make others ready, complete an expanded step, or end the job. All of it happens here, in
  the same transaction, so that a killed process leaves either everything or nothing.
- A job that is going to fail or was cancelled (`outcome`) lets its running steps end and keeps what they made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from models.errors import StepFailed
from pipelines.engine import journal as j
from pipelines.engine import statements as q
from pipelines.engine.artifacts import Artifact, Ref
from pipelines.engine.events import Event, Expanded, Failed, Finished, JobEvent, JobState, Problem, StepCancelled
from pipelines.engine.journal import now
from pipelines.engine.keys import canonical_json
from pipelines.engine.plan import MAX_STEPS, Plan, PlanStep, fill_in, refs_in
from pipelines.engine.registry import find_step

ACTIVE = ("waiting", "ready", "running")


class JobTx:
    """Changes to one job inside an open transaction. Use: `with store.job_tx(job) as tx`."""

    def __init__(self, connection: sa.Connection, row: Any) -> None:
        self.connection = connection
        self.id: str = row.id
        self.state: JobState = row.state
        self.outcome: str = row.outcome
        self.left: int = row.left
        self.priority: int = row.priority
        self.submitted: float = row.submitted
        self._row = row
        self._changes: dict[str, Any] = {}
        self._events: list[Event] = []

    @classmethod
    def open(cls, connection: sa.Connection, job: str, *, wait: bool = True) -> JobTx | None:
        """Lock the job; None when there is none of that id, or when it is locked and `wait` is False."""
        row = connection.execute(q.LOCK_JOB if wait else q.LOCK_FREE_JOB, {"job_id": job}).first()
        return None if row is None else cls(connection, row)

    @property
    def deliver(self) -> dict[str, str]:
        """Path in the kit -> "step.output"."""
        found: dict[str, str] = json.loads(self._changes.get("deliver", self._row.deliver))
        return found

    def tell(self, event: Event) -> None:
        self._events.append(event)

    def close(self) -> None:
        """Write the job's row and the events. Must be called last."""
        self._settle()
        seq = int(self._row.last_seq)
        rows = []
        for number, event in enumerate(self._events, start=seq + 1):
            data = event.model_dump(mode="json", exclude={"job", "seq", "at", "step", "kind"})
            rows.append(
                {
                    "job": self.id, "seq": number, "kind": event.kind, "step": event.step, "at": now(),
                    "data": canonical_json(data).decode(),
                }
            )  # fmt: skip
        if rows:
            self.connection.execute(q.INSERT_EVENTS, rows)
        changed = {
            "state": self.state, "outcome": self.outcome, "left": self.left, "last_seq": seq + len(rows),
            **self._changes,
        }  # fmt: skip
        if any(getattr(self._row, name) != value for name, value in changed.items()):
            self.connection.execute(q.UPDATE_JOB, {"job_id": self.id, **changed})

    # Steps

    def add_steps(self, plan: Plan, *, guesses: Mapping[str, float]) -> None:
        """Put steps into the job. They wait for the steps they refer to, which are in the same plan."""
        first = self.connection.scalar(sa.select(sa.func.count()).where(j.steps.c.job == self.id)) or 0
        if first + len(plan.steps) > MAX_STEPS:
            raise StepFailed(f"The job grew beyond {MAX_STEPS} steps.", hint="Split it into several jobs.")
        rows, edges = [], []
        at = now()
        for position, item in enumerate(plan.steps, start=first):
            needs = {ref.step for ref in refs_in(item.params)}
            edges += [{"job": self.id, "needs": need, "step": item.id} for need in sorted(needs)]
            rows.append(self._new_row(item, position, len(needs), guesses.get(item.id, item.seconds), at))
        if rows:
            self.connection.execute(sa.insert(j.steps), rows)
        if edges:
            self.connection.execute(sa.insert(j.edges), edges)
        self.left += len(rows)

    def _new_row(self, item: PlanStep, position: int, pending: int, guess: float, at: float) -> dict[str, Any]:
        return {
            "job": self.id,
            "id": item.id,
            "position": position,
            "step": item.step,
            "version": item.version,
            "params": canonical_json(item.params).decode(),
            "models": canonical_json(item.models).decode(),
            "title": canonical_json(item.title).decode(),
            "stage": item.stage,
            "guess": guess,
            "cores": max(1, find_step(item.step).claim.cores),
            "precedence": -self.priority,
            "submitted": self.submitted,
            "state": "waiting" if pending else "ready",
            "pending": pending,
            "attempt": 0,
            "failures": 0,
            "losses": 0,
            "ready_at": at,
            "not_before": 0.0,
            "fraction": 0.0,
            "note": "",
            "cached": False,
            "calls": 0,
        }

    def set_step(self, id: str, **values: Any) -> None:
        self.connection.execute(sa.update(j.steps).where(j.steps.c.job == self.id, j.steps.c.id == id).values(**values))

    def done(self, id: str, outputs: Mapping[str, Artifact], *, seconds: float, cached: bool, calls: int = 0) -> None:
        """A step has its outputs; whatever waited only for it goes on."""
        said = {name: artifact.model_dump(mode="json") for name, artifact in outputs.items()}
        self.connection.execute(
            q.DONE,
            {
                "job_id": self.id,
                "step_id": id,
                "new_outputs": canonical_json(said).decode(),
                "new_seconds": seconds,
                "was_cached": cached,
                "new_calls": calls,
                "at": now(),
            },
        )
        self._drop_progress(id)
        self.left -= 1
        self.tell(Finished(job=self.id, step=id, cached=cached, seconds=seconds, outputs=said))
        self._go_on_after(id)

    def expand(self, id: str, plan: Plan, alias: Mapping[str, str], *, seconds: float, cached: bool) -> None:
        """Splice a step's further plan in: its steps are called "<id>/<their id>", the step waits for them."""
        spliced = prefixed(plan, id)
        targets = {name: f"{id}/{target}" for name, target in alias.items()}
        self.add_steps(spliced, guesses={})
        needs = sorted({_ref(target).step for target in targets.values()})
        if needs:
            self.connection.execute(sa.insert(j.edges), [{"job": self.id, "needs": need, "step": id} for need in needs])
        self.set_step(
            id, state="waiting", pending=len(needs), alias=canonical_json(targets).decode(), seconds=seconds,
            cached=cached, lease_until=None, worker=None,
        )  # fmt: skip
        self._drop_progress(id)
        if spliced.deliver:
            deliver = {**self.deliver, **spliced.deliver}
            self._changes["deliver"] = canonical_json(deliver).decode()
        self.tell(Expanded(job=self.id, step=id, steps=tuple(item.id for item in spliced.steps)))
        if self.outcome:
            self.drop_waiting()

    def failed(self, id: str, problem: Problem) -> None:
        """A step cannot be made: the job will fail, nothing new starts, what runs may end."""
        self.set_step(
            id, state="failed", error=problem.model_dump_json(), finished=now(), lease_until=None, worker=None
        )
        self._drop_progress(id)
        self.left -= 1
        self.tell(Failed(job=self.id, step=id, problem=problem))
        if not self.outcome:
            self.outcome = "failed"
            self._changes["error"] = problem.model_dump_json()
        self.drop_waiting()

    def stopped(self, id: str) -> None:
        """A running step ended because the job was cancelled or is failing."""
        self.set_step(id, state="cancelled", finished=now(), lease_until=None, worker=None)
        self._drop_progress(id)
        self.left -= 1
        self.tell(StepCancelled(job=self.id, step=id))

    def cancel(self) -> None:
        if not self.outcome:
            self.outcome = "cancelled"
        self.drop_waiting()

    def drop_waiting(self) -> None:
        """Cancel every step that does not run yet."""
        ended = self.connection.execute(
            sa.update(j.steps)
            .where(j.steps.c.job == self.id, j.steps.c.state.in_(("waiting", "ready")))
            .values(state="cancelled", finished=now())
        )
        self.left -= ended.rowcount

    def start(self) -> None:
        """The first step of the job runs."""
        if self.state == "queued":
            self.state = "running"
            self._changes["started"] = now()
            self.tell(JobEvent(job=self.id, state="running"))

    def reopen(self, **changes: Any) -> None:
        """Make an ended job a queued one again."""
        self.state, self.outcome = "queued", ""
        self._changes.update(error=None, finished=None, started=None, **changes)
        self.tell(JobEvent(job=self.id, state="queued"))

    # What follows

    def _go_on_after(self, id: str) -> None:
        waiting = [id]
        while waiting:
            needed = waiting.pop()
            moved = self.connection.execute(q.UNBLOCK, {"job_id": self.id, "step_id": needed})
            if moved.rowcount:
                waiting += self._release_waiting()

    def _release_waiting(self) -> list[str]:
        """Steps that wait for nothing any more become ready; expanded ones are done. Returns the latter."""
        self.connection.execute(q.FREE, {"job_id": self.id, "at": now()})
        whole = self.connection.execute(q.WHOLE, {"job_id": self.id}).all()
        for row in whole:
            outputs = self.resolve({name: {"$ref": ref} for name, ref in json.loads(row.alias).items()})
            said = canonical_json(outputs).decode()
            self.set_step(row.id, state="done", outputs=said, fraction=1.0, finished=now())
            self.left -= 1
            seconds = row.seconds or 0.0
            self.tell(Finished(job=self.id, step=row.id, cached=row.cached, seconds=seconds, outputs=outputs))
        return [row.id for row in whole]

    def resolve(self, params: Any) -> Any:
        """Parameters with every reference replaced by the artifact it stands for."""
        needed = {ref.step for ref in refs_in(params)}
        if not needed:
            return params
        rows = self.connection.execute(q.OUTPUTS, {"job_id": self.id, "step_ids": sorted(needed)})
        outputs = {row.id: json.loads(row.outputs or "{}") for row in rows}

        def artifact(ref: Ref) -> Any:
            found = outputs.get(ref.step, {}).get(ref.output)
            if found is None:
                raise StepFailed(f"Step {ref.step!r} made no {ref.output!r}.")
            return found

        return fill_in(params, artifact)

    def _settle(self) -> None:
        """End the job when nothing is left to do."""
        if self.left > 0 or self.state not in ("queued", "running"):
            return
        self.state = "failed" if self.outcome == "failed" else "cancelled" if self.outcome else "done"
        self._changes["finished"] = now()
        said = self._changes.get("error", self._row.error)
        problem = Problem.model_validate_json(said) if said and self.state == "failed" else None
        self.tell(JobEvent(job=self.id, state=self.state, problem=problem))

    def _drop_progress(self, id: str) -> None:
        """Progress of a step that ended is of no use to anybody, and would make up most of the journal."""
        self.connection.execute(q.DROP_PROGRESS, {"job_id": self.id, "step_id": id})


def prefixed(plan: Plan, parent: str) -> Plan:
    """The plan with every id and reference below `parent`."""

    def move(ref: Ref) -> dict[str, Any]:
        return {"$ref": f"{parent}/{ref.ref}"}

    return plan.model_copy(
        update={
            "steps": tuple(
                item.model_copy(update={"id": f"{parent}/{item.id}", "params": fill_in(item.params, move)})
                for item in plan.steps
            ),
            "deliver": {path: f"{parent}/{target}" for path, target in plan.deliver.items()},
        }
    )


def _ref(target: str) -> Ref:
    return Ref(**{"$ref": target})
