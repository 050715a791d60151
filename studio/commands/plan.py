"""`studio plan RECIPE BRIEF`: the plan as JSON, or drawn."""

from __future__ import annotations

from pathlib import Path

import click

from models.settings import Settings


@click.command()
@click.argument("recipe")
@click.argument("brief", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0)
@click.option("--set", "settings_", multiple=True, metavar="KEY=VALUE", help="Change a field of the brief.")
@click.option("--model", "models", multiple=True, metavar="TASK=ID", help="Choose a model.")
@click.option("--only", multiple=True, metavar="PART")
@click.option("--mermaid", is_flag=True, help="Draw it as a Mermaid flowchart.")
def plan(
    recipe: str,
    brief: Path,
    seed: int,
    settings_: tuple[str, ...],
    models: tuple[str, ...],
    only: tuple[str, ...],
    mermaid: bool,
) -> None:
    """Print the plan that BRIEF makes; nothing is run."""
    from models.catalog import Catalog
    from pipelines.engine.engine import Engine
    from pipelines.engine.mermaid import mermaid as draw
    from pipelines.recipes.making import plan_request
    from studio.commands.make import read_request

    settings = Settings.from_env()
    request = read_request(recipe, brief, seed=seed, changes=settings_, models=models, only=only)
    with Engine(settings) as engine:
        made = plan_request(request, engine, Catalog(settings), settings)
    click.echo(draw(made) if mermaid else made.model_dump_json(indent=2, by_alias=True))
