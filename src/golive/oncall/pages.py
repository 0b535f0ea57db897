"""The page that says who is on call, and what happens when they do not answer."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.oncall.escalation import rehearse
from golive.oncall.roster import roster_of
from golive.people.models import User

SHOWN = timedelta(minutes=30)


def oncall(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is paged, in what order, and the first half hour of an unanswered page."""
    project = project_of(request, slug)
    now = timezone.now()
    policy = roster_of(project).on_call_at(now)
    names = {user.email: str(user) for user in User.objects.filter(email__in=policy.people)}
    context = {
        "project": project,
        "policy": policy,
        "people": [(who, names.get(who, "")) for who in policy.people],
        "rehearsal": [(at - now, page) for at, page in rehearse(policy, now, SHOWN)],
    }
    return render(request, "oncall/oncall.html", context)


urlpatterns = [path("p/<slug:slug>/oncall/", oncall, name="oncall")]
NAVIGATION = [Entry("On call", "oncall", "phone", "o", 52)]
