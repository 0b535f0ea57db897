"""The command line: `golive up`, `status` and `doctor` here, everything else from the rooms' `commands.py`.

Exit codes mean the same everywhere: 0 good, 1 bad, 2 could not tell, 3 wrong input.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, cast

import typer

from golive import __version__
from golive.kit.folders import data_folder
from golive.rooms import ROOMS
from golive.up.status import as_dicts, status_of, verdict
from golive.up.table import show

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Ship, watch, respond, scale, and prove it is ready."
)
UsageError = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])  # its parent is not exported
WITHOUT_ROOMS = ("up", "status", "doctor", "--version")  # these work when the database does not


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"golive {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Options before any command."""


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def up(context: typer.Context) -> None:
    """Start everything and watch over it: --data DIR --host ADDRESS --port 8400 --ingest-port 4318."""
    # A fresh interpreter: the supervisor stays for months and should hold nothing that it does not need.
    os.execv(sys.executable, [sys.executable, "-m", "golive.up", *context.args])  # noqa: S606


@app.command()
def status(json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> int:
    """What runs, since when, with how much memory. Exit code 0 all ready, 1 not all, 2 golive is not up."""
    found, lines = status_of(data_folder())
    if json_:
        typer.echo(json.dumps({"url": found.url if found else None, "processes": as_dicts(lines)}, indent=1))
    elif found is None:
        typer.echo(f"golive has never been up on {data_folder()}; start it with: golive up")
    else:
        show(found, lines)
    return verdict(lines)


@app.command()
def doctor(json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> int:
    """Say what is wrong with this install and how to mend it."""
    command: int = importlib.import_module("golive.doctor").main(as_json=json_)
    return command


def add_rooms(word: str = "") -> None:
    """Add the rooms' commands; Django is loaded only for these.

    With the `word` that a command line begins with, rooms whose source mentions it come first, and the others
    only when none of those has the command: half the time to start.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
    importlib.import_module("django").setup()
    places = [f"golive.{room}.commands" for room in ROOMS] + ["golive.apply"]
    known = {name: spec.origin for name in places if (spec := find_spec(name)) and spec.origin}
    mentioned = [name for name, origin in known.items() if f'"{word}"' in Path(origin).read_text()]
    for name in mentioned:
        app.add_typer(importlib.import_module(name).app)
    if word not in getattr(typer.main.get_command(app), "commands", {}):
        for name in known.keys() - mentioned:
            app.add_typer(importlib.import_module(name).app)


def explain(error: Exception) -> tuple[str, int] | None:
    """One sentence and an exit code for an error that a user can do something about, or None for a bug of ours."""
    family = type(error).__module__
    text = " ".join(str(error).split())
    if type(error).__name__ == "StoreError":
        return text, 2
    if family.startswith("golive.") or isinstance(error, PermissionError | FileNotFoundError):
        return text, int(getattr(error, "exit_code", 1))
    if (family.startswith("django.db") and "no such table" in text) or "does not exist" in text:
        return f"The database is not up to date ({text}); `golive up` brings it up to date.", 2
    if family.startswith("django.db"):
        return f"The database does not answer or refused: {text}. Is DATABASE_URL right? `golive doctor` says more.", 2
    if type(error).__name__ == "ImproperlyConfigured":
        return text, 3
    return None


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    os.environ.setdefault("GOLIVE_LOG_LEVEL", "WARNING")  # people asked for an answer, not for a log
    try:
        if not words or words[0] not in WITHOUT_ROOMS:
            add_rooms("" if "--help" in words[:1] or not words else words[0])
        result = app(prog_name="golive", args=list(words), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Abort:
        print("golive: stopped; nothing more was done", file=sys.stderr)
        return 1
    except UsageError as error:
        error.show()
        return 3
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        told = explain(error)
        if told is None or "GOLIVE_DEBUG" in os.environ:
            traceback.print_exc()
            print(f"golive: this is a mistake in golive {__version__}; please report the lines above", file=sys.stderr)
            return 1
        print(f"golive: {told[0]}", file=sys.stderr)
        return told[1]


def main() -> None:
    """Entry point of `golive`."""
    os.umask(0o077)  # what a command makes in the data folder is for its owner alone
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
