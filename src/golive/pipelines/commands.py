"""`golive ship`: run the pipeline here, look at runs, stop them."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.config.reader import ConfigError
from golive.kit.folders import data_folder
from golive.people.choice import WRONG_INPUT, choose
from golive.people.models import Project
from golive.pipelines import (
    definition,
    engine,
    first_use,
    flaky_commands,
    receive,
    reporting,
    setup_commands,
    terminal,
    tree,
)
from golive.pipelines.key import explained, told
from golive.pipelines.load import commands as load_commands
from golive.pipelines.models import Run, RunStep, Trigger
from golive.pipelines.outcome import State
from golive.pipelines.plan import Plan, Wish
from golive.pipelines.stages import LOCAL, Stage
from golive.pipelines.watching import watch

app = typer.Typer()
ship_app = typer.Typer(help="From git push to production: the pipeline of golive.toml.")
app.add_typer(ship_app, name="ship")
app.add_typer(load_commands.app, name="load")
ship_app.add_typer(receive.app)
ship_app.add_typer(flaky_commands.app)
ship_app.command("export")(setup_commands.export)
app.command("init")(setup_commands.init)
BAD, COULD_NOT_TELL = 1, 2
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug; default: from [app] name.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@ship_app.callback(invoke_without_command=True)
def ship(
    context: typer.Context,
    stage: Annotated[list[Stage] | None, typer.Option(help="Only this stage (repeatable).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; run nothing.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="With the plan: why each step has to run.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Take no result from the cache.")] = False,
    folder: Annotated[Path, typer.Option(help="Where golive.toml is, or below.")] = Path(),
    project: Slug = None,
    json: Json = False,
) -> None:
    """Run the pipeline on the files as they are here, committed or not: stages 1 to 4, or those named."""
    if context.invoked_subcommand is not None:
        return
    try:
        place = definition.folder_of(folder)
        repository, wanted = tree.of_folder(place, data_folder() / "pipelines" / "loose.git")
        said = definition.read(repository, wanted)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    found = first_use.project_for(project, said.app)
    stages = [Stage.SETUP, *(stage or [])] if stage else list(LOCAL)
    wish = Wish(stages, only=bool(stage))
    if dry_run or explain:
        _show_plan(engine.planned(said, repository, wanted, wish, found), found.slug, explain, json)
        return
    commit, branch = tree.head_of(place)
    run = engine.create(
        found,
        repository,
        Trigger.LOCAL,
        wanted,
        stages,
        getpass.getuser(),
        commit=commit,
        ref=f"refs/heads/{branch}" if branch else "",
        only=bool(stage),
        fresh=fresh,
    )
    console = Console(highlight=False)
    listeners = [] if json else [terminal.Terminal(terminal.printer(console))]
    state, reason = engine.execute(run, *listeners)
    if json:
        typer.echo(orjson.dumps(described(run)))
    else:
        _summary(console, run, state, reason)
    raise typer.Exit(_code(state))


def _summary(console: Console, run: Run, state: State, reason: str) -> None:
    if RunStep.objects.filter(run=run).exists():
        console.print(terminal.stage_table(run))
    else:
        console.print(f"Run {state}: {reason}", markup=False)
    console.print(f"#{run.number} is kept; look again with: golive ship logs {run.number}", style="dim")


def _code(state: State) -> int:
    return 0 if state.good else BAD if state in (State.FAILED, State.TIMED_OUT, State.CANCELLED) else COULD_NOT_TELL


def _show_plan(plan: Plan, project: str, explain: bool, json: bool) -> None:
    rows = plan.as_data()
    if explain:
        cache = engine.cache_of(project)
        keys: dict[str, str] = {}
        for step, row in zip(plan.steps, rows, strict=True):
            fed = {need: keys[need] for need in step.needs if need in keys}
            key = step.key(fed)
            if step.outputs:
                keys[step.name] = key.digest
            reasons = explained(key.parts, cache.remembered(f"{project}-{step.name}"))
            row["key"], row["cached"], row["why"] = key.digest, cache.get(key.digest) is not None, reasons
    if json:
        typer.echo(orjson.dumps(rows))
        return
    table = Table("step", "needs", "runs", "budget", "inputs", *(["cached", "why"] if explain else []), box=None)
    for row in rows:
        does = row["skip"] or row["withheld"] or row["action"] or " ; ".join(row["commands"])
        needs = ", ".join(row["needs"])
        cells = [row["name"], needs, does, terminal.took(row["budget"]), str(row["inputs"])]
        if explain:
            cells += ["yes" if row["cached"] else "no", told(row["why"]) or "nothing changed"]
        table.add_row(*cells)
    Console(highlight=False, markup=False).print(table)


@ship_app.command()
def status(
    number: Annotated[int | None, typer.Argument(help="A run; default: the newest ones.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 10,
    markdown: Annotated[bool, typer.Option("--markdown", help="The run (default: the newest) as a table.")] = False,
    project: Slug = None,
    json: Json = False,
) -> None:
    """Show runs, newest first, or one run's stages against their budgets. For one run the exit code is the run's."""
    chosen = choose(project)
    if markdown:
        found = _find(chosen, number)
        headline = f"golive run #{found.number} {found.state}: {found.reason}"
        typer.echo("\n".join([headline, "", *reporting.table_of(found)]))
        raise typer.Exit(_code(State(found.state)))
    if number is not None:
        run = _find(chosen, number)
        if json:
            typer.echo(orjson.dumps(described(run)))
        else:
            typer.echo(f"#{run.number} {run.state}: {run.title or run.tree[:12]}. {run.reason}")
            Console(highlight=False).print(terminal.stage_table(run))
        raise typer.Exit(_code(State(run.state)))
    runs = list(Run.objects.filter(project=chosen).select_related("project")[:limit])
    if json:
        typer.echo(orjson.dumps([described(run, steps=False) for run in runs]))
        return
    table = Table("#", "branch", "what", "state", "took", "began (UTC)", "by", "", box=None)
    for run in runs:
        style = terminal.STYLES.get(State(run.state), "default")
        at = f"{run.created_at:%Y-%m-%d %H:%M:%S}"
        spent = terminal.took(run.seconds) if run.seconds is not None else ""
        cells = (run.branch, run.title, f"[{style}]{run.state}[/]", spent, at, run.requested_by, run.reason)
        table.add_row(str(run.number), *cells)
    Console(highlight=False).print(table)


@ship_app.command("logs")
def show_logs(
    number: Annotated[int | None, typer.Argument(help="The run; default: the newest.")] = None,
    step: Annotated[str | None, typer.Option(help="Only this step.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the run is over.")] = False,
    project: Slug = None,
) -> None:
    """Show what the steps of a run said."""
    run = _find(choose(project), number)
    write = terminal.printer(Console(highlight=False))
    watch(run, write, follow=follow, only=step)
    run.refresh_from_db()
    if run.is_over:
        write(f"Run #{run.number} {run.state}: {run.reason}", terminal.STYLES.get(State(run.state), ""))
    raise typer.Exit(_code(State(run.state)) if run.is_over else 0)


@ship_app.command()
def cancel(
    number: Annotated[int | None, typer.Argument(help="The run; default: the newest.")] = None, project: Slug = None
) -> None:
    """Stop a run that waits or goes on."""
    run = _find(choose(project), number)
    if not engine.cancel(run, f"cancelled by {getpass.getuser()}"):
        typer.echo(f"#{run.number} is over: it {run.state}.", err=True)
        raise typer.Exit(BAD)
    typer.echo(f"#{run.number} is being stopped.")


def _find(project: Project, number: int | None) -> Run:
    runs = Run.objects.filter(project=project).select_related("project")
    found = runs.filter(number=number).first() if number is not None else runs.first()
    if found is None:
        typer.echo(f"{project} has no {f'run #{number}' if number else 'run yet'}; see `golive ship status`.", err=True)
        raise typer.Exit(WRONG_INPUT)
    return found


def described(run: Run, *, steps: bool = True) -> dict[str, Any]:
    """A run for machines."""
    names = ("number", "trigger", "ref", "commit", "tree", "title", "author", "pull_request", "fork", "state", "reason")
    about: dict[str, Any] = {name: getattr(run, name) for name in (*names, "seconds", "data")}
    about |= {name: getattr(run, name) for name in ("created_at", "began_at", "ended_at", "requested_by")}
    if steps:
        told_names = (
            "name", "stage", "state", "reason", "began", "seconds", "overhead_seconds", "run_seconds",
            "services_seconds", "budget_seconds", "key", "key_reason", "cached_from", "saved_seconds", "attempts",
            "tests_all", "tests_passed", "slowest", "flaky", "excused", "artifacts", "coverage",
        )  # fmt: skip
        found = RunStep.objects.filter(run=run)
        about["steps"] = [{name: getattr(step, name) for name in told_names} for step in found]
    return about
