"""`golive incident`: the list, one incident, and what can be done to it."""

import getpass
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.alerts.models import Severity
from golive.incidents import actions, history, moves, reviews, view, watchdog
from golive.incidents.api import IncidentOut, entry_out
from golive.incidents.clocks import Verdict
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import Incident, Watchdog
from golive.incidents.postmortem import content, markdown
from golive.incidents.report import month as month_of
from golive.incidents.review_api import ReportOut
from golive.kit.durations import DurationError, format_duration, parse_duration
from golive.people.choice import WRONG_INPUT, choose

app = typer.Typer()
incident_app = typer.Typer(no_args_is_help=True, help="What is broken, who is on it, how it ends.")
app.add_typer(incident_app, name="incident")
REFUSED = 1
COULD_NOT_TELL = 2
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
Number = Annotated[int, typer.Argument(help="The incident's number.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@incident_app.command("list")
def list_incidents(
    state: Annotated[State | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    project: Slug = None,
    json: Json = False,
) -> None:
    """Show incidents, newest first. Ends with 0 even when some are open."""
    found = Incident.objects.filter(project=choose(project)).select_related("project")
    found = found.filter(state=state) if state else found
    if json:
        for incident in found[:limit]:
            typer.echo(orjson.dumps(IncidentOut.of(incident).model_dump()))
        return
    table = Table("#", "what", "severity", "state", "detected (UTC)", "lasted", "acknowledged by", box=None)
    for i in found[:limit]:
        lasted = format_duration(i.lasted) if i.lasted else "still on"
        at = f"{i.detected_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(i.number), i.title, i.severity, i.state, at, lasted, i.acknowledged_by)
    Console().print(table)


@incident_app.command()
def show(number: Number, project: Slug = None, json: Json = False) -> None:
    """Show one incident: what broke, what changed just before, its clocks and timeline."""
    incident, now = _find(number, project), timezone.now()
    if json:
        timeline = [entry_out(line).model_dump() for line in view.timeline(incident)]
        typer.echo(orjson.dumps(IncidentOut.of(incident).model_dump() | {"timeline": timeline}))
        return
    console = Console(highlight=False)
    console.print(f"#{incident.number} {view.headline(incident, now)}", style="bold", markup=False)
    clocks = Table("clock", "after", "target", "", box=None)
    for m in view.measures(incident, now, public=incident.is_critical):
        took = format_duration(m.took) if m.took is not None else ""
        so_far = f"{format_duration(m.so_far)} so far" if m.so_far is not None else ""
        target = format_duration(m.target) if m.target else ""
        clocks.add_row(m.name, took or so_far, target, "" if m.verdict == Verdict.NONE else m.verdict)
    console.print(clocks)
    for line in reversed(view.timeline(incident)):
        tail = f" [{line.delivery}]" if line.delivery else ""
        console.print(f"{line.at:%H:%M:%S}  {line.text}{tail}", markup=False)


@incident_app.command("open")
def open_(
    title: Annotated[str, typer.Option(help="What is broken, in one sentence.")],
    severity: Annotated[Severity, typer.Option(help="Critical pages, warning tells once.")] = Severity.CRITICAL,
    service: Annotated[str, typer.Option()] = "",
    project: Slug = None,
) -> None:
    """Open an incident by hand."""
    made = moves.open_incident(choose(project), title, severity, timezone.now(), service=service, by=_me())
    typer.echo(f"Opened #{made.number}: {made.title}")


@incident_app.command()
def ack(number: Number, project: Slug = None) -> None:
    """Acknowledge: pages stop."""
    incident = _find(number, project)
    _do(lambda: moves.acknowledge(incident, _me(), timezone.now()))
    typer.echo(f"Acknowledged #{number}: {incident.title}")


@incident_app.command()
def snooze(
    number: Number,
    lasting: Annotated[str, typer.Option("--for", help="How long nobody is paged, like 30m or 2h.")] = "30m",
    project: Slug = None,
) -> None:
    """Let pages wait; then they start anew."""
    incident = _find(number, project)
    try:
        span = parse_duration(lasting)
    except DurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    _do(lambda: moves.snooze(incident, _me(), timezone.now(), span))
    typer.echo(f"Snoozed #{number} for {format_duration(span)}.")


@incident_app.command()
def note(number: Number, text: Annotated[str, typer.Argument()], project: Slug = None) -> None:
    """Write a line into the timeline."""
    incident = _find(number, project)
    _do(lambda: moves.note(incident, _me(), timezone.now(), text))
    typer.echo(f"Noted on #{number}.")


@incident_app.command()
def mitigate(number: Number, project: Slug = None) -> None:
    """Say that users are served again."""
    incident = _find(number, project)
    _do(lambda: moves.mitigate(incident, _me(), timezone.now()))
    typer.echo(f"Mitigated #{number}: {incident.title}")


@incident_app.command("way-out")
def way_out(
    number: Number,
    name: Annotated[str, typer.Argument(help="Which to take; they are listed when left out.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: Slug = None,
    json: Json = False,
) -> None:
    """List what could end an incident now, or take it: roll back, switch a flag off, start a hotfix."""
    import_module("golive.incidents.panels")  # which registers the ways out
    incident = _find(number, project)
    offers = actions.offers(incident) if incident.is_open else []
    if not name:
        for word, offer in offers:
            told = {"name": word, "key": offer.key, "label": offer.label, "effect": offer.effect}
            typer.echo(orjson.dumps(told) if json else f"{word}: {offer.label} - {offer.effect}")
        if not offers and not json:
            typer.echo("There is no way out on offer: nothing was deployed, no flag changed, or it is over.")
        return
    found = next((offer for word, offer in offers if word == name), None)
    if found is None:
        typer.echo(f"{name} is not on offer; see `golive incident way-out {number}`.", err=True)
        raise typer.Exit(REFUSED)
    if not yes:
        typer.confirm(f"{found.label}: {found.effect}. Do it?", abort=True)
    try:
        typer.echo(actions.take(incident, name, found.key, _me()))
    except actions.ActionError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None


@incident_app.command()
def resolve(
    number: Number,
    cause: Annotated[str, typer.Option(help="What made it break.")],
    release: Annotated[str, typer.Option(help="The release that fixes it.")] = "",
    none_needed: Annotated[str, typer.Option(help="Why no release is needed.")] = "",
    project: Slug = None,
) -> None:
    """Close it: with its cause, and either the fixing release or why none is needed."""
    incident = _find(number, project)
    now = timezone.now()
    _do(lambda: moves.resolve(incident, _me(), now, cause=cause, release=release, no_fix_reason=none_needed))
    typer.echo(f"Resolved #{number}: {incident.title}")


@incident_app.command()
def review(
    number: Number,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write a PDF here instead of printing Markdown.")] = None,
    project: Slug = None,
) -> None:
    """Print the post-mortem as Markdown. Ends with 1 while it still lacks something."""
    incident = _find(number, project)
    document = content.compose(incident, timezone.now())
    if pdf:
        pdf.write_bytes(import_module("golive.incidents.postmortem.pdf").render(document))
        typer.echo(f"Written: {pdf}")
    else:
        typer.echo(markdown.render(document, f"{incident.url}review/chart-{{name}}.svg"))
    if missing := reviews.lacking(reviews.of(incident)):
        typer.echo(f"The review still lacks: {missing}.", err=True)
        raise typer.Exit(REFUSED)


@incident_app.command()
def report(
    month: Annotated[str, typer.Option(help="Like 2026-11; this month when left out.")] = "",
    project: Slug = None,
    json: Json = False,
) -> None:
    """The month in figures: times to detect, acknowledge and mitigate, pages per person, noisy checks and rules."""
    now = timezone.now()
    try:
        since, until = month_of(month, now)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_INPUT) from None
    found = history.of_month(choose(project), since, until, now)
    if json:
        typer.echo(orjson.dumps(ReportOut.of(found).model_dump()))
        return
    typer.echo(f"{since:%B %Y}: {found.incidents} incidents, {found.critical} critical, {found.pages} pages.")
    named = [("detect", found.mttd), ("acknowledge", found.mtta), ("mitigate", found.mttr)]
    for name, mean in named:
        typer.echo(f"  mean time to {name:12} {format_duration(mean) if mean is not None else 'nothing to measure'}")
    typer.echo(f"  clocks met {found.clocks_met}, missed {found.clocks_missed}")
    typer.echo(f"  reviews done {found.reviews_done} of {found.reviews_due} due")
    for one in found.load:
        typer.echo(f"  {one.who}: {one.pages} pages, {one.at_night} at night")
    for slo in found.objectives:
        told = f"{slo.burnt * 100:.0f} % of the error budget burnt" if slo.burnt is not None else slo.reason
        typer.echo(f"  {slo.name}: {told}")
    for noise in found.noise[:5]:
        typer.echo(f"  {noise.source}: fired {noise.fired}, nobody had to act {noise.for_nothing}")


@incident_app.command("watchdog")
def watchdog_(project: Slug = None) -> None:
    """Say whether golive can see and page, and whether the outside hears of it. Ends with 1 if not, 2 without pings."""
    kept = Watchdog.objects.filter(project=choose(project)).first()
    found = watchdog.health(timezone.now())
    typer.echo(f"{'sound' if found.sound else 'NOT SOUND'}: {found.reason}")
    if kept is None or not kept.pings:
        typer.echo("Nobody outside hears of it: write `pings` in [watchdog] of golive.toml and apply.")
        raise typer.Exit(COULD_NOT_TELL)
    last = f"{kept.last_at:%Y-%m-%d %H:%M:%S} UTC" if kept.last_at else "never"
    typer.echo(
        f"{len(kept.pings)} addresses every {format_duration(kept.every)}; last {last}. {kept.last_error}".strip()
    )
    if not found.sound or kept.last_error:
        raise typer.Exit(REFUSED)


def _find(number: int, project: str | None) -> Incident:
    chosen = choose(project)
    found = Incident.objects.select_related("project").filter(project=chosen, number=number).first()
    if found is None:
        typer.echo(f"{chosen} has no incident #{number}; see `golive incident list`.", err=True)
        raise typer.Exit(WRONG_INPUT)
    return found


def _do(move: Callable[[], object]) -> None:
    try:
        move()
    except IllegalTransition as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None


def _me() -> str:
    return f"{getpass.getuser()} (command line)"
