"""`golive oncall`: who is on call, the schedules, overrides and swaps."""

from datetime import datetime, timedelta
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.kit.durations import format_duration, parse_duration
from golive.oncall import feed as calendars
from golive.oncall import overrides
from golive.oncall.escalation import rehearse
from golive.oncall.final import Gap, Shift
from golive.oncall.models import EscalationPolicy, Schedule, Takeover
from golive.oncall.roster import roster_of
from golive.oncall.wallclock import read
from golive.people.choice import choose

app = typer.Typer()
oncall_app = typer.Typer(no_args_is_help=True, help="Who is paged, and how a page escalates.")
app.add_typer(oncall_app, name="oncall")
NOBODY, WRONG_INPUT = 1, 3

ProjectSlug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]
ScheduleName = Annotated[
    str | None, typer.Option("--schedule", help="The schedule's name; needed when there are more.")
]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@oncall_app.command("now")
def now_(
    project: ProjectSlug = None,
    json: Json = False,
) -> None:
    """Say who is on call now, and who joins when nobody acknowledges. Ends with 1 when nobody is."""
    at = timezone.now()
    chosen = choose(project)
    policy = roster_of(chosen).on_call_at(at)
    schedules = {one.name: one.on_call_at(at) for one in Schedule.objects.filter(project=chosen)}
    if json:
        told = {"people": policy.people, "repeat_s": policy.repeat.total_seconds()}
        told |= {"escalate_s": policy.escalate.total_seconds(), "schedules": schedules}
        typer.echo(orjson.dumps(told))
    elif not policy.people and schedules:
        typer.echo(f"Nobody is on call: a gap in {', '.join(schedules)}. See: golive oncall schedule")
    elif not policy.people:
        typer.echo("Nobody is on call. Name people in [oncall] of golive.toml and run: golive apply golive.toml")
    else:
        typer.echo(f"{policy.people[0]} is on call.")
        for name, who in schedules.items():
            typer.echo(f"  schedule {name}: {who or 'nobody'}")
        for when, page in rehearse(policy, at, timedelta(minutes=20)):
            typer.echo(f"  after {format_duration(when - at):>6}  {page.who} ({page.detail})")
    if not policy.people:
        raise typer.Exit(NOBODY)


@oncall_app.command("schedule")
def schedule_(
    schedule: ScheduleName = None,
    days: Annotated[int, typer.Option(min=1, max=92, help="How far to look ahead.")] = 14,
    project: ProjectSlug = None,
    json: Json = False,
) -> None:
    """Show the final schedule with its gaps. Ends with 1 when there is a gap."""
    chosen = _schedule(project, schedule)
    now = timezone.now()
    pieces = chosen.final(now, now + timedelta(days=days))
    if json:
        shown = [
            {
                "who": getattr(one, "who", None),
                "since": one.since,
                "until": one.until,
                "layer": getattr(one, "layer", None),
            }
            for one in pieces
        ]
        typer.echo(orjson.dumps({"name": chosen.name, "zone": chosen.zone.key, "pieces": shown}))
    else:
        table = Table(f"from ({chosen.zone.key})", "until", "on call", "by", box=None)
        for one in pieces:
            table.add_row(_local(chosen, one.since), _local(chosen, one.until), *_who(one))
        Console().print(table)
    if any(isinstance(one, Gap) for one in pieces):
        raise typer.Exit(NOBODY)


@oncall_app.command("override")
def override_(
    who: Annotated[str, typer.Argument(help="The address of whoever takes over.")],
    since: Annotated[str, typer.Option("--from", help="2026-11-24T18:00 in the schedule's zone, or now.")] = "now",
    until: Annotated[str, typer.Option(help="When it ends; or say --for.")] = "",
    lasting: Annotated[str, typer.Option("--for", help="How long, like 4h or 2d; or say --until.")] = "",
    note: Annotated[str, typer.Option(help="Why.")] = "",
    schedule: ScheduleName = None,
    project: ProjectSlug = None,
) -> None:
    """Put somebody on call for a while, whoever would be."""
    chosen = _schedule(project, schedule)
    if bool(until) == bool(lasting):
        raise _wrong("Say when it ends, with either --until or --for.")
    try:
        start = read(since, chosen.zone, timezone.now())
        end = read(until, chosen.zone, timezone.now()) if until else start + parse_duration(lasting)
        made = overrides.override(chosen, overrides.Wanted(who, start, end, note), "cli")
    except (ValueError, OverflowError) as error:
        raise _wrong(str(error)) from None
    typer.echo(_line(made))


