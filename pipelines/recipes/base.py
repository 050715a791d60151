"""What a recipe is: it turns a brief into a plan.

Design:
- A recipe is found by name through the entry-point group `aigc_studio.recipes`.
- The brief is one pydantic model; its JSON Schema draws forms, its errors name fields, its sample runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from pipelines.engine.plan import Plan


@dataclass(frozen=True)
class PlanContext:
    """What a recipe may use while planning.

    Attributes:
        import_file: Checks a file given by a person, puts it into the artifact store.
        choose: Task and language -> id of the card that will run it; raises `ModelMissing`.
        voices: Id of a speech card, language -> ids of its voices; empty = not known before it is loaded.
        seed: Seed of the whole job.
        base: Folder that relative paths of the brief start from.
        only: Parts asked for ("copy", "posters", "voice", "video"); empty = all.
        producer: Operator's code for AIGC labels; empty = not registered.
    """

    import_file: Any  # Callable[[Path, ArtifactKind], Artifact], keyword `field` names it in errors
    choose: Any  # Callable[..., str]
    voices: Callable[[str, str], tuple[str, ...]] = lambda card_id, language: ()
    seed: int = 0
    base: Path = Path()
    only: tuple[str, ...] = ()
    producer: str = ""


@runtime_checkable
class Recipe(Protocol):
    """A way to make a kit."""

    name: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    parts: tuple[str, ...]
    brief: type[BaseModel]

    def example(self, language: str = "en") -> str:
        """A commented sample brief (YAML) that runs as it is."""
        ...

    def plan(self, brief: BaseModel, context: PlanContext) -> Plan:
        """Raises `BadInput` naming the field when a file of the brief cannot be used."""
        ...
