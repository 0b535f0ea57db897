"""The command line: `golive up` here, everything else from the rooms' `commands.py`."""

import os
import sys
from importlib import import_module

import django
import typer

from golive.rooms import modules

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Ship, watch, respond, scale, and prove it is ready."
)


def main() -> None:
    """Entry point of `golive`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
    django.setup()
    for _, module in modules("commands"):
        app.add_typer(module.app)
    app.add_typer(import_module("golive.apply").app)  # it needs the models, so Django first
    app(prog_name="golive", args=sys.argv[1:])
