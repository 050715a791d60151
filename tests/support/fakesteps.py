"""Small steps for engine tests, run in real worker processes.

Address them as "tests.support.fakesteps:<name>" with `STUDIO_EXTRA_STEPS=tests.support.fakesteps`. A step that is
given `log` appends one line to that file for each run: that is how tests count runs over kills and restarts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from models.errors import AdapterFailed, BadInput
from pipelines.engine.artifacts import Artifact
from pipelines.engine.plan import Plan, PlanStep
from pipelines.engine.step import Claim, Expansion, StepContext, StepRequest, step

MODULE = "tests.support.fakesteps"


class NoiseRequest(StepRequest):
    """`inputs` are mixed into the output; `seconds` is slept in small pieces."""

    name: str
    inputs: tuple[Artifact, ...] = ()
    seconds: float = 0.0
    size: int = 0  # bytes of padding
    log: str = ""
    text: str = ""


def _log(path: str, line: str) -> None:
    """One write to a file opened for appending is atomic, so lines of several processes never mix."""
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)


def _sleep(seconds: float, context: StepContext) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.control.check()
        context.control.progress(min(1.0, 1 - left / seconds), "sleeping")
        time.sleep(min(left, 0.02))


def _noise(request: NoiseRequest, context: StepContext) -> dict[str, Artifact]:
    _log(request.log, f"start {request.name}")
    _sleep(request.seconds, context)
    content = "|".join([request.name, request.text, *(item.sha256 for item in request.inputs)]).encode()
    artifact = context.put_bytes(content + b"." * request.size, "file", ".bin", facts={"name": request.name})
    _log(request.log, f"end {request.name}")
    return {"noise": artifact}


@step(version=1, request=NoiseRequest, outputs=("noise",))
def make_noise(request: NoiseRequest, context: StepContext) -> dict[str, Artifact]:
    return _noise(request, context)


@step(version=1, request=NoiseRequest, outputs=("noise",), claim=Claim(cores=64))
def hog_cores(request: NoiseRequest, context: StepContext) -> dict[str, Artifact]:
    """Wants the whole machine."""
    return _noise(request, context)


@step(version=1, request=NoiseRequest, outputs=("noise",))
def deaf(request: NoiseRequest, context: StepContext) -> dict[str, Artifact]:
    """Never looks at its token."""
    time.sleep(request.seconds)
    return {"noise": context.put_bytes(b"deaf", "file", ".bin")}


class FailRequest(StepRequest):
    kind: str  # "retryable", "bad", "crash", "die", "out_of_space", "wrong_outputs"
    until: int = 0  # with `log`: succeed once so many runs have been logged; 0 = never
    log: str = ""


@step(version=1, request=FailRequest, outputs=("noise",))
def fail(request: FailRequest, context: StepContext) -> dict[str, Artifact]:
    _log(request.log, "fail")
    if request.until and len(Path(request.log).read_text().splitlines()) >= request.until:
        return {"noise": context.put_bytes(b"at last", "file", ".bin")}
    if request.kind == "retryable":
        raise AdapterFailed("The runtime stumbled.", hint="Try again.")
    if request.kind == "bad":
        raise BadInput("text: this cannot be set.", hint="Write something else.")
    if request.kind == "die":
        os.kill(os.getpid(), 9)
    if request.kind == "out_of_space":
        raise OSError(28, "No space left on device")
    if request.kind == "wrong_outputs":
        return {"other": context.put_bytes(b"x", "file", ".bin")}
    raise RuntimeError("tensor of a strange shape\nwith a second line")


class TellRequest(StepRequest):
    lines: tuple[str, ...]
    reports: int = 0


@step(version=1, request=TellRequest, outputs=("text",))
def tell(request: TellRequest, context: StepContext) -> dict[str, Artifact]:
    """Emits each line, and reports progress as often as it is asked to."""
    for line in request.lines:
        context.emit(line=line)
    for index in range(request.reports):
        context.control.progress(index / request.reports, "telling")
        time.sleep(0.001)
    return {"text": context.put_bytes("\n".join(request.lines).encode(), "text", ".txt")}


class SpreadRequest(StepRequest):
    count: int
    seed_input: Artifact
    log: str = ""


@step(version=1, request=SpreadRequest, outputs=("first", "last"))
def spread(request: SpreadRequest, context: StepContext) -> Expansion:
    """Expands into a chain of `count` steps."""
    _log(request.log, "spread")
    steps: list[PlanStep] = []
    before: dict[str, Any] = request.seed_input.model_dump(mode="json")
    for index in range(request.count):
        params = {"name": f"link {index}", "inputs": [before], "log": request.log}
        steps.append(PlanStep(id=f"link.{index}", step=f"{MODULE}:make_noise", version=1, params=params))
        before = {"$ref": f"link.{index}.noise"}
    plan = Plan(recipe="spread", steps=tuple(steps), deliver={"links/last.bin": f"link.{request.count - 1}.noise"})
    return Expansion(plan=plan, outputs={"first": "link.0.noise", "last": f"link.{request.count - 1}.noise"})


class AskRequest(StepRequest):
    question: str


@step(version=1, request=AskRequest, outputs=("answer",), claim=Claim(models=("text",), memory_mb=1))
def ask(request: AskRequest, context: StepContext) -> dict[str, Artifact]:
    """Leases a text model."""
    from models.text.base import Message, TextRequest

    with context.lease("text") as model:
        result = model.generate(
            TextRequest(messages=(Message(role="user", content=request.question),)), control=context.control
        )
    return {"answer": context.put_bytes(result.text.encode(), "text", ".txt")}
