"""`golive releases`, `rollback`: build, deploy, promote, resume, and back."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.console import words
from golive.kit.durations import parse_duration
from golive.people import audit
from golive.people.choice import WRONG_INPUT, choose
from golive.releases import door, drill, runs
from golive.releases.build import notes_between
from golive.releases.env_commands import env_app
from golive.releases.models import Deploy, DeployKind, DeployState, Environment, Release, ReleaseState
from golive.releases.preview_commands import previews_app
from golive.releases.steps import Step
from golive.releases.target import Tell

app = typer.Typer()
releases_app = typer.Typer(no_args_is_help=True, help="Releases: build, deploy, promote, resume.")
app.add_typer(releases_app, name="releases")
app.add_typer(env_app, name="env")
app.add_typer(previews_app, name="previews")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", help="Where.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]


def _tell(as_json: bool) -> Tell:
    return (lambda line: None) if as_json else (lambda line: typer.echo(f"  {line}", err=True))


@releases_app.command("list")
def list_releases(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show the newest releases and where each serves."""
    chosen = choose(project)
    live = dict(Environment.objects.filter(project=chosen).exclude(live=None).values_list("live__release_id", "name"))
    found = door.releases_of(chosen)
    if as_json:
        sys.stdout.write(orjson.dumps([release_row(one, live.get(one.pk, "")) for one in found]).decode() + "\n")
        return
    table = Table("release", "state", "serves", "built (UTC)", "size", "by", box=None)
    for one in found:
        size = words.size(one.size_bytes) if one.size_bytes else ""
        table.add_row(one.name, one.state, live.get(one.pk, ""), f"{one.created_at:%Y-%m-%d %H:%M}", size,
                      one.created_by)  # fmt: skip
    Console(highlight=False).print(table)


def release_row(one: Release, serves: str) -> dict[str, Any]:
    """A release as JSON."""
    names = (
        "number",
        "name",
        "commit",
        "branch",
        "state",
        "problem",
        "size_bytes",
        "created_at",
        "created_by",
        "notes",
    )
    return {name: getattr(one, name) for name in names} | {"serves": serves}


