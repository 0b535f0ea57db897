"""Who is on call, the schedules of the next two weeks, and what happens when nobody answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.oncall import feed, overrides, strip
from golive.oncall.escalation import Policy, rehearse
from golive.oncall.final import Gap, Shift
from golive.oncall.models import EscalationPolicy, OnCall, Schedule, Takeover
from golive.oncall.policies import resolve
from golive.oncall.roster import roster_of
from golive.oncall.wallclock import read
from golive.people.models import Project, Role, User
from golive.people.permissions import may, needs
from golive.people.tokens import actor

SHOWN = timedelta(minutes=30)
DAYS = 14


@dataclass(frozen=True)
class Shown:
    """A schedule as the page shows it."""

    schedule: Schedule
    days: list[strip.Day]
    pieces: list[Shift | Gap]
    now: Shift | Gap
    gaps: list[Gap]
    overrides: list[Takeover]
    feed: str

    @property
    def shifts(self) -> list[Shift]:
        return [piece for piece in self.pieces if isinstance(piece, Shift)]


def oncall(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is paged, in what order, the schedules, and the first half hour of an unanswered page."""
    project = project_of(request, slug)
    now = timezone.now()
    policy = roster_of(project).on_call_at(now)
    schedules = [_shown(one, now) for one in Schedule.objects.filter(project=project).select_related("project")]
    everybody = {*policy.people, *(who for one in schedules for who in one.schedule.people)}
    people = {user.email: str(user) for user in User.objects.filter(is_active=True)}
    context = {
        "project": project,
        "policies": _policies(project, now),
        "policy": policy,
        "people": [(who, people.get(who, "")) for who in policy.people],
        "rehearsal": [(at - now, page) for at, page in rehearse(policy, now, SHOWN)],
        "schedules": schedules,
        "known": sorted(everybody | people.keys()),
        "may_change": may(request.user, Role.RESPONDER),
        "zone": timezone.get_current_timezone_name(),
        "swap_fields": [("first", "Shift"), ("second", "With")],
    }
    return render(request, "oncall/oncall.html", context)


def on_call_now(project: Project) -> str:
    """Who is on call, in a word, for the navigation of every page."""
    people = roster_of(project).on_call_at(timezone.now()).people
    return people[0].partition("@")[0] if people else "nobody"


@dataclass(frozen=True)
class ShownPolicy:
    """An escalation policy, and what it comes to now."""

    name: str
    services: list[str]
    words: str
    now: Policy
    feed: str


def _policies(project: Project, now: datetime) -> list[ShownPolicy]:
    kept = OnCall.objects.filter(project=project).first() or OnCall(project=project)
    kept_policies = list(EscalationPolicy.objects.filter(project=project))
    plans = {one.name: one.read() for one in kept_policies}
    feeds = {one.name: feed.address(one) for one in kept_policies}
    schedules = {one.name: one for one in Schedule.objects.filter(project=project)}

    def on_call(name: str) -> str | None:
        return schedules[name].on_call_at(now) if name in schedules else None

    return [
        ShownPolicy(
            name,
            plan.services,
            plan.words(),
            resolve(plans, name, now, on_call=on_call, repeat=kept.repeat, escalate=kept.escalate),
            feeds[name],
        )
        for name, plan in plans.items()
    ]


def _shown(schedule: Schedule, now: datetime) -> Shown:
    starts = strip.day_starts(now, timezone.get_current_timezone(), DAYS)
    pieces = schedule.final(starts[0], starts[-1])
    coming = [piece for piece in pieces if piece.until > now]
    return Shown(
        schedule=schedule,
        days=strip.days(pieces, starts, now),
        pieces=coming,
        now=coming[0],
        gaps=[piece for piece in coming if isinstance(piece, Gap)],
        overrides=list(schedule.overrides.filter(until__gt=now)),
        feed=feed.address(schedule),
    )


