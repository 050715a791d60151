"""The plan: a small graph of steps as plain JSON.

Design:
- A recipe adds steps to a `PlanBuilder`; nothing runs. Adding validates the step's parameters at once, with
  promised artifacts standing in, so that a wrong plan fails before the first model is loaded.
- Order of `steps` is a topological order: a step refers only to earlier ones.
- The models were chosen by the catalog before the plan was built; each step names the card for each task.
- `check_plan` is the gate every plan goes through, whoever wrote it: a recipe, a file, an expanding step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import BadInput
from pipelines.engine.artifacts import Artifact, Ref
from pipelines.engine.keys import canonical_json, digest
from pipelines.engine.registry import find_step
from pipelines.engine.step import Step, StepRequest

MAX_STEPS = 5_000
MAX_BYTES = 16 * 2**20  # of the plan's JSON
MAX_DELIVERED = 10_000


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


def load_plan(text: str | bytes) -> Plan:
    """Read a plan's JSON and check it. Raises `BadInput` naming what is wrong."""
    if len(text) > MAX_BYTES:
        raise BadInput(f"The plan is larger than {MAX_BYTES // 2**20} MiB.", hint="Split the work into several jobs.")
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError as error:
        raise BadInput(
            f"This is not a plan: {first_complaint(error)}", hint="Make one: studio plan RECIPE BRIEF"
        ) from error
    check_plan(plan)
    return plan


def check_plan(plan: Plan) -> None:
    """Raises `BadInput` for an unknown step or output, a circle, a dangling reference, a bad path or size."""
    if len(plan.steps) > MAX_STEPS or len(plan.deliver) > MAX_DELIVERED:
        raise BadInput(
            f"The plan has {len(plan.steps)} steps; at most {MAX_STEPS} are allowed.",
            hint="Split it into several jobs.",
        )
    if len(canonical_json(plan)) > MAX_BYTES:
        raise BadInput(f"The plan is larger than {MAX_BYTES // 2**20} MiB.", hint="Split it into several jobs.")
    outputs: dict[str, tuple[str, ...]] = {}
    later = {item.id for item in plan.steps}
    for item in plan.steps:
        step = find_step(item.step)
        if item.version != step.version:
            raise BadInput(
                f"Step {item.id!r} was planned for version {item.version} of {item.step!r}; here it is {step.version}.",
                hint="Make the plan again.",
            )
        if item.id in outputs:
            raise BadInput(f"Two steps of the plan are called {item.id!r}.", hint="Give each step its own id.")
        for ref in refs_in(item.params):
            _check_ref(ref, outputs, later, f"Step {item.id!r}")
        if missing := set(step.claim.models) - set(item.models):
            raise BadInput(f"Step {item.id!r} names no model for {sorted(missing)[0]!r}.", hint="Make the plan again.")
        check_params(step, item.id, item.params)
        outputs[item.id] = step.outputs
    for path, target in plan.deliver.items():
        _check_path(path)
        _check_ref(Ref(**{"$ref": target}), outputs, set(), f"The delivered file {path!r}")


def check_params(step: Step[Any], id: str, params: Mapping[str, Any]) -> StepRequest:
    """Validate parameters with promised artifacts standing in. Raises `BadInput` naming step and field."""
    return make_request(step, id, fill_in(params, _stand_in))


def make_request(step: Step[Any], id: str, params: Mapping[str, Any]) -> StepRequest:
    """The step's request from parameters without references."""
    try:
        request: StepRequest = step.request.model_validate(params)
    except ValidationError as error:
        raise BadInput(f"Step {id!r}: {first_complaint(error)}", hint="Check the brief, or the recipe.") from error
    return request


def refs_in(value: Any) -> Iterator[Ref]:
    """Every reference inside a JSON value."""
    if isinstance(value, Mapping):
        if value.keys() == {"$ref"}:
            yield _ref(value)
        else:
            for item in value.values():
                yield from refs_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)


def fill_in(value: Any, replace: Any) -> Any:
    """A copy of a JSON value in which every reference became `replace(ref)`."""
    if isinstance(value, Mapping):
        if value.keys() == {"$ref"}:
            return replace(_ref(value))
        return {key: fill_in(item, replace) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_in(item, replace) for item in value]
    return value


