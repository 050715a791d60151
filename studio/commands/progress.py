"""Progress of a job on a terminal: one bar for the whole, the steps now running, the time left.

Design:
- `watch` gives the callback that `Engine.run` calls with each new `JobView`; it only draws.
- Without a terminal it prints one line for each step that ends, so that logs stay readable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

OnChange = Callable[[Any], None]  # receives a pipelines.engine JobView


@contextmanager
def watch(*, quiet: bool) -> Iterator[OnChange]:
    """A context whose value is the callback to draw with."""
    if quiet:
        yield lambda view: None
    elif sys.stderr.isatty():
        with _live() as draw:
            yield draw
    else:
        yield _lines()


@contextmanager
def _live() -> Iterator[OnChange]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[left]:>7}"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Planning", total=1.0, left="")
        seen: set[str] = set()

        def draw(view: Any) -> None:
            for step in view.steps:
                if step.state == "done" and step.id not in seen and not step.cached and step.stage != "kit":
                    console.print(
                        f"  [green]✓[/green] {step.title.get('en', step.id)}  [dim]{step.seconds:.1f} s[/dim]"
                    )
                if step.state == "done":
                    seen.add(step.id)
            running = [step for step in view.steps if step.state == "running"]
            doing = " · ".join(f"{step.title.get('en', step.id)} {step.note}".strip() for step in running[:2])
            progress.update(bar, completed=view.fraction, description=doing, left=time_left(view.eta_seconds))

        yield draw


def _lines() -> OnChange:
    seen: set[str] = set()

    def draw(view: Any) -> None:
        for step in view.steps:
            if step.state == "done" and step.id not in seen:
                seen.add(step.id)
                if step.stage != "kit":
                    how = "reused" if step.cached else f"{step.seconds:.1f} s"
                    click.echo(f"[{view.fraction:4.0%}] {step.title.get('en', step.id)} ({how})", err=True)

    return draw


def time_left(seconds: float | None) -> str:
    """ "1:05" or "" when it is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
