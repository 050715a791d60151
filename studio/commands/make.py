"""`studio make` and `studio recipes`.

Design:
- The command is a thin door: arguments become one `MakeRequest`; the engine does the rest.
- On a terminal progress is drawn live; otherwise one plain line for each finished step.
- `--json` keeps standard output for one object at the end; everything else goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.errors import BadInput, Cancelled, StudioError
from models.settings import Settings

if TYPE_CHECKING:
    from pipelines.recipes.making import MakeRequest


@click.command()
def recipes() -> None:
    """List what can be made."""
    from pipelines.recipes.making import recipes as installed

    for name, recipe in sorted(installed().items()):
        click.echo(f"{click.style(name, bold=True):24} {recipe.summary['en']}\n{'':16} {recipe.summary['zh']}")
        click.echo(f"{'':16} parts: {', '.join(recipe.parts)}\n{'':16} studio make {name} --example > brief.yaml")


@click.command(context_settings={"show_default": True})
@click.argument("recipe")
@click.argument("brief", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the kit.  [default: ./kits/BRIEF]", show_default=False
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Same seed, same kit.")
@click.option("--set", "settings_", multiple=True, metavar="KEY=VALUE", help="Change a field: --set product.price=¥12.")
@click.option(
    "--model", "models", multiple=True, metavar="TASK=ID", help="Choose a model: --model text=qwen2.5-coder-0.5b."
)
@click.option("--only", multiple=True, metavar="PART", help="Make only this part; may be given again.")
@click.option("--example", is_flag=True, help="Print a sample brief that runs as it is.")
@click.option("--schema", is_flag=True, help="Print the brief's JSON Schema.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="en", help="Language of --example.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object last.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def make(
    recipe: str,
    brief: Path | None,
    out: Path | None,
    seed: int,
    settings_: tuple[str, ...],
    models: tuple[str, ...],
    only: tuple[str, ...],
    example: bool,
    schema: bool,
    lang: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a kit of RECIPE from BRIEF (a YAML or JSON file, or - for standard input)."""
    from pipelines.recipes.making import get_recipe

    found = get_recipe(recipe)
    if example:
        click.echo(found.example(lang), nl=False)
        return
    if schema:
        click.echo(json.dumps(found.brief.model_json_schema(), ensure_ascii=False, indent=2))
        return
    if brief is None:
        raise click.UsageError(f"Which brief? `studio make {recipe} --example > brief.yaml` writes one.")
    request = read_request(recipe, brief, seed=seed, changes=settings_, models=models, only=only)
    target = out or Path("kits") / (brief.stem if str(brief) != "-" else recipe)
    result, error = _make(request, target.absolute(), quiet=quiet or as_json)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    if error is not None:
        raise error
    if result["state"] == "cancelled":
        raise Cancelled("Cancelled.", hint="What was finished is kept; the same command goes on from there.")
    if not (as_json or quiet):
        _say_done(result, target)


def read_request(
    recipe: str,
    brief: Path,
    *,
    seed: int = 0,
    changes: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
) -> MakeRequest:
    """Arguments -> request. Raises `BadInput` naming the argument or the field."""
    import yaml

    from pipelines.recipes.fields import BriefPathChanges, parse_brief, set_field
    from pipelines.recipes.making import MakeRequest

    data = parse_brief(_read(brief))
    paths = BriefPathChanges(Path.cwd())
    for item in changes:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise BadInput(f"--set {item}: not KEY=VALUE.", hint="Example: --set product.price=¥12")
        try:
            value = (
                yaml.safe_load(text)
                if text[:1] in "[{" or text in {"true", "false", "null"} or text.isdigit()
                else text
            )
        except yaml.YAMLError:
            raise BadInput(f"--set {key}: the value is not valid YAML.", hint="Quote it.") from None
        set_field(data, key, paths.absolute(key, value))
    chosen: dict[str, str] = {}
    for item in models:
        task, equals, card = item.partition("=")
        if not equals:
            raise BadInput(f"--model {item}: not TASK=ID.", hint="Example: --model text=qwen2.5-coder-0.5b")
        chosen[task] = card
    base = Path.cwd() if str(brief) == "-" else brief.absolute().parent
    return MakeRequest(recipe=recipe, brief=data, base=base, roots=paths.roots, seed=seed, only=only, models=chosen)


def _read(brief: Path) -> bytes:
    if str(brief) == "-":
        return sys.stdin.buffer.read()
    try:
        return brief.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{brief}: there is no such brief.", hint="`studio make RECIPE --example` prints one.") from None
    except OSError as error:
        raise BadInput(f"{brief}: cannot be read ({error.strerror}).") from None


def _make(request: MakeRequest, out: Path, *, quiet: bool) -> tuple[dict[str, Any], StudioError | None]:
    """Make the kit. Returns what `--json` prints and, for a failed job, the error to end with."""
    from models.catalog import Catalog
    from models.control import CancelToken, Control
    from pipelines.engine.engine import Engine
    from pipelines.export.job_kit import check_out, write_job_kit
    from pipelines.recipes.making import plan_request
    from studio.commands.progress import watch

    started = time.monotonic()
    settings = Settings.from_env()
    catalog = Catalog(settings)
    check_out(out)
    with Engine(settings) as engine:
        plan = plan_request(request, engine, catalog, settings)
        token = CancelToken()
        with watch(quiet=quiet) as on_change:
            job = engine.run(plan, control=Control(cancel=token), on_change=on_change)
        result: dict[str, Any] = {
            "job": job.id,
            "state": job.state,
            "kit": "",
            "seconds": 0.0,
            "steps": {"run": job.steps_run, "cached": job.steps_cached},
            "model_calls": job.model_calls,
            "files": [],
        }
        if job.state == "done":
            kit = write_job_kit(engine, catalog, job.id, out)
            result["kit"] = str(out)
            result["files"] = [{key: item[key] for key in ("path", "kind", "sha256")} for item in kit["files"]]
            result["needs_review"] = kit["needs_review"]
    result["seconds"] = round(time.monotonic() - started, 2)
    if job.problem is None or job.state != "failed":
        return result, None
    result["error"] = {"message": job.error, "hint": job.hint}
    error = StudioError(job.error, hint=f"{job.hint}\nGo on from what is finished: studio jobs retry {job.id}".strip())
    error.exit_code = job.problem.exit_code
    return result, error


def _say_done(result: dict[str, Any], out: Path) -> None:
    steps = result["steps"]
    click.echo(
        f"{click.style('Done', fg='green', bold=True)} in {result['seconds']:.1f} s: {len(result['files'])} files "
        f"({steps['run']} steps made, {steps['cached']} reused, {result['model_calls']} model calls)"
    )
    for review in result["needs_review"]:
        for flag in review["flags"]:
            click.echo(
                click.style(f"Please check {review['audience']} · {flag['field']}: {flag['reason']['en']}", fg="yellow")
            )
    click.echo(f"Kit: {out / 'index.html'}")
