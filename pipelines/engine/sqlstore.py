"""The job store in the journal's database: submit, lease, heartbeat, finish, cancel, retry.

Design:
- Workers pull: `lease` gives a worker the next step that is ready, by priority, then a model the worker has warm,
  then age. It looks at the first 32 in line only.
- Steps that lease models go to a worker that takes them; a machine has one such worker, because loaded models
  and their memory must have one owner.
- Running steps of one machine may claim its cores together, no more; one step always runs, however large. A
  step that was passed over for 30 s because it needs more cores than are free is not passed any longer.
- A lease lasts 30 s and is renewed by heartbeat. `finish` is fenced by (job, step, worker, attempt): a worker
  that lost its lease cannot write. Outputs are content-addressed, so a second run of a step does no harm.
- A retryable error runs the step again after a back-off that doubles, with a jitter derived from job and step,
  at most three times. A step whose worker died on it five times fails: it is likely to be what kills them.
- The same key is made once: while one job makes it, a second job waits for that result.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa

from models.errors import BadInput, StepFailed
from pipelines.engine import journal as j
from pipelines.engine import statements as q
from pipelines.engine.artifacts import Artifact
from pipelines.engine.cache import Cache
from pipelines.engine.events import JobEvent, Partial, Problem, Progress, Retrying, Started
from pipelines.engine.jobstore import Digests, Heard, Lease, Outcome, Report, WorkerInfo
from pipelines.engine.jobtx import JobTx
from pipelines.engine.journal import Journal, now
from pipelines.engine.keys import canonical_json
from pipelines.engine.ordering import backoff, in_order
from pipelines.engine.plan import Plan, check_plan
from pipelines.engine.resuming import Resumer
from pipelines.engine.store import ArtifactStore

LEASE_SECONDS = 30.0
MAX_FAILURES = 3
MAX_LOSSES = 5
_LOOKAHEAD = 32  # steps looked at for a warm model or a fitting claim
_REAP_EVERY = 1.0  # seconds
_FORGET_WORKERS = 3600.0  # seconds unseen
_SAME_KEY_WAIT = 0.25  # seconds until a step looks again whether another job has made its result


class SqlJobStore:
    """`JobStore` in the journal's database."""

    def __init__(self, journal: Journal, store: ArtifactStore, digests: Digests) -> None:
        self.journal = journal
        self.cache = Cache(journal, store)
        self._reaped = 0.0
        self._idle = True  # nothing was ready at the last look
        self._resumer = Resumer(self.cache, store, digests)

    @contextmanager
    def job_tx(self, job: str) -> Iterator[JobTx]:
        """One transaction on a job. Raises `BadInput` when there is none of that id."""
        with self.journal.write() as connection:
            tx = JobTx.open(connection, job)
            if tx is None:
                raise BadInput(f"There is no job {job!r}.", hint="Run: studio jobs list")
            yield tx
            tx.close()

    # Jobs

    def submit(self, plan: Plan, *, priority: int = 0) -> str:
        """Check a plan and queue it. What the cache has is done before this returns."""
        check_plan(plan)
        job = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        guesses = self.measured(plan)
        with self.journal.write() as connection:
            connection.execute(
                sa.insert(j.jobs).values(
                    id=job, recipe=plan.recipe, title=plan.title, seed=plan.seed, priority=priority, state="queued",
                    outcome="", plan=canonical_json(plan).decode(), deliver=canonical_json(plan.deliver).decode(),
                    left=0, last_seq=0, submitted=now(),
                )
            )  # fmt: skip
            tx = JobTx.open(connection, job)
            assert tx is not None
            tx.tell(JobEvent(job=job, state="queued"))
            tx.add_steps(plan, guesses=guesses)
            self._resumer.take_from_cache(tx)
            tx.close()
        return job

    def cancel(self, job: str) -> None:
        """Ask a job to stop; running steps see it at their next heartbeat. Nothing happens to an ended job."""
        with self.job_tx(job) as tx:
            if tx.state in ("queued", "running"):
                tx.cancel()

    def retry(self, job: str) -> None:
        """Go on with an ended job: what failed, was cancelled, or has lost its files is made again.

        Raises `BadInput` while the job still runs. A job that lacks nothing stays as it is.
        """
        with self.job_tx(job) as tx:
            if tx.state in ("queued", "running"):
                raise BadInput(f"Job {job} has not ended.", hint=f"Run: studio jobs cancel {job}")
            self._resumer.retry(tx)

    def delete(self, job: str) -> None:
        """Forget an ended job. Its files stay until the store needs room. Raises `BadInput` while it runs."""
        with self.job_tx(job) as tx:
            if tx.state in ("queued", "running"):
                raise BadInput(f"Job {job} has not ended.", hint=f"Run: studio jobs cancel {job}")
            for table in (j.events, j.edges, j.steps):
                tx.connection.execute(sa.delete(table).where(table.c.job == job))
            tx.connection.execute(sa.delete(j.jobs).where(j.jobs.c.id == job))

    def measured(self, plan: Plan) -> dict[str, float]:
        """Step id -> mean seconds of the latest runs of the same step with the same models, where there were any."""
        found: dict[tuple[str, str], float | None] = {}
        with self.journal.read() as connection:
            for item in plan.steps:
                kind = (item.step, canonical_json(item.models).decode())
                if kind not in found:
                    latest = (
                        sa.select(j.steps.c.seconds)
                        .where(j.steps.c.step == kind[0], j.steps.c.models == kind[1])
                        .where(j.steps.c.state == "done", j.steps.c.cached.is_(False), j.steps.c.finished.is_not(None))
                        .order_by(j.steps.c.finished.desc())
                        .limit(20)
                        .subquery()
                    )
                    found[kind] = connection.scalar(sa.select(sa.func.avg(latest.c.seconds)))
        kinds = {item.id: found[item.step, canonical_json(item.models).decode()] for item in plan.steps}
        return {id: seconds for id, seconds in kinds.items() if seconds is not None}

    # Work

    def lease(self, worker: WorkerInfo) -> Lease | None:
        """The next step for this worker, or None."""
        self._reap()
        at = now()
        any_ready, first_ready = q.candidates(models=worker.models, one_job=worker.job is not None, limit=_LOOKAHEAD)
        which = {"at": at} if worker.job is None else {"at": at, "only_job": worker.job}
        if self._idle:  # an idle worker must not take the writers' lock
            with self.journal.read() as connection:
                if connection.execute(any_ready, which).first() is None:
                    return None
        with self.journal.write() as connection:
            rows = connection.execute(first_ready, which).all()
            self._idle = not rows
            busy = connection.execute(q.BUSY, {"node_name": worker.node}).one()
            fitting = list(in_order(rows, worker, running=busy.steps, cores=int(busy.cores or 0), at=at))
            for row in fitting:  # jobs that another worker is changing right now are left to it
                tx = JobTx.open(connection, row.job, wait=False)
                if tx is not None:
                    return self._claim(tx, row, worker)
            if fitting and (tx := JobTx.open(connection, fitting[0].job)) is not None:
                return self._claim(tx, fitting[0], worker)
        return None

    def _claim(self, tx: JobTx, row: Any, worker: WorkerInfo) -> Lease | None:
        """Take a step of a locked job, unless another worker was faster."""
        attempt = row.attempt + 1
        claim = {
            "job_id": row.job,
            "step_id": row.id,
            "old_attempt": row.attempt,
            "new_attempt": attempt,
            "new_worker": worker.id,
            "new_node": worker.node,
            "at": now(),
            "until": now() + LEASE_SECONDS,
        }
        taken = tx.connection.execute(q.CLAIM, claim)
        if taken.rowcount == 0:
            return None
        return Lease(
            job=row.job,
            step_id=row.id,
            step=row.step,
            version=row.version,
            params=tx.resolve(json.loads(row.params)),
            models=json.loads(row.models),
            worker=worker.id,
            attempt=attempt,
        )

    def key(self, lease: Lease) -> str | None:
        """The key of a leased step. Raises `BadInput` when its request is not valid."""
        return self._resumer.key(lease.step, lease.step_id, lease.params, lease.models)

    def begin(self, lease: Lease, key: str | None) -> Literal["run", "done", "later"]:
        """Before a leased step runs: is it really to be run?

        Returns "run"; "done" when its result was in the cache; "later" when the lease is lost, another job is
        making the same result, or a file it needs is damaged and is made again first.
        """
        with self.job_tx(lease.job) as tx:
            if not self._holds(tx, lease):
                return "later"
            if tx.outcome:  # cancelled or failed since the lease
                tx.stopped(lease.step_id)
                return "later"
            hit = self.cache.find(tx.connection, key) if key else None
            if hit is not None:
                tx.start()
                self._resumer.apply(tx, lease.step_id, hit)
                return "done"
            damaged = self._resumer.damaged(lease.params)
            if damaged:
                self._resumer.remake(tx, lease, damaged)
                return "later"
            this = {"job_id": lease.job, "step_id": lease.step_id}
            if key and tx.connection.execute(q.SAME_KEY, {**this, "key_wanted": key}).first() is not None:
                wait = now() + _SAME_KEY_WAIT
                tx.set_step(lease.step_id, state="ready", worker=None, lease_until=None, not_before=wait)
                return "later"
            tx.connection.execute(q.BEGIN, {**this, "new_key": key})
            tx.start()
            tx.tell(Started(job=lease.job, step=lease.step_id, worker=lease.worker, attempt=lease.attempt))
            return "run"

    def remake(self, lease: Lease, damaged: list[Artifact]) -> None:
        """A running step found damaged input files: make these again, then the step."""
        with self.job_tx(lease.job) as tx:
            if self._holds(tx, lease):
                self._resumer.remake(tx, lease, damaged)

    def heartbeat(self, lease: Lease, report: Report, *, renew: bool) -> Heard:
        """Write what the step told, renew the lease, and hear whether to go on."""
        told = report.fraction is not None or report.partials
        if not (told or renew):
            with self.journal.read() as connection:
                row = connection.execute(q.HEARD, {"job_id": lease.job, "step_id": lease.step_id}).first()
            if row is None or (row.worker, row.attempt, row.state) != (lease.worker, lease.attempt, "running"):
                return "lost"
            return "cancel" if row.outcome == "cancelled" else "continue"
        with self.job_tx(lease.job) as tx:
            if not self._holds(tx, lease):
                return "lost"
            values: dict[str, Any] = {"lease_until": now() + LEASE_SECONDS}
            if report.fraction is not None:
                values.update(fraction=report.fraction, note=report.note)
            tx.set_step(lease.step_id, **values)
            _tell(tx, lease.step_id, report)
            if renew:
                tx.connection.execute(sa.update(j.workers).where(j.workers.c.id == lease.worker).values(seen=now()))
            return "cancel" if tx.outcome == "cancelled" else "continue"

    def finish(self, lease: Lease, outcome: Outcome) -> bool:
        """Write how a run ended, and all that follows. False when the lease was lost meanwhile."""
        with self.job_tx(lease.job) as tx:
            if not self._holds(tx, lease):
                return False
            _tell(tx, lease.step_id, Report(partials=outcome.report.partials))
            if outcome.again:
                self._give_back(tx, lease.step_id)
            elif outcome.problem is not None:
                self._failed(tx, lease, outcome)
            elif outcome.plan is not None:
                said = {"plan": outcome.plan.model_dump(mode="json"), "alias": dict(outcome.alias)}
                self._remember(tx, lease, said, [], outcome.seconds)
                tx.set_step(lease.step_id, calls=outcome.calls)
                tx.expand(lease.step_id, outcome.plan, outcome.alias, seconds=outcome.seconds, cached=False)
            else:
                files = list(outcome.outputs.values())
                outputs = {name: artifact.model_dump(mode="json") for name, artifact in outcome.outputs.items()}
                self.cache.note_files(tx.connection, files)
                self._remember(tx, lease, {"outputs": outputs}, files, outcome.seconds)
                tx.done(lease.step_id, outcome.outputs, seconds=outcome.seconds, cached=False, calls=outcome.calls)
            return True

    def release(self, worker: str, *, blame: bool) -> int:
        """A worker is gone: give its steps to others. `blame` counts it against the step it was running."""
        with self.journal.read() as connection:
            held = connection.execute(
                sa.select(j.steps.c.job, j.steps.c.id).where(j.steps.c.worker == worker, j.steps.c.state == "running")
            ).all()
        for row in held:
            self._lost(row.job, row.id, worker, blame=blame)
        with self.journal.write() as connection:
            connection.execute(sa.delete(j.workers).where(j.workers.c.id == worker))
        return len(held)

    def register(self, worker: WorkerInfo, *, born: float) -> None:
        """A worker has started. `born` is its process's start, in seconds since 1970."""
        row = {
            "id": worker.id, "node": worker.node, "pid": worker.pid, "born": born, "seen": now(),
            "warm": canonical_json(worker.warm).decode(),
            "models": worker.models,
            "job": worker.job,
        }  # fmt: skip
        with self.journal.write() as connection:
            connection.execute(sa.delete(j.workers).where(j.workers.c.seen < now() - _FORGET_WORKERS))
            self.journal.insert_new(connection, j.workers, [row])

    def seen(self, worker: WorkerInfo) -> None:
        """A worker that has nothing to do is there."""
        warm = canonical_json(worker.warm).decode()
        with self.journal.write() as connection:
            connection.execute(sa.update(j.workers).where(j.workers.c.id == worker.id).values(seen=now(), warm=warm))

    def workers(self, node: str | None = None) -> list[Any]:
        """Rows of the registered workers: id, node, pid, born, seen, warm."""
        query = sa.select(j.workers) if node is None else sa.select(j.workers).where(j.workers.c.node == node)
        with self.journal.read() as connection:
            return list(connection.execute(query).all())

    # Parts

    def _remember(
        self, tx: JobTx, lease: Lease, result: Mapping[str, Any], files: list[Artifact], seconds: float
    ) -> None:
        if lease.key is not None:
            size = sum(artifact.bytes for artifact in files)
            self.cache.record(tx.connection, key=lease.key, step=lease.step, result=result, size=size, seconds=seconds)

    def _holds(self, tx: JobTx, lease: Lease) -> bool:
        """Whether the lease is still the worker's. The job's row is locked, so it stays so until the end."""
        held = {
            "job_id": lease.job,
            "step_id": lease.step_id,
            "holder": lease.worker,
            "held_attempt": lease.attempt,
        }
        return tx.connection.execute(q.HELD, held).first() is not None

    def _failed(self, tx: JobTx, lease: Lease, outcome: Outcome) -> None:
        problem = outcome.problem
        assert problem is not None
        if tx.outcome and (problem.kind == "Cancelled" or problem.retryable):
            tx.stopped(lease.step_id)
            return
        failures = 1 + int(
            tx.connection.scalar(
                sa.select(j.steps.c.failures).where(j.steps.c.job == lease.job, j.steps.c.id == lease.step_id)
            )
            or 0
        )
        if not problem.retryable or failures >= MAX_FAILURES:
            tx.failed(lease.step_id, problem)
            return
        seconds = backoff(lease.job, lease.step_id, failures)
        tx.set_step(
            lease.step_id, state="ready", failures=failures, worker=None, lease_until=None, fraction=0.0,
            not_before=now() + seconds, error=problem.model_dump_json(),
        )  # fmt: skip
        tx.tell(Retrying(job=lease.job, step=lease.step_id, problem=problem, seconds=round(seconds, 3)))

    def _give_back(self, tx: JobTx, id: str) -> None:
        if tx.outcome:
            tx.stopped(id)
        else:
            tx.set_step(id, state="ready", worker=None, lease_until=None, fraction=0.0)

    def _lost(self, job: str, id: str, worker: str, *, blame: bool, expired: bool = False) -> None:
        """The worker of a running step is gone, or (`expired`) has not renewed its lease."""
        with self.job_tx(job) as tx:
            row = tx.connection.execute(
                sa.select(j.steps.c.losses, j.steps.c.state, j.steps.c.worker, j.steps.c.lease_until).where(
                    j.steps.c.job == job, j.steps.c.id == id
                )
            ).one()
            if (row.state, row.worker) != ("running", worker) or (expired and row.lease_until >= now()):
                return
            losses = row.losses + (1 if blame else 0)
            if losses >= MAX_LOSSES and not tx.outcome:
                error = StepFailed(
                    f"{losses} workers died while running {id!r}.", hint="Perhaps memory ran out: see studio doctor."
                )
                tx.failed(id, Problem.of(error, step=id))
                return
            tx.set_step(id, losses=losses)
            self._give_back(tx, id)

    def _reap(self) -> None:
        """Take back leases that ran out. At most once a second."""
        at = now()
        if at - self._reaped < _REAP_EVERY:
            return
        self._reaped = at
        with self.journal.read() as connection:
            gone = connection.execute(
                sa.select(j.steps.c.job, j.steps.c.id, j.steps.c.worker).where(
                    j.steps.c.state == "running", j.steps.c.lease_until < at
                )
            ).all()
        for row in gone:
            self._lost(row.job, row.id, row.worker, blame=True, expired=True)


def _tell(tx: JobTx, step_id: str, report: Report) -> None:
    if report.fraction is not None:
        tx.tell(Progress(job=tx.id, step=step_id, fraction=report.fraction, note=report.note))
    for data in report.partials:
        tx.tell(Partial(job=tx.id, step=step_id, data=data))
