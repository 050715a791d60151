"""The step: a pure function with a typed request, a version and a resource claim.

Design:
- A step is a plain function `(request, context) -> {output name: Artifact}`, made a step by `@step`.
- Everything that decides its result is in the request (seed included) or in the models it leases; that is what
  makes the key. It reads nothing else: no clock, no environment, no network.
- Built-in and third-party steps are found by name through the entry-point group `aigc_studio.steps`; the module
  of a step is imported only when the step runs or is planned, so it must import nothing heavy at its top.
- Change what a step makes, and its `version` goes up: that is how old cache entries stop matching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from models.control import Control
from pipelines.engine.artifacts import Artifact, ArtifactKind


class StepRequest(BaseModel):
    """Base of all step requests: frozen, no unknown fields. Fields typed `Artifact` take references in a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Claim:
    """What a step needs while it runs.

    Attributes:
        cores: CPU cores it keeps busy.
        memory_mb: Working memory in MiB on top of its models.
        models: Tasks whose model it leases ("text", "speech", ...); the plan names the card for each.
    """

    cores: int = 1
    memory_mb: int = 256
    models: tuple[str, ...] = ()


class StepContext(Protocol):
    """What a running step may use of the engine."""

    @property
    def control(self) -> Control:
        """Cancel token and progress of this step. Look at `control.check()` often: cancel must take < 2 s."""
        ...

    @property
    def scratch(self) -> Path:
        """An empty folder of its own, removed when the step ends."""
        ...

    def path(self, artifact: Artifact) -> Path:
        """Where the artifact's bytes are; read only."""
        ...

    def put_file(self, path: Path, kind: ArtifactKind, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        """Move a finished file from `scratch` into the store."""
        ...

    def put_bytes(
        self, data: bytes, kind: ArtifactKind, suffix: str, *, facts: Mapping[str, Any] | None = None
    ) -> Artifact: ...

    def put_json(self, value: Any, *, facts: Mapping[str, Any] | None = None) -> Artifact:
        """Store a JSON document (canonical form). Pydantic models are dumped in JSON mode."""
        ...

    def read_json(self, artifact: Artifact) -> Any: ...

    def lease(self, task: str) -> AbstractContextManager[Any]:
        """The model the plan chose for `task`, loaded; typed by the task's protocol in `models/<task>/base.py`."""
        ...

    def emit(self, **data: Any) -> None:
        """Tell the person something before the step is done (a line of copy, a preview). JSON values only."""
        ...


RequestT = TypeVar("RequestT", bound=StepRequest)
StepFunction = Callable[[RequestT, StepContext], "Mapping[str, Artifact] | Expansion"]


@dataclass(frozen=True)
class Expansion:
    """What a step returns when the rest of the work is known only now: more steps, and what its outputs are.

    `plan` is spliced into the running job; `outputs` maps this step's output names to references into it.
    """

    plan: Any  # pipelines.engine.plan.Plan
    outputs: Mapping[str, str]  # output name -> "step.output" in `plan`


@dataclass(frozen=True)
class Step(Generic[RequestT]):
    """A registered step."""

    name: str
    version: int
    request: type[RequestT]
    outputs: tuple[str, ...]
    claim: Claim
    run: StepFunction[RequestT]

    def __call__(self, request: RequestT, context: StepContext) -> Mapping[str, Artifact] | Expansion:
        return self.run(request, context)


def step(
    *, version: int, request: type[RequestT], outputs: tuple[str, ...], claim: Claim | None = None
) -> Callable[[StepFunction[RequestT]], Step[RequestT]]:
    """Make a function a step; its name is the function's name.

    Example:
        @step(version=1, request=PaintRequest, outputs=("image",), claim=Claim(models=("backdrop",)))
        def paint(request: PaintRequest, context: StepContext) -> dict[str, Artifact]: ...
    """

    def wrap(function: StepFunction[RequestT]) -> Step[RequestT]:
        return Step(
            name=function.__name__,
            version=version,
            request=request,
            outputs=outputs,
            claim=claim or Claim(),
            run=function,
        )

    return wrap
