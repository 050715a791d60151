"""The command line: `studio ...`.

Design:
- Commands are found by name and imported only when called, so that `studio --help` answers at once.
- A person sees one line and a hint; the exit code says what kind of trouble it was (0 done, 2 bad brief or
  arguments, 3 a model is missing, 4 a step failed, 130 cancelled).
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from models.errors import Cancelled, StudioError

COMMANDS = {
    "make": ("studio.commands.make:make", "Make a kit from a brief."),
    "plan": ("studio.commands.plan:plan", "Print the plan of a brief as JSON, or draw it."),
    "recipes": ("studio.commands.make:recipes", "List what can be made."),
    "jobs": ("studio.commands.jobs:jobs", "List, show, cancel, retry and clean up jobs."),
    "models": ("studio.commands.models:models", "List, pull, check and remove models."),
    "doctor": ("studio.commands.doctor:doctor", "Say what this machine can run, and why."),
    "app": ("studio.commands.app:app", "Start the studio in the browser."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}. There are: {', '.join(COMMANDS)}.")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aigc-studio", prog_name="studio")
def studio() -> None:
    """AIGC Studio: one brief in; copy, posters, voice-overs and captioned videos out."""


def main(argv: list[str] | None = None) -> None:
    """Entry point of the console script."""
    try:
        sys.exit(studio.main(args=argv, prog_name="studio", standalone_mode=False))
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Cancelled. What was finished is kept.", err=True)
        sys.exit(130)
    except StudioError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)


def show_error(error: StudioError) -> None:
    """What is wrong, a line each, and what to do about it."""
    word = "Stopped" if isinstance(error, Cancelled) else "Error"
    click.echo(f"{click.style(word, fg='red', bold=True)}  {_indented(error.message)}", err=True)
    if error.hint:
        click.echo(f"       {_indented(error.hint)}", err=True)


def _indented(text: str) -> str:
    return text.replace("\n", "\n       ")
