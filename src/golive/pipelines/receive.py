"""`golive ship remote` and the hooks that it writes: a push is checked, begins a run, and sees its log."""

import getpass
import os
import signal
import sys
from typing import Annotated

import typer

from golive.people import audit
from golive.people.choice import choose
from golive.pipelines import remote, terminal
from golive.pipelines.models import Run
from golive.pipelines.outcome import State
from golive.pipelines.watching import watch

app = typer.Typer()
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]


@app.command("remote")
def make_remote(project: Slug = None) -> None:
    """Make the project's own git remote (or write its hooks anew), and say how to push to it."""
    chosen = choose(project)
    place = remote.ensure(chosen)
    audit.record("cli", "remote.ensure", chosen.slug, project=chosen)
    host = os.uname().nodename
    typer.echo(f"On this machine:  git remote add golive {place}")
    typer.echo(f"From another:     git remote add golive ssh://{getpass.getuser()}@{host}{place}")
    typer.echo("Then:             git push golive main          (or a pull request: git push golive HEAD:pr/NAME)")


@app.command("hook", hidden=True)
def hook(name: Annotated[str, typer.Argument()], project: Slug = None) -> None:
    """What git calls when somebody pushes."""
    chosen = choose(project)
    pushed = remote.updates(sys.stdin.read())
    if name == "pre-receive":
        refused = [reason for update in pushed if (reason := remote.refusal(update, chosen))]
        for reason in refused:
            typer.echo(f"golive: {reason}", err=True)
        raise typer.Exit(1 if refused else 0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # who pushed has gone: the run goes on without a reader
    for variable in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[variable]
    by = os.environ.get("SSH_ORIGINAL_USER") or getpass.getuser()
    for update in pushed:
        if run := remote.begin(update, chosen, by):
            audit.record(by, "push", update.ref, project=chosen, commit=update.new, run=run.number)
            show(run)


def show(run: Run) -> None:
    """The run's log to who pushed, until it is over; interrupting it stops only the watching."""
    typer.echo(f"golive: {run.branch} is run #{run.number}; stop watching with Ctrl-C, it goes on")
    watch(run, lambda text, style: typer.echo(text))
    run.refresh_from_db()
    typer.echo(f"golive: #{run.number} {run.state}: {run.reason}")
    if address := run.data.get("preview_url"):
        typer.echo(f"golive: preview at {address}")
    if (address := run.data.get("production_url")) and State(run.state).good:
        typer.echo(f"golive: {run.data.get('release')} serves at {address}")
    if run.seconds is not None:
        typer.echo(f"golive: {terminal.took(run.seconds)} of 8 min")
