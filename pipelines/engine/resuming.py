"""Goes on from what is there: the cache, finished steps of an earlier run, files that were damaged since.

Design:
- All three are one idea: a step whose result is known and whole is not run. What is known is found by key;
  what is whole is found by looking at the files.
- A finished step whose files are gone is made again only if they are a result (delivered, or nothing follows
  from them) or something unfinished needs them.
- Steps' counts of what they wait for are worked out afresh from the graph, never patched, because a step that
  is undone changes them for many others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from models.errors import CorruptFile
from pipelines.engine import journal as j
from pipelines.engine.artifacts import Artifact
from pipelines.engine.cache import Cache, Hit, files_in
from pipelines.engine.events import Problem
from pipelines.engine.jobstore import Digests, Lease
from pipelines.engine.jobtx import ACTIVE, JobTx
from pipelines.engine.journal import now
from pipelines.engine.keys import step_key
from pipelines.engine.plan import Plan, make_request
from pipelines.engine.registry import find_step
from pipelines.engine.store import ArtifactStore

_REMAKES = 3  # times a step's inputs are made again before it is given up
_REMAKE_WAIT = 0.25  # seconds


class Resumer:
    """Works inside a job's transaction."""

    def __init__(self, cache: Cache, store: ArtifactStore, digests: Digests) -> None:
        self._cache = cache
        self._store = store
        self._digests = digests

    def key(self, step: str, id: str, params: Mapping[str, Any], models: Mapping[str, str]) -> str | None:
        """The key of a step whose references are all given, or None when it cannot be keyed."""
        found = find_step(step)
        return step_key(
            step=step,
            version=found.version,
            request=make_request(found, id, params),
            models={task: self._digests(card) for task, card in models.items() if task in found.claim.models},
        )

    def take_from_cache(self, tx: JobTx) -> None:
        """Finish every ready step whose result is known, until there is none."""
        tried: set[str] = set()
        while True:
            rows = tx.connection.execute(
                sa.select(j.steps.c.id, j.steps.c.step, j.steps.c.params, j.steps.c.models)
                .where(j.steps.c.job == tx.id, j.steps.c.state == "ready")
                .order_by(j.steps.c.position)
            ).all()
            new = [row for row in rows if row.id not in tried]
            if not new:
                return
            for row in new:
                tried.add(row.id)
                key = self.key(row.step, row.id, tx.resolve(json.loads(row.params)), json.loads(row.models))
                hit = self._cache.find(tx.connection, key) if key else None
                if hit is not None:
                    self.apply(tx, row.id, hit)

    def apply(self, tx: JobTx, id: str, hit: Hit) -> None:
        """Finish (or expand) a step with a result from the cache."""
        if hit.plan is not None:
            tx.expand(id, Plan.model_validate(hit.plan), hit.alias, seconds=hit.seconds, cached=True)
        else:
            tx.done(id, hit.outputs, seconds=hit.seconds, cached=True)

    def retry(self, tx: JobTx) -> None:
        """Open an ended job again if anything of it is missing."""
        rows = self._rows(tx)
        undone = self._missing(tx, rows)
        unfinished = [row.id for row in rows if row.state != "done"]
        if not undone and not unfinished:
            return
        fresh = {"failures": 0, "losses": 0, "not_before": 0.0, "error": None, "fraction": 0.0, "note": ""}
        for id in [*unfinished, *sorted(undone)]:
            tx.set_step(id, state="waiting", cached=False, worker=None, lease_until=None, **fresh)
        tx.reopen()
        self._count_again(tx)
        self.take_from_cache(tx)

    def damaged(self, params: Any) -> list[Artifact]:
        """Artifacts of a leased step's parameters whose files are not whole."""
        found = [Artifact(**item) for item in _artifacts_in(params)]
        return [artifact for artifact in found if not self._store.has(artifact)]

    def remake(self, tx: JobTx, lease: Lease, damaged: list[Artifact]) -> None:
        """Put a running step back and make its damaged input files again. Fails the step when nobody made them."""
        files = {(artifact.sha256, artifact.suffix) for artifact in damaged}
        rows = self._rows(tx)
        makers = [
            row for row in rows if row.id != lease.step_id and files & set(files_in(json.loads(row.outputs or "{}")))
        ]
        remakes = next(row.failures for row in rows if row.id == lease.step_id) + 1
        if not makers or remakes > _REMAKES:
            name = f"{damaged[0].sha256[:12]}{damaged[0].suffix}"
            error = CorruptFile(
                f"A file that step {lease.step_id!r} needs ({name}) is missing or damaged.",
                hint="Submit the brief again: the file is imported anew.",
            )
            tx.failed(lease.step_id, Problem.of(error, step=lease.step_id))
            return
        for row in makers:
            if row.state == "done":
                tx.set_step(row.id, state="waiting", fraction=0.0)
        wait = now() + _REMAKE_WAIT
        tx.set_step(lease.step_id, state="waiting", failures=remakes, worker=None, lease_until=None, not_before=wait)
        self._count_again(tx)

    def _rows(self, tx: JobTx) -> list[Any]:
        columns = (j.steps.c.id, j.steps.c.state, j.steps.c.outputs, j.steps.c.alias, j.steps.c.failures)
        return list(tx.connection.execute(sa.select(*columns).where(j.steps.c.job == tx.id)).all())

    def _missing(self, tx: JobTx, rows: list[Any]) -> set[str]:
        """Finished steps that must be made again: their files are gone, and something needs them."""
        gone = {
            row.id
            for row in rows
            if row.state == "done"
            and not all(self._store.has(Artifact(**item)) for item in json.loads(row.outputs or "{}").values())
        }
        if not gone:
            return set()
        needs: dict[str, set[str]] = {}
        for edge in tx.connection.execute(sa.select(j.edges).where(j.edges.c.job == tx.id)):
            needs.setdefault(edge.step, set()).add(edge.needs)
        inner = {need for found in needs.values() for need in found}
        wanted = {row.id for row in rows} - inner | {target.rpartition(".")[0] for target in tx.deliver.values()}
        look = [row.id for row in rows if row.state != "done"] + sorted(gone & wanted)
        undone: set[str] = gone & wanted
        while look:
            for need in needs.get(look.pop(), set()) & gone - undone:
                undone.add(need)
                look.append(need)
        return undone

    def _count_again(self, tx: JobTx) -> None:
        """Work out what every unfinished step waits for, which are ready, and how many are left."""
        states = {row.id: row for row in self._rows(tx)}
        pending = {id: 0 for id, row in states.items() if row.state in ("waiting", "ready")}
        for edge in tx.connection.execute(sa.select(j.edges).where(j.edges.c.job == tx.id)):
            if edge.step in pending and states[edge.needs].state != "done":
                pending[edge.step] += 1
        for id, count in pending.items():
            # An expanded step that waits for nothing would be done, so it always waits here.
            state = "waiting" if count or states[id].alias else "ready"
            tx.set_step(id, state=state, pending=count, ready_at=now())
        tx.left = sum(row.state in ACTIVE for row in states.values())


def _artifacts_in(value: Any) -> list[dict[str, Any]]:
    """Every artifact inside a JSON value, as JSON."""
    if isinstance(value, dict):
        if value.keys() >= {"sha256", "suffix", "kind", "bytes"}:
            return [value]
        return [found for item in value.values() for found in _artifacts_in(item)]
    if isinstance(value, list):
        return [found for item in value for found in _artifacts_in(item)]
    return []
