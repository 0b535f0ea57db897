"""Who is on call, schedules, overrides and swaps, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import AwareDatetime, StringConstraints

from golive.oncall import overrides
from golive.oncall.final import Shift
from golive.oncall.models import Schedule, Takeover
from golive.oncall.roster import roster_of
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()
LONGEST = timedelta(days=92)
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class ScheduleNow(Schema):
    """Who a schedule says is on call now; null in a gap."""

    name: str
    on_call: str | None


class OnCallOut(Schema):
    """People in the order in which they are paged; empty when nobody is on call."""

    people: list[str]
    repeat_seconds: float
    escalate_seconds: float
    schedules: list[ScheduleNow]


class PieceOut(Schema):
    """A shift, or a gap with `who` null; since <= t < until. `layer` counts from 1, 0 is an override, null a gap."""

    who: str | None
    since: datetime
    until: datetime
    layer: int | None


class FinalOut(Schema):
    """The final schedule: pieces that cover the stretch once and exactly."""

    name: str
    zone: str
    pieces: list[PieceOut]


class OverrideIn(Schema):
    """Somebody takes over."""

    who: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s\x00]+$")]
    since: AwareDatetime
    until: AwareDatetime
    note: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = ""


class OverrideOut(Schema):
    """An override; a swap makes two."""

    id: int
    who: str
    since: datetime
    until: datetime
    note: str
    made_by: str


class SwapIn(Schema):
    """An instant within each of two shifts."""

    first: AwareDatetime
    second: AwareDatetime


@router.get("/projects/{slug}/oncall", response=OnCallOut, auth=scope("oncall:read"), summary="Who is on call now")
def on_call(request: HttpRequest, slug: str) -> OnCallOut:
    """Who is paged now, and how a page repeats and escalates."""
    project, now = get_object_or_404(Project, slug=slug), timezone.now()
    policy = roster_of(project).on_call_at(now)
    return OnCallOut(
        people=list(policy.people),
        repeat_seconds=policy.repeat.total_seconds(),
        escalate_seconds=policy.escalate.total_seconds(),
        schedules=[
            ScheduleNow(name=one.name, on_call=one.on_call_at(now)) for one in Schedule.objects.filter(project=project)
        ],
    )


@router.get(
    "/projects/{slug}/oncall/schedules/{name}",
    response=FinalOut,
    auth=scope("oncall:read"),
    summary="The final schedule with its gaps",
)
def final(
    request: HttpRequest, slug: str, name: str, since: AwareDatetime | None = None, until: AwareDatetime | None = None
) -> FinalOut:
    """Shifts and gaps, of the next two weeks when no stretch is given; 92 days at most."""
    schedule = _schedule(slug, name)
    start = _sane(since) if since else timezone.now()
    end = _sane(until) if until else start + timedelta(days=14)
    if not timedelta(0) < end - start <= LONGEST:
        raise HttpError(422, "until is after since, and by 92 days at most.")
    pieces = [
        PieceOut(who=one.who, since=one.since, until=one.until, layer=one.layer)
        if isinstance(one, Shift)
        else PieceOut(who=None, since=one.since, until=one.until, layer=None)
        for one in schedule.final(start, end)
    ]
    return FinalOut(name=schedule.name, zone=schedule.zone.key, pieces=pieces)


@router.get(
    "/projects/{slug}/oncall/schedules/{name}/overrides",
    response=list[OverrideOut],
    auth=scope("oncall:read"),
    summary="Overrides that are not over",
)
def list_overrides(request: HttpRequest, slug: str, name: str) -> list[Takeover]:
    """Overrides of now and later, the earliest first."""
    return list(_schedule(slug, name).overrides.filter(until__gt=timezone.now()))


@router.post(
    "/projects/{slug}/oncall/schedules/{name}/overrides",
    response={201: OverrideOut},
    auth=scope("oncall:write"),
    summary="Put somebody on call for a while",
)
def override(request: HttpRequest, slug: str, name: str, body: OverrideIn) -> Status[Takeover]:
    """Somebody takes over, from now at the earliest."""
    schedule = _schedule(slug, name)
    wanted = overrides.Wanted(body.who, _sane(body.since), _sane(body.until), body.note)
    try:
        return Status(201, overrides.override(schedule, wanted, actor(request)))
    except overrides.OverrideError as error:
        raise HttpError(422, str(error)) from None


@router.post(
    "/projects/{slug}/oncall/schedules/{name}/swaps",
    response={201: list[OverrideOut]},
    auth=scope("oncall:write"),
    summary="Swap two shifts",
)
def swap(request: HttpRequest, slug: str, name: str, body: SwapIn) -> Status[list[Takeover]]:
    """The people of two shifts change places, by two overrides."""
    schedule = _schedule(slug, name)
    try:
        return Status(201, list(overrides.swap(schedule, _sane(body.first), _sane(body.second), actor(request))))
    except overrides.OverrideError as error:
        raise HttpError(422, str(error)) from None


@router.delete(
    "/projects/{slug}/oncall/schedules/{name}/overrides/{int:number}",
    response={204: None},
    auth=scope("oncall:write"),
    summary="Take an override back",
)
def cancel(request: HttpRequest, slug: str, name: str, number: int) -> Status[None]:
    """The layers count again from now on."""
    found = _schedule(slug, name).overrides.select_related("schedule__project")
    overrides.cancel(get_object_or_404(found, pk=number), actor(request))
    return Status(204, None)


def _schedule(slug: str, name: str) -> Schedule:
    return get_object_or_404(Schedule.objects.select_related("project"), project__slug=slug, name=name)


def _sane(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise HttpError(422, "A time is between the years 2000 and 2200.")
    return at.astimezone(UTC)
