"""`studio jobs list | show | cancel | retry | clean | kit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.errors import StudioError
from models.settings import Settings

if TYPE_CHECKING:
    from pipelines.engine.engine import Engine
    from pipelines.engine.views import JobView

_COLOURS = {"done": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


@contextmanager
def _engine() -> Iterator[Engine]:
    from pipelines.engine.engine import Engine

    with Engine(Settings.from_env()) as engine:
        yield engine


@click.group()
def jobs() -> None:
    """List, show, cancel, retry and clean up jobs."""


@jobs.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--state", type=click.Choice(["queued", "running", "done", "failed", "cancelled"]))
@click.option("--json", "as_json", is_flag=True)
def list_(limit: int, state: str | None, as_json: bool) -> None:
    """The newest jobs first."""
    with _engine() as engine:
        found = engine.jobs(limit=limit, state=state)  # type: ignore[arg-type]  # click has checked it
    if as_json:
        click.echo(json.dumps([_summary(job) for job in found], ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(
            "No jobs yet. Start one: studio make campaign --example > brief.yaml && studio make campaign brief.yaml"
        )
    for job in found:
        when = datetime.fromtimestamp(job.created).strftime("%m-%d %H:%M")
        click.echo(f"{job.id}  {when}  {_state(job):>20}  {job.fraction:4.0%}  {job.recipe}  {job.title}")


@jobs.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True)
def show(job_id: str, as_json: bool) -> None:
    """One job with its steps."""
    with _engine() as engine:
        job = engine.job(job_id)
    if as_json:
        click.echo(job.model_dump_json(indent=2))
        return
    click.echo(f"{job.id}  {job.recipe}  {job.title}  {_state(job)}  {job.fraction:.0%}  seed {job.seed}")
    for step in job.steps:
        mark = {"done": "✓", "failed": "✗", "running": "▸"}.get(step.state, " ")
        how = "reused" if step.cached else (f"{step.seconds:.1f} s" if step.seconds else "")
        click.echo(f"  {mark} {step.id:34} {how:>9}  {', '.join(step.models.values())}")
    if job.problem:
        click.echo(click.style(f"{job.error}", fg="red"))
        if job.hint:
            click.echo(job.hint)


@jobs.command()
@click.argument("job_id")
def cancel(job_id: str) -> None:
    """Stop a job; what is finished is kept."""
    with _engine() as engine:
        engine.cancel(job_id)
        click.echo(_state(engine.job(job_id)))


@jobs.command()
@click.argument("job_id")
@click.option("--out", type=click.Path(path_type=Path), help="Write the kit here when it is done.")
def retry(job_id: str, out: Path | None) -> None:
    """Go on with a failed or cancelled job from what is finished, and wait for it."""
    from studio.commands.progress import watch

    with _engine() as engine:
        engine.retry(job_id)
        with watch(quiet=False) as draw:
            job = engine.wait(job_id, on_change=draw)
        if job.state == "failed":
            raise StudioError(job.error, hint=job.hint)
        click.echo(_state(job))
        if out is not None and job.state == "done":
            _write_kit(engine, job_id, out)


@jobs.command()
@click.argument("job_id")
@click.argument("out", type=click.Path(path_type=Path))
def kit(job_id: str, out: Path) -> None:
    """Write the kit of a finished job into the folder OUT."""
    with _engine() as engine:
        _write_kit(engine, job_id, out)


@jobs.command()
@click.option("--days", type=click.IntRange(0), default=30, show_default=True, help="Forget jobs that ended earlier.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(days: int, yes: bool) -> None:
    """Forget old jobs and make room in the artifact store. Kits already written are not touched."""
    if not yes:
        click.confirm(f"Forget jobs that ended more than {days} days ago?", abort=True)
    with _engine() as engine:
        cleaned = engine.clean(older_than_days=days)
    click.echo(f"{len(cleaned.jobs)} jobs forgotten, {cleaned.bytes / 1e6:,.0f} MB freed")


def _write_kit(engine: Engine, job_id: str, out: Path) -> None:
    from models.catalog import Catalog
    from pipelines.export.job_kit import write_job_kit

    document = write_job_kit(engine, Catalog(engine.settings), job_id, out.absolute())
    click.echo(f"{len(document['files'])} files: {out / 'index.html'}")


def _summary(job: JobView) -> dict[str, object]:
    return {
        "id": job.id,
        "recipe": job.recipe,
        "title": job.title,
        "state": job.state,
        "fraction": round(job.fraction, 3),
        "created": job.created,
        "seconds": round(job.seconds, 1),
        "error": job.error,
    }


def _state(job: JobView) -> str:
    return click.style(job.state, fg=_COLOURS.get(job.state))
