"""The statements of a step's way through the store, built once.

Design:
- Building an expression costs SQLAlchemy several times what running it costs SQLite; a step passes some twenty
  statements, so these are constants with bound parameters. Rare statements stay where they are used.
- Every one runs unchanged on SQLite and PostgreSQL.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pipelines.engine.journal import cache, edges, events, jobs, steps

p = sa.bindparam
_this = (steps.c.job == p("job_id"), steps.c.id == p("step_id"))
_held = (*_this, steps.c.worker == p("holder"), steps.c.attempt == p("held_attempt"), steps.c.state == "running")

_job = sa.select(*(column for column in jobs.c if column.name != "plan")).where(jobs.c.id == p("job_id"))
LOCK_JOB = _job.with_for_update()
LOCK_FREE_JOB = _job.with_for_update(skip_locked=True)
UPDATE_JOB = sa.update(jobs).where(jobs.c.id == p("job_id"))
INSERT_EVENTS = sa.insert(events)

# Leasing

BUSY = sa.select(sa.func.count().label("steps"), sa.func.sum(steps.c.cores).label("cores")).where(
    steps.c.state == "running", steps.c.node == p("node_name")
)
CLAIM = (
    sa.update(steps)
    .where(*_this, steps.c.state == "ready", steps.c.attempt == p("old_attempt"))
    .values(
        state="running",
        worker=p("new_worker"),
        node=p("new_node"),
        attempt=p("new_attempt"),
        started=p("at"),
        lease_until=p("until"),
    )
)
OUTPUTS = sa.select(steps.c.id, steps.c.outputs).where(
    steps.c.job == p("job_id"), steps.c.id.in_(p("step_ids", expanding=True))
)

# Running

HELD = sa.select(sa.literal(1)).where(*_held)
HEARD = (
    sa.select(steps.c.worker, steps.c.attempt, steps.c.state, jobs.c.outcome)
    .join_from(steps, jobs, steps.c.job == jobs.c.id)
    .where(*_this)
)
SAME_KEY = (
    sa.select(sa.literal(1))
    .where(steps.c.state == "running", steps.c.key == p("key_wanted"))
    .where(sa.not_(sa.and_(*_this)))
    .limit(1)
)
BEGIN = sa.update(steps).where(*_this).values(key=p("new_key"), fraction=0.0, note="")
FIND = sa.select(cache).where(cache.c.key == p("key_wanted"))
TOUCH = sa.update(cache).where(cache.c.key == p("key_wanted")).values(used=p("at"))

# Finishing

DONE = (
    sa.update(steps)
    .where(*_this)
    .values(
        state="done",
        outputs=p("new_outputs"),
        seconds=p("new_seconds"),
        cached=p("was_cached"),
        calls=p("new_calls"),
        fraction=1.0,
        finished=p("at"),
        lease_until=None,
        error=None,
    )
)
DROP_PROGRESS = sa.delete(events).where(
    events.c.job == p("job_id"), events.c.step == p("step_id"), events.c.kind == "progress"
)
UNBLOCK = (
    sa.update(steps)
    .where(
        steps.c.job == p("job_id"),
        steps.c.id.in_(sa.select(edges.c.step).where(edges.c.job == p("job_id"), edges.c.needs == p("step_id"))),
        steps.c.state == "waiting",
    )
    .values(pending=steps.c.pending - 1)
)
_free = (steps.c.job == p("job_id"), steps.c.state == "waiting", steps.c.pending <= 0)
FREE = sa.update(steps).where(*_free, steps.c.alias.is_(None)).values(state="ready", ready_at=p("at"))
WHOLE = sa.select(steps.c.id, steps.c.alias, steps.c.seconds, steps.c.cached).where(*_free)


@lru_cache
def candidates(*, models: bool, one_job: bool, limit: int) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Whether any step is ready, and the first `limit` that are; parameters `at` and, for one job, `only_job`."""
    ready = [steps.c.state == "ready", steps.c.not_before <= p("at")]
    if not models:
        ready.append(steps.c.models == "{}")
    if one_job:
        ready.append(steps.c.job == p("only_job"))
    any_ready = sa.select(sa.literal(1)).where(*ready).limit(1)
    columns = (
        steps.c.job,
        steps.c.id,
        steps.c.precedence,
        steps.c.models,
        steps.c.cores,
        steps.c.ready_at,
        steps.c.attempt,
        steps.c.step,
        steps.c.version,
        steps.c.params,
    )
    order = (steps.c.precedence, steps.c.submitted, steps.c.position)
    return any_ready, sa.select(*columns).where(*ready).order_by(*order).limit(limit)