@oncall_app.command("swap")
def swap_(
    first: Annotated[str, typer.Argument(help="A time within one shift: 2026-11-24T18:00, or now.")],
    second: Annotated[str, typer.Argument(help="A time within the other.")],
    schedule: ScheduleName = None,
    project: ProjectSlug = None,
) -> None:
    """Let the people of two shifts change places."""
    chosen = _schedule(project, schedule)
    try:
        one, other = (read(text, chosen.zone, timezone.now()) for text in (first, second))
        made = overrides.swap(chosen, one, other, "cli")
    except ValueError as error:
        raise _wrong(str(error)) from None
    for takeover in made:
        typer.echo(_line(takeover))


@oncall_app.command("overrides")
def list_(schedule: ScheduleName = None, project: ProjectSlug = None, json: Json = False) -> None:
    """List the overrides that are not over, with their numbers."""
    for one in _schedule(project, schedule).overrides.filter(until__gt=timezone.now()):
        told = {"id": one.pk, "who": one.who, "since": one.since, "until": one.until, "note": one.note}
        typer.echo(orjson.dumps(told | {"made_by": one.made_by}) if json else _line(one))


@oncall_app.command("cancel")
def cancel_(
    number: Annotated[int, typer.Argument(help="The override's number, from: golive oncall overrides")],
    schedule: ScheduleName = None,
    project: ProjectSlug = None,
) -> None:
    """Take an override back; the layers count again from now on."""
    found = _schedule(project, schedule).overrides.filter(pk=number).select_related("schedule__project").first()
    if found is None:
        raise _wrong(f"There is no override {number}; see: golive oncall overrides")
    overrides.cancel(found, "cli")
    typer.echo(f"Override {number} is taken back.")


@oncall_app.command("feed")
def feed_(
    reset: Annotated[bool, typer.Option("--reset", help="End the address in force and make another.")] = False,
    policy: Annotated[str, typer.Option(help="The feed of this escalation policy instead of a schedule's.")] = "",
    schedule: ScheduleName = None,
    project: ProjectSlug = None,
) -> None:
    """Show the secret address at which calendars read a schedule, or whom a policy pages."""
    chosen = _policy(project, policy) if policy else _schedule(project, schedule)
    if reset:
        calendars.reset(chosen, "cli")
    typer.echo(calendars.address(chosen))


def _policy(project: str | None, name: str) -> EscalationPolicy:
    chosen = choose(project)
    every = EscalationPolicy.objects.filter(project=chosen).select_related("project")
    if found := next((one for one in every if one.name == name), None):
        return found
    raise _wrong(f"There is no policy {name}; there are: {', '.join(one.name for one in every) or 'none'}.")


def _schedule(project: str | None, name: str | None) -> Schedule:
    """The schedule of this name, or the only one."""
    chosen = choose(project)
    every = list(Schedule.objects.filter(project=chosen).select_related("project"))
    found = [one for one in every if name in (None, one.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(one.name for one in every)
    if not known:
        raise _wrong("There is no schedule; write [oncall.schedules.primary] in golive.toml and apply.")
    raise _wrong(f"Say which with --schedule; there are {known}.")


def _wrong(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(WRONG_INPUT)


def _who(one: Shift | Gap) -> tuple[str, str]:
    if isinstance(one, Gap):
        return "nobody", ""
    return one.who, f"layer {one.layer}" if one.layer else "override"


def _line(one: Takeover) -> str:
    since, until = _local(one.schedule, one.since), _local(one.schedule, one.until)
    return f"{one.pk}: {one.who} is on call for {one.schedule.name} from {since} until {until}"


def _local(schedule: Schedule, at: datetime) -> str:
    return f"{at.astimezone(schedule.zone):%a %Y-%m-%d %H:%M %Z}"
