"""`golive probe`: look from elsewhere, and keep the list of those who may."""

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.checks import network, probes, renewal
from golive.checks.errands import Repository
from golive.checks.models import Probe
from golive.checks.remote import Refused
from golive.checks.remote import run as run_remote
from golive.checks.renewal import Renewer
from golive.kit.folders import data_folder

probe_app = typer.Typer(help="Look from elsewhere: run a remote probe, or keep the list of them.")
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
WRONG_INPUT = 3


@probe_app.callback(invoke_without_command=True)
def probe(
    context: typer.Context,
    server: Annotated[str, typer.Option(help="The address of golive, such as https://golive.example.")] = "",
    token: Annotated[
        str, typer.Option(envvar="GOLIVE_PROBE_TOKEN", help="From `golive probe add`; rather in the environment.")
    ] = "",
    folder: Annotated[Path | None, typer.Option(help="Where results wait while the server is away.")] = None,
    journeys: Annotated[
        Path | None,
        typer.Option(help="Run journeys too: a checkout of your repository here. Only its own files are ever run."),
    ] = None,
    journeys_python: Annotated[
        Path | None,
        typer.Option(help="The Python with golive-client that runs them; the checkout's .venv when left out."),
    ] = None,
    update: Annotated[
        str,
        typer.Option(
            envvar="GOLIVE_PROBE_UPDATE",
            help='How the server\'s version is installed: a command with VERSION, "off", or pip or uv when left out.',
        ),
    ] = "",
) -> None:
    """Probe for a golive elsewhere until stopped; needs outbound HTTPS only. Exit 3 when the server refuses it."""
    if context.invoked_subcommand is not None:
        return
    if not server.startswith(("https://", "http://")) or not token:
        typer.echo(
            "Give --server https://… and a token (--token or GOLIVE_PROBE_TOKEN) from `golive probe add`.", err=True
        )
        raise typer.Exit(WRONG_INPUT)
    if journeys is not None and not journeys.is_dir():
        typer.echo(f"There is no folder {journeys}; --journeys names a checkout of your repository here.", err=True)
        raise typer.Exit(WRONG_INPUT)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    typer.echo(f"probing for {server}", err=True)
    try:
        place = folder or data_folder() / "probe"
        repository = Repository(journeys.absolute(), journeys_python) if journeys is not None else None
        if run_remote(server, token, place, stop, Renewer(place, update), repository):
            renewal.begin_anew()
    except Refused as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from error


@probe_app.command()
def add(
    name: Annotated[str, typer.Argument(help="The probe's name, such as fra-1.")],
    region: Annotated[str, typer.Option(help="The region that it looks from; the name when left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Admit a probe and show its token, once. The token can do nothing but report."""
    try:
        made, token = probes.admit(name, region or name, by="cli")
    except probes.ProbeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from error
    if as_json:
        typer.echo(json.dumps({"name": made.name, "region": made.region, "token": token}))
        return
    server = os.environ.get("GOLIVE_URL", "https://YOUR-GOLIVE")
    typer.echo(f"The token of {made.name}, shown once: {token}\nOn its machine run:")
    typer.echo(f"  GOLIVE_PROBE_TOKEN={token} golive probe --server {server}")


@probe_app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Probes and how they do; exit 0 when all are at work, 1 when one is not, 2 when there is none."""
    now = timezone.now()
    found = list(Probe.objects.filter(token__revoked_at=None))
    rows = [probes.row(one, now) for one in found]
    if as_json:
        typer.echo(json.dumps(rows, default=str))
    else:
        table = Table("probe", "region", "state", "checks", "journeys", "lag", "waiting", "version")
        for row in rows:
            lag = f"{row['lag_ms']:.0f} ms" if row["lag_ms"] is not None else ""
            table.add_row(
                row["name"], row["region"], row["state"], str(row["checks"] or ""),
                "yes" if row["journeys"] else "no", lag, str(row["waiting"] or ""),
                row["version"] + (" (not the server's)" if row["outdated"] else ""),
            )  # fmt: skip
        Console().print(table)
    silent = [one for one in found if network.silence(one.seen_at, now) or one.fault]
    raise typer.Exit(2 if not found else 1 if silent else 0)


@probe_app.command()
def remove(name: Annotated[str, typer.Argument(help="The probe's name.")]) -> None:
    """Dismiss a probe: its token ends at once; what it saw stays."""
    try:
        probes.dismiss(name, by="cli")
    except probes.ProbeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from error
    typer.echo(f"{name} is dismissed.")
