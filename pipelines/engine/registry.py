"""Finds steps by name.

Design:
- Built-in and third-party steps come through the entry-point group `aigc_studio.steps`; a step's module is
  imported when the step is first planned or run, never before.
- `STUDIO_EXTRA_STEPS` names modules (comma-separated) whose steps may also be addressed as
  "package.module:attribute". It is how tests and experiments bring steps without being installed; it is an
  environment variable so that it reaches worker processes. A plan alone can never make a module be imported.
"""

from __future__ import annotations

import difflib
import importlib
import os
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from models.errors import BadInput, StepFailed
from pipelines.engine.step import Step

GROUP = "aigc_studio.steps"
EXTRA = "STUDIO_EXTRA_STEPS"


def step_names() -> tuple[str, ...]:
    """Names of the installed steps."""
    return tuple(sorted(_installed()))


def find_step(name: str) -> Step[Any]:
    """The step of that name. Raises `BadInput` when there is none, `StepFailed` when it cannot be imported."""
    module, colon, attribute = name.partition(":")
    extra = {item.strip() for item in os.environ.get(EXTRA, "").split(",") if item.strip()}
    if colon and module in extra:
        return _load(EntryPoint(name=name, value=f"{module}:{attribute}", group=GROUP))
    entry = _installed().get(name)
    if entry is None:
        close = difflib.get_close_matches(name, _installed(), n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Steps: {', '.join(step_names())}."
        raise BadInput(f"There is no step {name!r}.", hint=hint)
    return _load(entry)


@lru_cache(maxsize=1)
def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@lru_cache(maxsize=512)
def _load(entry: EntryPoint) -> Step[Any]:
    try:
        found: Any = importlib.import_module(entry.module)
        for part in entry.attr.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise StepFailed(
            f"Step {entry.name!r} cannot be imported from {entry.value!r}: {error}.",
            hint="Reinstall the package that brings it.",
        ) from error
    if not isinstance(found, Step):
        raise StepFailed(f"{entry.value!r} is not a step.", hint="Decorate the function with @step.")
    return found