def first_complaint(error: ValidationError) -> str:
    """The first problem of a validation as one line: "field: what is wrong"."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "request"
    return f"{where}: {first['msg']}."


def _stand_in(ref: Ref) -> dict[str, Any]:
    return Artifact(sha256=digest(ref.ref), kind="file", suffix=".promised", bytes=0).model_dump(mode="json")


def _ref(value: Mapping[str, Any]) -> Ref:
    try:
        return Ref(**value)
    except (ValidationError, TypeError) as error:
        raise BadInput(f"{value.get('$ref')!r} is not a reference.", hint='Write {"$ref": "step.output"}.') from error


def _check_ref(ref: Ref, outputs: Mapping[str, tuple[str, ...]], later: set[str], who: str) -> None:
    if ref.step not in outputs:
        if ref.step in later:
            raise BadInput(
                f"{who} refers to {ref.step!r}, which does not come before it.",
                hint="Steps run in order; a step can use earlier ones only, never a circle.",
            )
        raise BadInput(f"{who} refers to {ref.step!r}, which is not in the plan.", hint="Make the plan again.")
    if ref.output not in outputs[ref.step]:
        raise BadInput(
            f"{who} refers to {ref.ref!r}, but that step makes {', '.join(outputs[ref.step])}.",
            hint="Use one of these outputs.",
        )


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    bad = not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path or "\x00" in path
    if bad or len(path) > 200 or path != str(PurePosixPath(path)):
        raise BadInput(f"{path!r} is no path inside a kit.", hint='Use forward slashes, like "posters/1.png".')


class StepHandle:
    """A planned step. `handle["png"]` is the reference to one of its outputs."""

    def __init__(self, id: str, outputs: tuple[str, ...]) -> None:
        self.id = id
        self.outputs = outputs

    def __getitem__(self, output: str) -> Ref:
        if output not in self.outputs:
            raise BadInput(f"Step {self.id!r} makes {', '.join(self.outputs)}, not {output!r}.")
        return Ref.to(self.id, output)


class PlanBuilder:
    """Builds a plan step by step, checking each step as it is added.

    Args:
        recipe: Name of the recipe.
        title: Shown to people.
        seed: Seed of the whole job.
        choose: Task -> id of the card that will run it; called once for each task that a step claims.

    Attributes:
        meta: The recipe's own JSON for the kit page; fill it before `build`.

    Example:
        builder = PlanBuilder(recipe="campaign", title="Coffee", seed=7, choose=choose)
        copy = builder.add("copy.1", step="write_copy", params={"language": "zh", ...})
        deck = builder.add("deck.1", step="deck", params={"copy": copy["copy"], ...})
        builder.deliver("copy/deck.md", deck["markdown"])
        plan = builder.build()
    """

    def __init__(
        self, *, recipe: str, title: str = "", seed: int = 0, choose: Callable[[str], str] | None = None
    ) -> None:
        self.meta: dict[str, Any] = {}
        self._recipe = recipe
        self._title = title
        self._seed = seed
        self._choose = choose
        self._steps: dict[str, PlanStep] = {}
        self._outputs: dict[str, tuple[str, ...]] = {}
        self._deliver: dict[str, str] = {}

    def add(
        self,
        id: str,
        *,
        step: str,
        params: Mapping[str, Any],
        title: Mapping[str, str] | None = None,
        stage: str = "",
        seconds: float = 1.0,
        models: Mapping[str, str] | None = None,
    ) -> StepHandle:
        """Add a step. `params` may hold JSON values, pydantic models, artifacts and references.

        Args:
            id: Unique in the plan.
            step: Registered name.
            params: The step's request.
            title: Shown to people, by language tag.
            stage: Group shown as one bar.
            seconds: Guess of its running time.
            models: Task -> card id, where the step must not use the plan's choice.

        Raises:
            BadInput: The parameters do not fit the step's request; the field is named.
            ModelMissing: No model can run a task the step claims.
        """
        found = find_step(step)
        if id in self._steps:
            raise BadInput(f"Two steps of the plan are called {id!r}.", hint="Give each step its own id.")
        plain = to_json(params)
        for ref in refs_in(plain):
            _check_ref(ref, self._outputs, set(), f"Step {id!r}")
        check_params(found, id, plain)
        try:
            planned = PlanStep(
                id=id, step=step, version=found.version, params=plain, models=self._models(found, id, models or {}),
                title=dict(title or {}), stage=stage, seconds=seconds,
            )  # fmt: skip
        except ValidationError as error:
            raise BadInput(f"Step {id!r}: {first_complaint(error)}") from error
        self._steps[id] = planned
        self._outputs[id] = found.outputs
        return StepHandle(id, found.outputs)

    def deliver(self, path: str, ref: Ref) -> None:
        """Put an output into the kit at `path` (relative, forward slashes)."""
        _check_path(path)
        _check_ref(ref, self._outputs, set(), f"The delivered file {path!r}")
        if path in self._deliver:
            raise BadInput(f"Two works of the plan go to {path!r}.", hint="Give each its own path.")
        self._deliver[path] = ref.ref

    def build(self) -> Plan:
        """The plan, checked as a whole."""
        plan = Plan(
            recipe=self._recipe, title=self._title, seed=self._seed, steps=tuple(self._steps.values()),
            deliver=self._deliver, meta=to_json(self.meta),
        )  # fmt: skip
        check_plan(plan)
        return plan

    def _models(self, step: Step[Any], id: str, given: Mapping[str, str]) -> dict[str, str]:
        chosen = {}
        for task in step.claim.models:
            if task in given:
                chosen[task] = given[task]
            elif self._choose is not None:
                chosen[task] = self._choose(task)
            else:
                raise BadInput(f"Step {id!r} needs a model for {task!r} and the plan has no chooser.")
        return chosen


def to_json(value: Any) -> Any:
    """Plain JSON of a value that may hold pydantic models, artifacts and references."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=isinstance(value, Ref))
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    return str(value) if isinstance(value, PurePath) else value
