"""`golive flag`: make, switch and kill flags, and the keys by which programs evaluate them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.console.window import instant
from golive.flags import keys, switch
from golive.flags.evaluation import TargetingKeyMissing, evaluate, why_off
from golive.flags.models import Flag, FlagState
from golive.flags.switch import PRODUCTION, FlagError
from golive.people.choice import WRONG_INPUT, choose

app = typer.Typer()
flag_app = typer.Typer(no_args_is_help=True, help="Feature flags, served by OpenFeature's OFREP.")
key_app = typer.Typer(no_args_is_help=True, help="Keys that may only evaluate flags.")
app.add_typer(flag_app, name="flag")
flag_app.add_typer(key_app, name="key")

ProjectName = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
Environment = Annotated[str, typer.Option("--environment", "-e", help="Where.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Key = Annotated[str, typer.Argument(help="The flag's key.")]


def fail(message: str) -> typer.Exit:
    typer.echo(f"golive: {message}", err=True)
    return typer.Exit(WRONG_INPUT)


def find(project: str | None, key: str) -> Flag:
    chosen = choose(project)
    found = chosen.flags.select_related("project").filter(key=key).first()
    if found is None:
        raise fail(f"there is no flag {key} in {chosen.slug}; see: golive flag list")
    return found


def described(state: FlagState) -> dict[str, Any]:
    """A flag in one environment, for machines."""
    flag, off = state.flag, why_off(state.evaluated(), timezone.now())
    return {
        "key": flag.key,
        "environment": state.environment,
        "on": not off,
        "why_off": off,
        "killed_why": state.killed_why if state.killed else "",
        "serve": switch.written(state),
        "targets": state.targets,
        "variants": flag.variants,
        "off": flag.off,
        "on_at": state.on_at,
        "off_at": state.off_at,
        "guard": state.guard,
        "guard_reason": state.guard_reason,
        "version": state.version,
        "changed_at": state.changed_at,
        "changed_by": state.changed_by,
        "description": flag.description,
    }


@flag_app.command("list")
def show(project: ProjectName = None, environment: Environment = PRODUCTION, as_json: AsJson = False) -> None:
    """List the flags and who gets what."""
    chosen = choose(project)
    states = [switch.state_of(flag, environment) for flag in chosen.flags.select_related("project")]
    if as_json:
        typer.echo(orjson.dumps([described(state) for state in states]))
        return
    if not states:
        typer.echo("No flags yet. Make one with: golive flag set new-checkout --serve on:10")
        return
    table = Table("flag", "state", "who gets what", "changed", "by", box=None)
    for state in states:
        off = why_off(state.evaluated(), timezone.now())
        word = "[green]on[/]" if not off else f"[red]{off}[/]" if state.killed else off
        table.add_row(state.flag.key, word, switch.said(state), f"{state.changed_at:%F %H:%M} UTC", state.changed_by)
    Console(highlight=False).print(table)


@flag_app.command("set")
def set_flag(
    key: Key,
    serve: Annotated[str, typer.Option(help="What everybody gets: on, on:10, or blue:30,green:30.")] = "",
    target: Annotated[
        list[str] | None, typer.Option(help='A rule, first match wins: "plan is pro -> on". Repeat for more.')
    ] = None,
    no_targets: Annotated[bool, typer.Option("--no-targets", help="Drop all rules.")] = False,
    variants: Annotated[str, typer.Option(help='For a new flag, JSON: {"blue": "#00f", "red": "#f00"}.')] = "",
    off: Annotated[str, typer.Option(help="For a new flag: the variant served when it is off.")] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    begin: Annotated[str, typer.Option(help="On from this instant (ISO 8601), or never.")] = "",
    end: Annotated[str, typer.Option(help="Off from this instant (ISO 8601), or never.")] = "",
    guard: Annotated[
        str | None, typer.Option(help='Switch itself off when it does harm: on, none, or JSON {"errors": "2%"}.')
    ] = None,
    project: ProjectName = None,
    environment: Environment = PRODUCTION,
) -> None:
    """Make a flag or change who gets what; it does not switch it on or off."""
    chosen, now = choose(project), timezone.now()
    found = chosen.flags.select_related("project").filter(key=key).first()
    try:
        if found is None:
            values = orjson.loads(variants) if variants else None
            if values is not None and not isinstance(values, dict):
                raise FlagError("variants are a JSON object of values by name")
            found = switch.create(chosen, key, "cli", now, variants=values, off=off, description=description)
            typer.echo(f"Made flag {key}; it is off. Switch it on with: golive flag on {key}")
        elif variants or off:
            raise FlagError("variants of a flag cannot change under its programs; make another flag")
        elif description:
            Flag.objects.filter(pk=found.pk).update(description=description[:300])
        state = switch.change(
            switch.state_of(found, environment),
            "cli",
            now,
            serve=serve or None,
            targets=[] if no_targets else target,
            on_at=_instant(begin, "begin"),
            off_at=_instant(end, "end"),
            guard=_guard(guard),
        )
    except (FlagError, orjson.JSONDecodeError) as error:
        raise fail(str(error)) from None
    typer.echo(f"{key} in {environment}: {switch.said(state)}.")


def _instant(text: str, name: str) -> datetime | str | None:
    if text in ("", "never"):
        return "" if not text else None
    found = instant(text)
    if found is None:
        raise FlagError(f"{name} {text!r} is no instant, like 2026-01-31T09:00Z")
    return found


def _guard(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    if text in ("none", "off"):
        return {}
    told = orjson.loads(text) if text != "on" else {"errors": "1%"}
    if not isinstance(told, dict):
        raise FlagError("a guard is on, none, or a JSON object")
    return told


def _switch(move: Callable[..., FlagState], key: str, project: str | None, environment: str, **more: str) -> None:
    try:
        state = move(switch.state_of(find(project, key), environment), "cli", timezone.now(), **more)
    except FlagError as error:
        raise fail(str(error)) from None
    off = why_off(state.evaluated(), timezone.now())
    typer.echo(f"{key} in {environment}: {f'off ({off})' if off else f'on, {switch.said(state)}'}.")


@flag_app.command("on")
def on(key: Key, project: ProjectName = None, environment: Environment = PRODUCTION) -> None:
    """Switch a flag on for those whom it names; takes a kill back."""
    _switch(switch.on, key, project, environment)


@flag_app.command("off")
def off(key: Key, project: ProjectName = None, environment: Environment = PRODUCTION) -> None:
    """Switch a flag off for everybody."""
    _switch(switch.off, key, project, environment)


@flag_app.command("kill")
def kill(
    key: Key,
    why: Annotated[str, typer.Option(help="For those who read it later.")] = "",
    project: ProjectName = None,
    environment: Environment = PRODUCTION,
) -> None:
    """Off for everybody at once, whatever its schedule says, until it is switched on again."""
    _switch(switch.kill, key, project, environment, why=why)


@flag_app.command("delete")
def delete(key: Key, project: ProjectName = None) -> None:
    """Remove a flag; programs that ask for it get their own default."""
    switch.delete(find(project, key), "cli")
    typer.echo(f"Flag {key} is deleted.")


@flag_app.command("evaluate")
def evaluate_flag(
    key: Key,
    context: Annotated[list[str] | None, typer.Argument(help="The context: targetingKey=u1 plan=pro …")] = None,
    project: ProjectName = None,
    environment: Environment = PRODUCTION,
    as_json: AsJson = False,
) -> None:
    """What somebody gets, and why."""
    given = dict(part.partition("=")[::2] for part in context or [])
    state = switch.state_of(find(project, key), environment)
    try:
        found = evaluate(state.evaluated(), given, timezone.now())
    except TargetingKeyMissing as error:
        raise fail(str(error)) from None
    if as_json:
        told = {"key": key, "variant": found.variant, "value": found.value, "reason": found.reason, "why": found.why}
        typer.echo(orjson.dumps(told))
    else:
        typer.echo(f"{found.variant} = {orjson.dumps(found.value).decode()} ({found.reason}: {found.why})")


@key_app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Which program asks.")],
    project: ProjectName = None,
    environment: Environment = PRODUCTION,
    as_json: AsJson = False,
) -> None:
    """Make an evaluation key; it is printed this once."""
    try:
        made, value = keys.create(choose(project), name, environment, "cli")
    except keys.FlagKeyError as error:
        raise fail(str(error)) from None
    if as_json:
        typer.echo(orjson.dumps({"name": made.name, "environment": made.environment, "key": value}))
    else:
        typer.echo(value)


@key_app.command("list")
def list_keys(project: ProjectName = None, as_json: AsJson = False) -> None:
    """List the evaluation keys in force."""
    found = keys.in_force(choose(project))
    if as_json:
        typer.echo(orjson.dumps([{"name": k.name, "environment": k.environment, "hint": k.hint} for k in found]))
        return
    table = Table("name", "environment", "ends in", "made", box=None)
    for key in found:
        table.add_row(key.name, key.environment, key.hint, f"{key.created_at:%F}")
    Console().print(table if found else "No evaluation keys yet. Make one with: golive flag key add web")


@key_app.command("revoke")
def revoke_key(name: str, project: ProjectName = None) -> None:
    """End an evaluation key at once."""
    chosen = choose(project)
    found = chosen.flag_keys.filter(name=name, revoked_at=None).first()
    if found is None:
        raise fail(f"there is no key {name} in force; see: golive flag key list")
    keys.revoke(found, "cli", timezone.now())
    typer.echo(f"Key {name} is revoked.")
