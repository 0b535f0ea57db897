"""`golive rules`: how the rules stand, and what they would do: cases in a pull request, recorded history."""

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from django.utils import timezone
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from golive.alerts.models import State
from golive.config import reader
from golive.config.sections import registered
from golive.kit.durations import format_duration
from golive.people.choice import WRONG_INPUT, choose
from golive.people.models import Project
from golive.rules import backtest, cases, custom, past
from golive.rules.configure import ensure, explained
from golive.rules.section import RulesSection, SloSection, kind_of
from golive.rules.settings import AlertsSection, RuleKind, RuleSettings
from golive.rules.standing import sentence, standings

app = typer.Typer()
rules_app = typer.Typer(help="Rules: how they stand, and what they would have done.")
app.add_typer(rules_app, name="rules")
ProjectName = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Over = Annotated[str, typer.Option(help="How much recorded history: 24h, 7d.")]


def fail(message: str) -> typer.Exit:
    typer.echo(f"golive: {message}", err=True)
    return typer.Exit(WRONG_INPUT)


@rules_app.callback(invoke_without_command=True)
def rules(context: typer.Context, project: ProjectName = None, as_json: AsJson = False) -> None:
    """Show how the rules stand; exit 0 when all are quiet, 1 when one fires, 2 when one is unknown."""
    if context.invoked_subcommand is not None:
        return
    found = standings(choose(project), timezone.now())
    if as_json:
        rows = [
            {
                "name": one.rule.name,
                "kind": one.rule.kind,
                "origin": one.rule.origin,
                "state": one.state.value,
                "reason": one.reason,
                "fires": one.thresholds,
                "fired_at": one.fired_at,
                "instances": [
                    {"key": each.row.key, "state": each.state.value, "value": each.row.value, "reason": each.reason}
                    for each in one.instances
                ],
            }
            for one in found
        ]
        sys.stdout.write(orjson.dumps(rows).decode() + "\n")
    else:
        table = Table("rule", "state", "worst now", "fires", "reason")
        for one in found:
            value = one.worst.value if one.worst and one.state != State.UNKNOWN else ""
            table.add_row(one.name, one.word, value, one.thresholds, one.reason)
        Console().print(table)
        said = sentence(found)
        typer.echo(said[0].upper() + said[1:] + ".")
    states = {one.state for one in found if one.word != "paused"}
    raise typer.Exit(1 if State.FIRING in states else 2 if State.UNKNOWN in states else 0)


@rules_app.command("test")
def run_cases(
    file: Annotated[Path, typer.Argument(help="A file of cases, like tests/rules.toml.")] = Path("rules.test.toml"),
    config: Annotated[Path, typer.Option("--config", help="The golive.toml whose rules are tested.")] = Path(
        "golive.toml"
    ),
    over: Annotated[str, typer.Option("--history", help="Run them over recorded history too: 7d.")] = "",
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Test the rules of a golive.toml that need not be applied; exit 0 when all cases pass, 1 when one fails."""
    settings = declared(config)
    try:
        found = cases.CaseFile.model_validate(tomllib.loads(file.read_text()))
        outcomes = [cases.run(case, settings) for case in found.case]
    except FileNotFoundError:
        raise fail(f"there is no file {file}; give it as FILE") from None
    except ValidationError as error:
        raise fail(f"{file}: {explained(error)}") from None
    except (tomllib.TOMLDecodeError, cases.CaseError) as error:
        raise fail(f"{file}: {error}") from None
    history = [_history(choose(project), name, each, over) for name, each in settings.items()] if over else []
    if as_json:
        told = [
            {"rule": one.case.rule, "name": one.case.name, "passed": not one.problems, "problems": list(one.problems)}
            for one in outcomes
        ]
        typer.echo(orjson.dumps({"cases": told, "history": history}))
    else:
        for one in outcomes:
            mark = "[red]failed[/]" if one.problems else "[green]passed[/]"
            words = f": {'; '.join(one.problems)}" if one.problems else ""
            Console(highlight=False).print(f"{mark} {one.case.rule} {one.case.name}".rstrip() + words)
        for each in history:
            typer.echo(f"{each['rule']}: {each['sentence']}.")
        bad = sum(bool(one.problems) for one in outcomes)
        typer.echo(f"{len(outcomes) - bad} of {len(outcomes)} cases passed.")
    raise typer.Exit(1 if any(one.problems for one in outcomes) else 0)


def declared(config: Path) -> dict[str, RuleSettings]:
    """Every rule of a golive.toml by name, as `golive apply` would make it."""
    try:
        wanted: dict[str, BaseModel] = reader.validate(reader.read(config), registered())
    except reader.ConfigError as error:
        raise fail(str(error)) from None
    found: dict[str, RuleSettings] = {}
    for section in wanted.values():
        if isinstance(section, AlertsSection):
            found |= {kind.value: settings for kind, settings in section.by_kind().items()}
        elif isinstance(section, RulesSection | SloSection):
            found |= section.by_name()
    return found


def _history(project: Project, name: str, settings: RuleSettings, over: str) -> dict[str, Any]:
    kind = kind_of(settings) if getattr(settings, "kind", "") else RuleKind(name)
    now = timezone.now()
    try:
        result = backtest.run(project, kind, settings, now - custom.length(over), now)
    except (custom.RuleError, past.NotRecorded) as error:
        return {"rule": name, "sentence": f"not run: {error}"}
    return {"rule": name, "sentence": result.sentence(), **_told(result)}


def _told(result: backtest.Result) -> dict[str, Any]:
    return {
        "known": result.known,
        "looks": result.looks,
        "firings": [
            {
                "subject": one.firing.subject,
                "severity": one.firing.severity,
                "at": one.firing.at,
                "until": one.firing.until,
                "reason": one.firing.reason,
                "paged": one.paged,
                "people": list(one.people),
            }
            for one in result.told
        ],
    }


@rules_app.command("backtest")
def backtest_rule(
    name: Annotated[str, typer.Argument(help="A rule, or with --config one of a golive.toml that is not applied.")],
    config: Annotated[Path | None, typer.Option("--config", help="Take the rule from this golive.toml.")] = None,
    over: Over = "7d",
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """When a rule would have fired, whom it would have paged, how long; exit 1 if it would have, 2 without data."""
    chosen = choose(project)
    if config:
        settings = declared(config).get(name)
        kind = None if settings is None else kind_of(settings) if hasattr(settings, "kind") else RuleKind(name)
    else:
        rule = next((rule for rule in ensure(chosen) if rule.name == name), None)
        settings, kind = (rule.in_force(), RuleKind(rule.kind)) if rule else (None, None)
    if settings is None or kind is None:
        raise fail(f"there is no rule {name}; see: golive rules")
    now = timezone.now()
    try:
        result = backtest.run(chosen, kind, settings, now - custom.length(over), now)
    except (custom.RuleError, past.NotRecorded) as error:
        raise fail(str(error)) from None
    if as_json:
        typer.echo(orjson.dumps({"rule": name, "sentence": result.sentence(), **_told(result)}))
    else:
        if result.told:
            table = Table("fired (UTC)", "lasted", "severity", "what", "whom", box=None)
            for one in result.told:
                lasted = format_duration(one.firing.lasted(result.until))
                people = ", ".join(one.people) or "nobody on call"
                at = f"{one.firing.at:%F %H:%M}"
                table.add_row(at, lasted, one.firing.severity, one.firing.reason, people)
            Console().print(table)
        typer.echo(f"{result.sentence()}. Looked every {format_duration(result.step)}.")
    raise typer.Exit(2 if not result.known else 1 if result.told else 0)
