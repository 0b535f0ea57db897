"""The mails at a handoff: one to who comes on call, one to who goes."""

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from golive.notify.models import Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_person
from golive.oncall.handoff import LATE, Handoff, latest
from golive.oncall.models import Schedule

AHEAD = timedelta(days=15)


def tell(now: datetime) -> int:
    """Mail the handoffs of the last hour; how many mails. Telling the same again changes nothing, by its key."""
    schedules = Schedule.objects.select_related("project")
    return sum(_tell(schedule, now) for schedule in schedules if schedule.read().handoff_notice)


def _tell(schedule: Schedule, now: datetime) -> int:
    handoff = latest(schedule.final(now - LATE - timedelta(seconds=1), now + AHEAD), now)
    if handoff is None:
        return 0
    key = f"oncall:{schedule.pk}:{handoff.at.isoformat()}:{handoff.came or 'nobody'}"
    told = [(who, content) for who, content in _contents(schedule, handoff) if who]
    for who, content in told:
        to_person(schedule.project, who, content, key=key, urgency=Urgency.NORMAL, about="oncall")
    return len(told)


def _contents(schedule: Schedule, handoff: Handoff) -> list[tuple[str | None, Content]]:
    where = f"{schedule.project}, schedule {schedule.name}"
    until = f"until {_local(schedule, handoff.until)}" if handoff.until else "for more than two weeks"
    came = f"You are on call for {where}, {until}."
    went = f"You are off call for {where}."
    if handoff.went:
        came += f" {handoff.went} was on call before you."
    went += f" {handoff.came} has taken over." if handoff.came else f" Nobody is on call {until}."
    return [
        (handoff.came, _content(schedule, handoff, f"[on call] {schedule.project}: you are on call now", came)),
        (handoff.went, _content(schedule, handoff, f"[off call] {schedule.project}: your turn is over", went)),
    ]


def _content(schedule: Schedule, handoff: Handoff, subject: str, said: str) -> Content:
    url = settings.PUBLIC_URL + reverse("oncall", args=[schedule.project.slug])
    data = {
        "project": schedule.project.slug,
        "schedule": schedule.name,
        "on_call": handoff.came,
        "before": handoff.went,
        "at": handoff.at.isoformat(),
        "until": handoff.until.isoformat() if handoff.until else None,
    }
    return Content(subject, f"{said}\n\nThe schedule: {url}\n", event="oncall.handoff", data=data)


def _local(schedule: Schedule, at: datetime) -> str:
    return f"{at.astimezone(schedule.zone):%a %d %b %H:%M %Z}"
