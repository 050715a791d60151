"""What happened in a job, as typed, frozen, numbered events.

Design:
- Events are rows of the journal: a door that was closed and opened again reads on from the last number it saw.
- `seq` counts from 1 within a job without gaps in writing; progress events of a finished step are thinned out
  afterwards, so a reader must only rely on the order.
- At most four progress events a second and step are written; partial results are all kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.errors import StudioError

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
StepState = Literal["waiting", "ready", "running", "done", "failed", "cancelled"]


class Problem(BaseModel):
    """An error as it is kept and shown: one line, what to do, and what the command line exits with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: str
    hint: str = ""
    kind: str = "StepFailed"  # class name in models/errors.py
    exit_code: int = 4
    retryable: bool = False
    step: str = ""  # id of the step it happened in

    @classmethod
    def of(cls, error: StudioError, *, step: str = "") -> Problem:
        line = " ".join(error.message.replace("\x00", " ").split())
        return cls(
            line=line,
            hint=error.hint.replace("\x00", " "),
            kind=type(error).__name__,
            exit_code=error.exit_code,
            retryable=error.retryable,
            step=step,
        )


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    job: str
    seq: int = 0
    at: float = 0.0  # seconds since 1970
    step: str = ""  # id of the step, "" for events of the whole job


class JobEvent(_Event):
    """The job as a whole changed state; `queued` is written when it is submitted."""

    kind: Literal["job"] = "job"
    state: JobState
    problem: Problem | None = None


class Started(_Event):
    kind: Literal["started"] = "started"
    worker: str = ""
    attempt: int = 1


class Progress(_Event):
    kind: Literal["progress"] = "progress"
    fraction: float  # 0..1
    note: str = ""


class Partial(_Event):
    """Something to show before the step is done: what the step gave to `emit`."""

    kind: Literal["partial"] = "partial"
    data: dict[str, Any]


class Finished(_Event):
    kind: Literal["finished"] = "finished"
    cached: bool = False
    seconds: float = 0.0
    outputs: dict[str, Any] = Field(default_factory=dict)  # name -> artifact JSON


class Expanded(_Event):
    """A step returned more steps; they are part of the job now."""

    kind: Literal["expanded"] = "expanded"
    steps: tuple[str, ...] = ()


class Failed(_Event):
    kind: Literal["failed"] = "failed"
    problem: Problem


class Retrying(_Event):
    kind: Literal["retrying"] = "retrying"
    problem: Problem
    seconds: float = 0.0  # until the next attempt


class StepCancelled(_Event):
    kind: Literal["cancelled"] = "cancelled"


Event = Annotated[
    JobEvent | Started | Progress | Partial | Finished | Expanded | Failed | Retrying | StepCancelled,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
