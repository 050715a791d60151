"""`studio models list | pull | check | remove`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from models.errors import StudioError
from models.settings import Settings

if TYPE_CHECKING:
    from models.catalog import Catalog
    from models.sources.bring import Pulled

_MARKS = {"present": "✓", "partial": "…", "missing": "–", "corrupt": "✗"}


def _catalog() -> Catalog:
    from models.catalog import Catalog

    return Catalog(Settings.from_env())


@click.group()
def models() -> None:
    """List, pull, check and remove models."""


@models.command("list")
@click.argument("task", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fakes", is_flag=True, help="Show the fakes, too.")
def list_(task: str | None, as_json: bool, fakes: bool) -> None:
    """List model cards: what is here, what it is for, its licence."""
    catalog = _catalog()
    cards = catalog.all(task, fakes=fakes)
    states = {card.id: catalog.state(card) for card in cards}
    if as_json:
        rows = [
            {
                "id": card.id,
                "task": card.task,
                "status": states[card.id].status,
                "bytes": states[card.id].bytes_total,
                "licence": card.licence.id,
                "commercial_use": card.licence.commercial_use,
                "embedded": card.embedded,
            }
            for card in cards
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("", "model", "task", "size", "licence", "what it is"):
        table.add_column(
            column,
            overflow="fold",
            justify="right" if column == "size" else "left",
            no_wrap=column in {"model", "task", "size"},
        )
    for card in cards:
        state = states[card.id]
        licence = card.licence.id + (" [red]non-commercial[/red]" if card.non_commercial else "")
        size = f"{state.bytes_total / 1e6:,.0f} MB" if state.bytes_total else ""
        table.add_row(_MARKS[state.status], card.id, card.task, size, licence, card.title["en"])
    Console().print(table)
    click.echo("✓ here   … partly   – not here (studio models pull ID)   ✗ damaged")


@models.command()
@click.argument("names", nargs=-1, metavar="[ID or TASK]...")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def pull(names: tuple[str, ...], quiet: bool) -> None:
    """Bring models here; none named = the embedded default. Resumes where it was stopped."""
    from models.sources.bring import pull as bring_all

    if quiet:
        results = bring_all(_catalog(), names)
    elif sys.stderr.isatty():
        results = _pull_live(names)
    else:
        results = bring_all(_catalog(), names, on_done=_say_pulled)
    errors = [result.error for result in results if result.error is not None]
    if errors:
        for error in errors[:-1]:
            click.echo(f"Error  {error.message}", err=True)
        raise errors[-1]


def _pull_live(names: tuple[str, ...]) -> tuple[Pulled, ...]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from models.sources.base import Transfer
    from models.sources.bring import pull as bring_all

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, int] = {}

        def hear(transfer: Transfer) -> None:
            if transfer.card_id not in bars:
                bars[transfer.card_id] = progress.add_task(transfer.card_id, total=transfer.total or None)
            progress.update(bars[transfer.card_id], completed=transfer.done, total=transfer.total or None)  # type: ignore[arg-type]

        def done(pulled: Pulled) -> None:
            if pulled.card_id in bars:
                progress.remove_task(bars.pop(pulled.card_id))  # type: ignore[arg-type]
            _say_pulled(pulled)

        return bring_all(_catalog(), names, listener=hear, on_done=done)


def _say_pulled(pulled: Pulled) -> None:
    if pulled.state == "brought":
        from_ = ", ".join(pulled.source)
        click.echo(f"✓ {pulled.card_id}: {pulled.bytes / 1e6:,.0f} MB in {pulled.seconds:.0f} s from {from_}", err=True)
    elif pulled.state == "ready":
        click.echo(f"✓ {pulled.card_id}", err=True)
    else:
        click.echo(f"✗ {pulled.card_id}: {pulled.error}", err=True)


@models.command()
@click.argument("names", nargs=-1, metavar="[ID]...")
def check(names: tuple[str, ...]) -> None:
    """Read every byte of the models that are here and compare digests."""
    from models.sources.bring import check as check_card

    catalog = _catalog()
    here = [card for card in catalog.all(fakes=False) if catalog.state(card).status != "missing"]
    bad = []
    for card in [catalog.get(name) for name in names] or here:
        result = check_card(card, catalog)
        click.echo(f"{'✓' if result.good else '✗'} {card.id}: {result.files} files, {result.bytes / 1e6:,.0f} MB")
        for problem in result.problems:
            click.echo(f"    {problem}")
        if not result.good:
            bad.append(card.id)
    if bad:
        error = StudioError(f"Not as they should be: {', '.join(bad)}.", hint=f"studio models pull {' '.join(bad)}")
        error.exit_code = 3
        raise error


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(names: tuple[str, ...], yes: bool) -> None:
    """Delete models from this machine."""
    from models.sources.bring import remove as remove_card

    catalog = _catalog()
    cards = [catalog.get(name) for name in names]
    if not yes:
        click.confirm(f"Delete {', '.join(card.id for card in cards)}?", abort=True)
    for card in cards:
        click.echo(f"{card.id}: {remove_card(card, catalog) / 1e6:,.0f} MB freed")
