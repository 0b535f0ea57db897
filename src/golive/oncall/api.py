"""Who is on call, over HTTP."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from golive.oncall.roster import roster_of
from golive.people.models import Project
from golive.people.tokens import scope

router = Router()


class OnCallOut(Schema):
    """People in the order in which they are paged; empty when nobody is on call."""

    people: list[str]
    repeat_seconds: float
    escalate_seconds: float


@router.get("/projects/{slug}/oncall", response=OnCallOut, auth=scope("oncall:read"), summary="Who is on call now")
def on_call(request: HttpRequest, slug: str) -> OnCallOut:
    """Who is paged now, and how a page repeats and escalates."""
    policy = roster_of(get_object_or_404(Project, slug=slug)).on_call_at(timezone.now())
    return OnCallOut(
        people=list(policy.people),
        repeat_seconds=policy.repeat.total_seconds(),
        escalate_seconds=policy.escalate.total_seconds(),
    )
