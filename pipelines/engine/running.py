"""Runs one leased step: request, context, models, outcome.

Design:
- The step sees only its request and its context. Its progress and partial results are collected here and
  written by the worker's heartbeat, so a step never waits for the journal.
- Every error becomes a `Problem` with one line and a hint; what is not ours goes to the worker's log in full.
- A damaged or missing input file is not the step's fault: the outcome says so, and the step that made the file
  is run again.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from models.control import CancelToken, Control
from models.errors import BadInput, Cancelled, CorruptFile, OutOfMemory, StepFailed, StudioError
from pipelines.engine.artifacts import Artifact, ArtifactKind
from pipelines.engine.events import Problem
from pipelines.engine.jobstore import Lease, Outcome, Report
from pipelines.engine.keys import canonical_json
from pipelines.engine.plan import Plan, check_plan, make_request
from pipelines.engine.registry import find_step
from pipelines.engine.step import Expansion, Step
from pipelines.engine.store import ArtifactStore, disk_errors, disk_full

_LOW_DISK = 8 * 2**20  # bytes; a failure with less than this free is put down to the full disk
_log = logging.getLogger("aigc_studio.worker")

LeaseModel = Callable[..., AbstractContextManager[Any]]  # (card_id, working_mb=, control=) -> model


class RunContext:
    """`StepContext` of a real run."""

    def __init__(self, lease: Lease, step: Step[Any], store: ArtifactStore, scratch: Path, models: LeaseModel) -> None:
        self.token = CancelToken()
        self.calls = 0
        self.damaged: list[Artifact] = []
        self._lease = lease
        self._step = step
        self._store = store
        self._scratch = scratch
        self._models = models
        self._lock = threading.Lock()
        self._told: tuple[float, str] | None = None
        self._partials: list[dict[str, Any]] = []
        self._control = Control(cancel=self.token, progress=self._progress)

    @property
    def control(self) -> Control:
        return self._control

    @property
    def scratch(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    def clear(self) -> None:
        """Remove the scratch folder, if the step asked for it."""
        if self._scratch.exists():
            shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def disk(self) -> Path:
        """The disk that a failing write was probably on."""
        return self._store.folder

    def path(self, artifact: Artifact) -> Path:
        try:
            return self._store.path(artifact)
        except CorruptFile:
            self.damaged.append(artifact)
            raise

    def put_file(self, path: Path, kind: ArtifactKind, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        return self._store.put_file(path, kind, facts=facts)

    def put_bytes(
        self, data: bytes, kind: ArtifactKind, suffix: str, *, facts: Mapping[str, Any] | None = None
    ) -> Artifact:
        return self._store.put_bytes(data, kind, suffix, facts=facts)

    def put_json(self, value: Any, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        return self._store.put_json(value, facts=facts)

    def read_json(self, artifact: Artifact) -> Any:
        return json.loads(self.path(artifact).read_bytes())

    @contextmanager
    def lease(self, task: str) -> Iterator[Any]:
        card = self._lease.models.get(task)
        if task not in self._step.claim.models or card is None:
            raise StepFailed(
                f"Step {self._step.name!r} leases a model for {task!r} without claiming it.",
                hint="Name the task in the step's Claim(models=...).",
            )
        self.calls += 1
        with self._models(card, working_mb=self._step.claim.memory_mb, control=self._control) as model:
            yield model

    def emit(self, **data: Any) -> None:
        said = json.loads(canonical_json(data))
        with self._lock:
            self._partials.append(said)

    def report(self) -> Report:
        """What was told since the last call."""
        with self._lock:
            told, self._told = self._told, None
            partials, self._partials = tuple(self._partials), []
        return Report(fraction=told[0] if told else None, note=told[1] if told else "", partials=partials)

    def take_back(self, report: Report) -> None:
        """A report could not be delivered: keep it for the next one."""
        with self._lock:
            self._partials = [*report.partials, *self._partials]
            if self._told is None and report.fraction is not None:
                self._told = (report.fraction, report.note)

    def _progress(self, fraction: float, note: str = "") -> None:
        with self._lock:
            self._told = (min(max(float(fraction), 0.0), 1.0), str(note)[:200])


def run_step(lease: Lease, context: RunContext) -> Outcome:
    """Run a leased step to its outcome. Never raises."""
    began = time.perf_counter()
    step = find_step(lease.step)
    problem: Problem | None = None
    outputs: dict[str, Artifact] = {}
    plan: Plan | None = None
    alias: dict[str, str] = {}
    try:
        request = make_request(step, lease.step_id, lease.params)
        context.control.check()
        with disk_errors(context.disk):
            result = step(request, context)
        if isinstance(result, Expansion):
            plan, alias = _checked_expansion(step, result)
        else:
            outputs = _checked_outputs(step, result)
    except StudioError as error:
        problem = _explain(error, lease, context.disk)
    except MemoryError as error:
        mapped = OutOfMemory(f"Memory ran out in step {lease.step_id!r}.", hint="Close other programs; studio doctor.")
        mapped.__cause__ = error
        problem = Problem.of(mapped, step=lease.step_id)
    except (
        Exception
    ) as error:  # the boundary to step code, built-in or third-party: one line for the person, all in the log
        _log.exception("step %s of job %s failed", lease.step_id, lease.job)
        first = (str(error).strip().splitlines() or [""])[0]
        mapped_error = StepFailed(
            f"Step {lease.step_id!r} failed: {type(error).__name__}: {first}"[:500], hint="The log has the details."
        )
        problem = _explain(mapped_error, lease, context.disk)
    finally:
        context.clear()
    return Outcome(
        outputs=outputs, plan=plan, alias=alias, problem=problem, seconds=time.perf_counter() - began,
        calls=context.calls, report=context.report(),
    )  # fmt: skip


def _explain(error: StudioError, lease: Lease, disk: Path) -> Problem:
    """A library that fails because the disk is full says all kinds of things; say the true one."""
    if not isinstance(error, (Cancelled, BadInput)):
        folder = next(folder for folder in (disk, *disk.parents) if folder.exists())
        if shutil.disk_usage(folder).free < _LOW_DISK:
            error = disk_full(folder)
    return Problem.of(error, step=lease.step_id)


def _checked_outputs(step: Step[Any], result: Any) -> dict[str, Artifact]:
    if not isinstance(result, Mapping) or not all(isinstance(value, Artifact) for value in result.values()):
        raise StepFailed(f"Step {step.name!r} did not return artifacts by name.")
    if set(result) != set(step.outputs):
        raise StepFailed(f"Step {step.name!r} returned {sorted(result)}, declared are {sorted(step.outputs)}.")
    return dict(result)


def _checked_expansion(step: Step[Any], result: Expansion) -> tuple[Plan, dict[str, str]]:
    plan: Plan = result.plan
    if set(result.outputs) != set(step.outputs):
        raise StepFailed(
            f"Step {step.name!r} expands to {sorted(result.outputs)}, declared are {sorted(step.outputs)}."
        )
    aliases = {f"outputs/{name}": target for name, target in result.outputs.items()}
    check_plan(plan.model_copy(update={"deliver": {**plan.deliver, **aliases}}))
    return plan, dict(result.outputs)
