"""The outbox as a page: what was told to whom, whether it arrived, each attempt."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.notify import me, outbox, route, trial
from golive.notify.models import Delivery, OutboxMessage
from golive.people import audit
from golive.people.models import Role
from golive.people.permissions import needs
from golive.people.tokens import actor

PAGE = 40


def notifications(request: HttpRequest, slug: str) -> HttpResponse:
    """Messages, newest first, with their attempts."""
    project = project_of(request, slug)
    every = OutboxMessage.objects.filter(project=project)
    shown = request.GET.get("state", "")
    found = every.filter(state=shown) if shown in Delivery else every
    context = {
        "project": project,
        "page": Paginator(found.prefetch_related("attempts"), PAGE).get_page(request.GET.get("page")),
        "shown": shown,
        "choices": Delivery.choices,
        "channels": route.channels_of(project),
        "stuck": every.filter(state__in=(Delivery.FAILED, Delivery.DEAD)).count(),
        "total": every.count(),
    }
    return render(request, "notify/outbox.html", context)


@require_POST
@needs(Role.RESPONDER)
def again(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Send one that failed again now."""
    project = project_of(request, slug)
    message = get_object_or_404(OutboxMessage, project=project, pk=pk)
    if outbox.retry_now(message):
        audit.record(actor(request), "notify.retry", message.key, project=project)
        messages.success(request, "It is sent again now.")
    return redirect("notifications", slug)


@require_POST
@needs(Role.RESPONDER)
def test(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a trial message over every channel."""
    project = project_of(request, slug)
    by = actor(request)
    sent = trial.enqueue(project, by, timezone.now(), to=by if "@" in by else "")
    messages.success(request, f"{len(sent)} test message{'s' if len(sent) != 1 else ''} on the way; see below.")
    return redirect("notifications", slug)


urlpatterns = [
    *me.urlpatterns,
    path("p/<slug:slug>/notifications/", notifications, name="notifications"),
    path("p/<slug:slug>/notifications/test/", test, name="notifications-test"),
    path("p/<slug:slug>/notifications/<int:pk>/retry/", again, name="notifications-retry"),
]
NAVIGATION = [Entry("Notifications", "notifications", "mail", "n", 53)]