@releases_app.command()
def build(
    source: Annotated[Path, typer.Argument(help="The folder of source.")] = Path(),
    commit: Annotated[str, typer.Option(help="Its commit.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> int:
    """Build a release from a folder."""
    chosen = choose(project)
    last = Release.objects.filter(project=chosen, state=ReleaseState.READY).exclude(commit="").first()
    notes = notes_between(source, last.commit if last else "", commit) if commit else []
    made = door.build(chosen, source.resolve(), commit, tell=_tell(as_json), by="cli", notes=notes)
    audit.record("cli", "release.build", made.name, project=chosen)
    if as_json:
        sys.stdout.write(orjson.dumps(release_row(made, "")).decode() + "\n")
    else:
        typer.echo(f"Built {made.name}. Deploy it with: golive releases deploy {made.name}")
    return 0


@releases_app.command()
def deploy(
    release: Annotated[str, typer.Argument(help="Name, number or commit; default: the newest.")] = "",
    environment: EnvironmentOption = "production",
    canary: Annotated[int, typer.Option(min=0, max=95, help="Try it on so many percent of the requests first.")] = 0,
    override: Annotated[list[str] | None, typer.Option(help="GATE=REASON: go past a gate, or `migration`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the steps.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> int:
    """Deploy a release; exit 0 when it serves, 1 when the one before serves again."""
    chosen = choose(project)
    where = door.environment(chosen, environment)
    found = door.release_named(chosen, release) if release else _newest(chosen.pk)
    if dry_run:
        show_plan(door.plan(found, where, canary=canary), as_json)
        return 0
    given = overrides(override or [])
    return tell_outcome(
        door.deploy(found, where, tell=_tell(as_json), by="cli", overrides=given, canary=canary), where, as_json
    )


@releases_app.command()
def promote(
    source: Annotated[str, typer.Argument(help="From which environment.")],
    target: Annotated[str, typer.Argument(help="To which.")] = "production",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> int:
    """Deploy what serves in one environment to another: the same build."""
    chosen = choose(project)
    here, there = door.environment(chosen, source), door.environment(chosen, target)
    if here.live is None:
        typer.echo(f"golive: nothing is deployed to {source}", err=True)
        return WRONG_INPUT
    return tell_outcome(door.deploy(here.live.release, there, tell=_tell(as_json), by="cli"), there, as_json)


@releases_app.command()
def resume(
    environment: EnvironmentOption = "production", project: ProjectOption = None, as_json: JsonOption = False
) -> int:
    """Finish a deploy that was interrupted."""
    where = door.environment(choose(project), environment)
    outcome = door.resume(where, tell=_tell(as_json))
    if outcome is None:
        typer.echo(f"Nothing is unfinished in {environment}.")
        return 0
    return tell_outcome(outcome, where, as_json)


@releases_app.command("show")
def show_deploy(
    deploy_id: Annotated[int, typer.Argument(help="The deploy's number.")],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show one deploy with its steps."""
    found = Deploy.objects.filter(environment__project=choose(project), pk=deploy_id).first()
    if found is None:
        typer.echo(f"golive: there is no deploy {deploy_id}", err=True)
        return WRONG_INPUT
    if as_json:
        sys.stdout.write(orjson.dumps(deploy_row(found)).decode() + "\n")
        return 0
    typer.echo(f"{found.release.name} to {found.environment.name}: {found.state}. {found.reason}")
    table = Table("step", "state", "took", "detail", box=None)
    for step in found.steps.all():
        table.add_row(step.title, step.state, words.milliseconds(step.took_ms), step.detail[:120])
    Console(highlight=False).print(table)
    return 0


@app.command()
def rollback(
    release: Annotated[str, typer.Argument(help="To which; default: the one before.")] = "",
    environment: EnvironmentOption = "production",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Even where migrations forbid it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> int:
    """Go back to an earlier release: one flip when it is warm, a start and a flip when not."""
    chosen = choose(project)
    where = door.environment(chosen, environment)
    to = door.release_named(chosen, release) if release else None
    if dry_run:
        way = door.way_back(where, to)
        typer.echo(way.effect if way else f"There is no earlier release of {environment}.")
        return 0 if way and way.migrations != "forbid" else 1
    outcome = door.rollback(where, to, tell=_tell(as_json), by="cli", reason=reason, force=force)
    return tell_outcome(outcome, where, as_json)


@app.command("run", context_settings={"ignore_unknown_options": True})
def run_command(
    command: Annotated[list[str], typer.Argument(help="After `--`: the command line.")],
    environment: EnvironmentOption = "production",
    timeout: Annotated[str, typer.Option(help="It is stopped after this time.")] = "1h",
    project: ProjectOption = None,
) -> int:
    """Run a command in the live release's environment, audited, its output kept; its exit code is ours."""
    where = door.environment(choose(project), environment)
    made = runs.run(where, command, by="cli", tell=typer.echo, timeout=parse_duration(timeout))
    typer.echo(f"run {made.pk} in {made.release.name}: exit code {made.exit_code}", err=True)
    return made.exit_code or 0


@releases_app.command("drill")
def drill_command(environment: EnvironmentOption = "production", project: ProjectOption = None) -> int:
    """Start the release before beside the one that serves, ask it, end it: would a rollback work today?"""
    made = drill.drill(
        door.environment(choose(project), environment), tell=lambda line: typer.echo(f"  {line}", err=True)
    )
    typer.echo(f"{made.release.name}: {made.output}")
    return made.exit_code or 0


def _newest(project_id: int) -> Release:
    found = Release.objects.filter(project_id=project_id, state=ReleaseState.READY).first()
    if found is None:
        raise door.Refused("There is no release yet; build one with: golive releases build")
    return found


def overrides(given: list[str]) -> dict[str, str]:
    """GATE=REASON words; a reason is needed. Raises Refused."""
    found: dict[str, str] = {}
    for word in given:
        gate, _, why = word.partition("=")
        if not gate or not why.strip():
            raise door.Refused(f"--override {word!r} lacks a reason; write GATE=REASON.")
        found[gate] = why.strip()
    return found


def show_plan(found: list[Step], as_json: bool) -> None:
    """The steps of a deploy as a table or JSON."""
    if as_json:
        sys.stdout.write(orjson.dumps([vars(step) for step in found]).decode() + "\n")
        return
    table = Table("", "step", "does", box=None)
    for number, step in enumerate(found, 1):
        does = f"[dim]skipped: {step.skip}[/]" if step.skip else step.does
        table.add_row(str(number), step.title, does)
    Console(highlight=False).print(table)


def deploy_row(found: Deploy) -> dict[str, Any]:
    """A deploy as JSON."""
    names = ("kind", "state", "by", "reason", "overrides", "canary", "started_at", "switched_at", "finished_at")
    more = ("availability", "verdict", "migration")
    steps = [
        {"name": s.name, "title": s.title, "does": s.does, "state": s.state, "took_ms": s.took_ms, "detail": s.detail}
        for s in found.steps.all()
    ]
    row: dict[str, Any] = {name: getattr(found, name) for name in (*names, *more)}
    return row | {
        "id": found.pk,
        "release": found.release.name,
        "environment": found.environment.name,
        "previous": found.previous.release.name if found.previous else None,
        "steps": steps,
    }


def tell_outcome(outcome: door.Outcome, where: Environment, as_json: bool) -> int:
    """Say how it ended; the exit code."""
    found = Deploy.objects.select_related("release", "environment").get(pk=outcome.deploy_id)
    if as_json:
        sys.stdout.write(orjson.dumps(deploy_row(found)).decode() + "\n")
    elif outcome.well:
        verb = "serves again" if found.kind == DeployKind.ROLLBACK else "serves"
        probed = outcome.availability
        told = f" Probed through it: {probed['requests']} requests, {probed['failures']} failed." if probed else ""
        typer.echo(f"{found.release.name} {verb} in {where.name} after {outcome.took_seconds:.1f} s.{told}")
    else:
        typer.echo(f"{found.release.name} to {where.name}: {outcome.state}. {outcome.reason}", err=True)
    return 0 if outcome.state == DeployState.DONE else 1


def stamp(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
