"""`studio doctor`: what this machine can run, and why.

Design:
- Everything is found out in `models/doctor.py`; here it is only printed.
- The exit code is 0 when the embedded default can run every task of the campaign, else 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from models.settings import Settings

if TYPE_CHECKING:
    from models.doctor import DoctorReport

NEEDED = ("text", "backdrop", "matting", "upscaling", "speech")  # tasks of the campaign recipe


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verbose", is_flag=True, help="Show what was passed over, packages and settings.")
def doctor(as_json: bool, verbose: bool) -> None:
    """Say what this machine can run, and why."""
    from models.doctor import report

    found = report(Settings.from_env())
    missing = [task.task for task in found.tasks if task.task in NEEDED and task.card is None]
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        _machine(found)
        _tasks(found, verbose=verbose)
        _sources(found)
        _licences(found)
        if verbose:
            _section("Packages", [(name, version or "not installed") for name, version in found.packages])
            _section("Settings", list(found.settings))
        if missing:
            click.echo(f"\nA campaign needs more: {', '.join(missing)}. Bring the embedded default: studio models pull")
        else:
            click.echo("\nEverything for a campaign is here: studio make campaign --example > brief.yaml")
    if missing:
        raise click.exceptions.Exit(3)


def _machine(found: DoctorReport) -> None:
    machine, disk = found.machine, found.disk
    gpus = ", ".join(f"{gpu.name} {gpu.total_mb:,} MB" for gpu in machine.gpus) or "none"
    rows = [
        ("system", f"{machine.system}, Python {machine.python}"),
        ("processor", f"{machine.processor}, {machine.cores} cores"),
        ("memory", f"{machine.memory_mb:,} MB, {machine.available_mb:,} free; models may use {machine.budget_mb:,}"),
        ("GPU", gpus + ("" if machine.gpu_usable or not machine.gpus else " (this torch cannot use it)")),
        ("disk", f"{disk.free / 1e9:,.0f} GB free; models take {disk.models / 1e9:.1f} GB in {disk.folder}"),
    ]
    _section("Machine", rows)


def _tasks(found: DoctorReport, *, verbose: bool) -> None:
    rows = []
    for task in found.tasks:
        runs = task.card or click.style("nothing", fg="yellow")
        rows.append((task.task, f"{runs}: {task.reason}" + (f" ({task.hint})" if task.hint else "")))
        if verbose:
            rows += [("", f"  not {card}: {why}") for card, why in task.passed_over]
    _section("What runs each task", rows)


def _sources(found: DoctorReport) -> None:
    words = {True: "answers", False: "does not answer", None: "not asked"}
    rows = [(item.kind, f"{words[item.answers]}{': ' if item.detail else ''}{item.detail}") for item in found.sources]
    _section("Sources", rows)


def _licences(found: DoctorReport) -> None:
    rows = [(item.card, f"{item.licence}: {item.note}") for item in found.licences if item.commercial_use != "yes"]
    _section("Licences that limit commercial use", rows)


def _section(title: str, rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    click.echo(f"\n{click.style(title, bold=True)}")
    for name, text in rows:
        click.echo(f"  {name:14} {text}")
