"""From a brief to a kit: what every door does, so that no door does it its own way.

Design:
- `MakeRequest` is the one typed request behind `studio make`, the app and the HTTP API.
- Planning checks everything a person can get wrong: the brief, its files, the models. After that only the machine
  can fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from models.catalog import Catalog
from models.errors import BadInput
from models.settings import Settings
from pipelines.engine.artifacts import Artifact, ArtifactKind
from pipelines.engine.engine import Engine
from pipelines.engine.plan import Plan
from pipelines.recipes.base import PlanContext, Recipe
from pipelines.recipes.fields import validate_brief
from pipelines.recipes.pictures import check_picture


@dataclass(frozen=True)
class MakeRequest:
    """What to make.

    Attributes:
        recipe: Name of the recipe.
        brief: The brief as read from YAML, JSON or a form.
        base: Folder that relative paths of the brief start from.
        roots: Further folders in which the brief's files may lie.
        seed: Seed of the whole job, 0 to 2**32 - 1.
        only: Parts to make; empty = all.
        models: Task -> card id, where the person chose.
    """

    recipe: str
    brief: Mapping[str, Any]
    base: Path
    roots: tuple[Path, ...] = ()
    seed: int = 0
    only: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)


@cache
def recipes() -> dict[str, Recipe]:
    """Every installed recipe by name."""
    found = (entry.load() for entry in entry_points(group="aigc_studio.recipes"))
    return {recipe.name: recipe for recipe in found}


def get_recipe(name: str) -> Recipe:
    """Raises `BadInput` naming what there is."""
    try:
        return recipes()[name]
    except KeyError:
        raise BadInput(f"There is no recipe {name!r}.", hint=f"There are: {', '.join(sorted(recipes()))}.") from None


def plan_request(request: MakeRequest, engine: Engine, catalog: Catalog, settings: Settings) -> Plan:
    """Check the request and build its plan.

    Raises:
        BadBrief: A field of the brief, or a file it names, cannot be used.
        BadInput: An unknown recipe, part or model.
        ModelMissing: The embedded models are not there; the hint is the command that brings them.
    """
    recipe = get_recipe(request.recipe)
    unknown = [part for part in request.only if part not in recipe.parts]
    if unknown:
        raise BadInput(f"--only: {recipe.name} has no part {unknown[0]!r}.", hint=f"Parts: {', '.join(recipe.parts)}.")
    for task, card_id in request.models.items():
        card = catalog.get(card_id)
        if card.task != task:
            raise BadInput(f"--model: {card_id} is for {card.task}, not {task}.", hint="See `studio models list`.")
    brief = validate_brief(recipe.brief, request.brief, base=request.base, roots=request.roots)

    def choose(task: str, *, language: str | None = None) -> str:
        return catalog.choose(task, language=language, override=request.models.get(task)).card.id

    def import_file(path: Path, kind: ArtifactKind, *, field: str) -> Artifact:
        facts: dict[str, Any] = {}
        if kind == "image":
            facts["width"], facts["height"] = check_picture(path, field=field)
        return engine.import_file(path, kind, facts=facts)

    def voices(card_id: str, language: str) -> tuple[str, ...]:
        from models.speech.kokoro import card_voices

        known = card_voices(catalog.get(card_id))
        return tuple(voice.id for voice in known if voice.language.partition("-")[0] == language)

    context = PlanContext(
        import_file=import_file,
        choose=choose,
        voices=voices,
        seed=request.seed,
        base=request.base,
        only=request.only,
        producer=settings.producer,
    )
    return recipe.plan(brief, context)
