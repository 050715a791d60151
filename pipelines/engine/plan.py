"""The plan: a small graph of steps as plain JSON.

Design:
- A recipe adds steps to a `PlanBuilder`; nothing runs. Adding validates the step's parameters at once, with
  promised artifacts standing in, so that a wrong plan fails before the first model is loaded.
- Order of `steps` is a topological order: a step refers only to earlier ones.
- The models were chosen by the catalog before the plan was built; each step names the card for each task.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class PlanStep(BaseModel):
    """One step of a plan.

    Attributes:
        id: Unique in the plan, readable: "copy.1", "poster.1.xiaohongshu".
        step: Registered name of the step.
        version: The step's version when the plan was made.
        params: The request as JSON; references as `{"$ref": "id.output"}`, artifacts as their JSON.
        models: Task -> card id, for each task of the step's claim.
        title: Shown to people, by language tag.
        stage: Group shown as one bar: "copy", "pictures", "posters", "voice", "video", "kit".
        seconds: Guess of its running time on this machine, for the time left; measured times replace it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9_./:-]{1,120}$")
    step: str
    version: int
    params: dict[str, Any]
    models: dict[str, str] = Field(default_factory=dict)
    title: dict[str, str] = Field(default_factory=dict)
    stage: str = ""
    seconds: float = Field(1.0, ge=0)


class Plan(BaseModel):
    """A job's graph.

    `deliver` maps a path inside the kit to "step.output"; `meta` is the recipe's own JSON for the kit page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    title: str = ""
    seed: int = 0
    steps: tuple[PlanStep, ...] = ()
    deliver: dict[str, str] = Field(default_factory=dict)
    meta: dict[str, Any] = Field(default_factory=dict)