@require_POST
@needs(Role.RESPONDER)
def override(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Put somebody on call for a while."""
    schedule = _schedule(request, slug, name)
    zone, now = schedule.zone, timezone.now()
    asked = request.POST
    try:
        since, until = read(asked.get("since", ""), zone, now), read(asked.get("until", ""), zone, now)
        wanted = overrides.Wanted(asked.get("who", ""), since, until, asked.get("note", "").strip())
        made = overrides.override(schedule, wanted, actor(request))
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{made.who} takes over; the schedule below is the new one.")
    return redirect("oncall", slug)


@require_POST
@needs(Role.RESPONDER)
def swap(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Let two shifts change places."""
    schedule = _schedule(request, slug, name)
    now = timezone.now()
    try:
        first, second = (read(request.POST.get(key, ""), schedule.zone, now) for key in ("first", "second"))
        one, other = overrides.swap(schedule, first, second, actor(request))
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{one.who} and {other.who} have swapped.")
    return redirect("oncall", slug)


@require_POST
@needs(Role.RESPONDER)
def cancel(request: HttpRequest, slug: str, name: str, pk: int) -> HttpResponse:
    """Take an override back."""
    takeover = get_object_or_404(_schedule(request, slug, name).overrides.select_related("schedule__project"), pk=pk)
    overrides.cancel(takeover, actor(request))
    messages.success(request, f"The override of {takeover.who} is taken back.")
    return redirect("oncall", slug)


@require_POST
@needs(Role.RESPONDER)
def reset(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """End the calendar's address and make another."""
    return _reset(request, slug, _schedule(request, slug, name))


@require_POST
@needs(Role.RESPONDER)
def reset_policy(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """End the address of a policy's calendar and make another."""
    project = project_of(request, slug)
    return _reset(request, slug, get_object_or_404(EscalationPolicy, project=project, name=name))


def _reset(request: HttpRequest, slug: str, shown: Schedule | EscalationPolicy) -> HttpResponse:
    feed.reset(shown, actor(request))
    messages.success(request, "The calendar has a new address; the old one is dead.")
    return redirect("oncall", slug)


@require_safe
@login_not_required
def policy_calendar(request: HttpRequest, pk: int, token: str) -> HttpResponse:
    """Whom a policy pages as iCal, for whoever has the secret address."""
    policy = feed.opened(EscalationPolicy, pk, token)
    if policy is None:
        raise Http404
    return _ical(feed.policy_calendar(policy, timezone.now(), _names()))


@require_safe
@login_not_required
def calendar(request: HttpRequest, pk: int, token: str) -> HttpResponse:
    """The schedule as iCal, for whoever has the secret address."""
    schedule = feed.opened(Schedule, pk, token)
    if schedule is None:
        raise Http404
    return _ical(feed.calendar(schedule, timezone.now(), _names()))


def _names() -> dict[str, str]:
    return {user.email: str(user) for user in User.objects.filter(is_active=True)}


def _ical(body: bytes) -> HttpResponse:
    headers = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)


def _schedule(request: HttpRequest, slug: str, name: str) -> Schedule:
    project: Project = project_of(request, slug)
    return get_object_or_404(Schedule.objects.select_related("project"), project=project, name=name)


urlpatterns = [
    path("p/<slug:slug>/oncall/", oncall, name="oncall"),
    path("p/<slug:slug>/oncall/<slug:name>/override/", override, name="oncall-override"),
    path("p/<slug:slug>/oncall/<slug:name>/override/<int:pk>/cancel/", cancel, name="oncall-cancel"),
    path("p/<slug:slug>/oncall/<slug:name>/swap/", swap, name="oncall-swap"),
    path("p/<slug:slug>/oncall/<slug:name>/feed/", reset, name="oncall-feed-reset"),
    path("p/<slug:slug>/oncall/policies/<slug:name>/feed/", reset_policy, name="oncall-policy-feed-reset"),
    path("oncall/policy-<int:pk>-<slug:token>.ics", policy_calendar, name="oncall-policy-feed"),
    path("oncall/<int:pk>-<slug:token>.ics", calendar, name="oncall-feed"),
]
NAVIGATION = [Entry("On call", "oncall", "phone", "o", 52, on_call_now)]
