"""How the person who is signed in is reached: contacts in order, quiet hours, a self-test; and the web app's files."""

import re
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from golive.kit.durations import parse_duration
from golive.notify import reach, trial, webpush
from golive.notify.models import Contact, OutboxMessage, QuietHours
from golive.people import audit
from golive.people.models import Project, User
from golive.people.tokens import actor

MOST = 12
DELAYS = [("", "at once"), *((f"{n}m", f"after {n} min") for n in (1, 2, 3, 5, 10))]
WORKER = Path(__file__).parent / "static" / "notify" / "worker.js"
_ADDRESS = re.compile(r"[^@\s\x00]+@[^@\s\x00]+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)


def contacts(request: HttpRequest) -> HttpResponse:
    """Contacts, quiet hours and what a page would do now."""
    person = _person(request)
    context = {
        "contacts": Contact.objects.filter(person=person.email),
        "quiet": QuietHours.objects.filter(person=person.email).first(),
        "zone": person.time_zone,
        "push_key": webpush.public_key(),
        "delays": DELAYS,
        "last": OutboxMessage.objects.filter(person=person.email).prefetch_related("attempts")[:6],
        "testable": Project.objects.exists(),
    }
    return render(request, "notify/me.html", context)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add an address, or a service by its Apprise URL."""
    person, given = _person(request), request.POST
    text, label = given.get("address", "").strip(), given.get("label", "").strip()
    said = {"urgent": "urgent" in given, "normal": "normal" in given, "after": _delay(given.get("after", ""))}
    if Contact.objects.filter(person=person.email).count() >= MOST:
        messages.error(request, f"Nobody is reached better by more than {MOST} contacts; remove one first.")
    elif service := _SCHEME.fullmatch(text):
        reach.keep(person.email, "apprise", label or service[1], text, **said)
        _noted(request, label or service[1])
    elif _ADDRESS.fullmatch(text) and len(text) <= 254:
        Contact.objects.update_or_create(
            person=person.email, channel="email", address=text.lower(), defaults={"label": label or text[:80], **said}
        )
        _noted(request, label or text)
    else:
        messages.error(request, "Write an email address, or an Apprise URL such as ntfy://ntfy.sh/topic.")
    return redirect("reach")


@require_POST
def push(request: HttpRequest) -> HttpResponse:
    """Keep this browser's push subscription."""
    person = _person(request)
    text = request.POST.get("subscription", "")[:4000]
    try:
        subscription = webpush.Subscription.read(text)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("reach")
    agent = request.headers.get("user-agent", "")
    label = f"Push to {_browser(agent)}"
    reach.keep(person.email, "push", label, text, urgent=True, normal=False)
    _noted(request, f"{label} at {subscription.endpoint.split('/')[2]}")
    return redirect("reach")


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change when a contact is used, move it up, or remove it."""
    person, given = _person(request), request.POST
    contact = get_object_or_404(Contact, person=person.email, pk=pk)
    match given.get("do"):
        case "remove":
            contact.delete()
            audit.record(actor(request), "contact.remove", contact.label)
        case "up":
            _move_up(contact)
        case _:
            contact.urgent, contact.normal = "urgent" in given, "normal" in given
            contact.after = _delay(given.get("after", ""))
            contact.save(update_fields=["urgent", "normal", "after"])
            audit.record(actor(request), "contact.change", contact.label)
    return redirect("reach")


@require_POST
def quiet(request: HttpRequest) -> HttpResponse:
    """Set the quiet hours; two empty fields end them."""
    person = _person(request)
    since, until = request.POST.get("since", ""), request.POST.get("until", "")
    if not since and not until:
        QuietHours.objects.filter(person=person.email).delete()
        messages.success(request, "You have no quiet hours.")
        return redirect("reach")
    try:
        hours = {"since": time.fromisoformat(since), "until": time.fromisoformat(until)}
        ZoneInfo(person.time_zone)
    except (ValueError, KeyError, OSError):
        messages.error(request, "Write both times like 22:00.")
        return redirect("reach")
    QuietHours.objects.update_or_create(person=person.email, defaults={**hours, "zone": person.time_zone})
    audit.record(actor(request), "contact.quiet", f"{since}-{until}")
    messages.success(request, "News that can wait is held in these hours. Pages are not.")
    return redirect("reach")


@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Page me now: by every way that a page would take."""
    person = _person(request)
    project = Project.objects.order_by("slug").first()
    if project is None:
        messages.error(request, "There is no project yet that could page you.")
        return redirect("reach")
    trial.page(project, person.email, timezone.now())
    audit.record(actor(request), "contact.test", person.email, project=project)
    messages.success(request, "You are being paged now, in your order and with your delays; see below.")
    return redirect("reach")


@require_safe
@login_not_required
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, from the root so that it may serve the whole console."""
    answer = HttpResponse(WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
@login_not_required
def manifest(request: HttpRequest) -> HttpResponse:
    """What makes the console an app that can be installed."""
    icons = [
        {"src": static(f"notify/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": use}
        for size, use in ((192, "any"), (512, "any"), (512, "maskable"))
    ]
    content = {
        "id": "/",
        "name": "golive",
        "short_name": "golive",
        "description": "Ship, watch, respond",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#101418",
        "theme_color": "#101418",
        "icons": icons,
        "shortcuts": [{"name": "How I am reached", "url": "/account/reach/"}],
    }
    answer = JsonResponse(content, content_type="application/manifest+json")
    answer["Cache-Control"] = "max-age=3600"
    return answer


def _person(request: HttpRequest) -> User:
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - every page but those marked needs a login
    return person


def _delay(text: str) -> timedelta:
    return parse_duration(text) if text in dict(DELAYS) and text else timedelta(0)


def _move_up(contact: Contact) -> None:
    order = list(Contact.objects.filter(person=contact.person))
    place = order.index(contact)
    if place:
        order[place - 1], order[place] = order[place], order[place - 1]
    for position, one in enumerate(order):
        Contact.objects.filter(pk=one.pk).update(position=position)


def _noted(request: HttpRequest, label: str) -> None:
    audit.record(actor(request), "contact.add", label)
    messages.success(request, f"{label} is kept. Try it: page me now.")


def _browser(agent: str) -> str:
    names = [("Firefox", "Firefox"), ("Edg", "Edge"), ("Chrome", "Chrome"), ("Safari", "Safari")]
    name = next((said for part, said in names if part in agent), "this browser")
    return f"{name} on a phone" if "Mobile" in agent else name


urlpatterns = [
    path("account/reach/", contacts, name="reach"),
    path("account/reach/add/", add, name="reach-add"),
    path("account/reach/push/", push, name="reach-push"),
    path("account/reach/quiet/", quiet, name="reach-quiet"),
    path("account/reach/test/", test, name="reach-test"),
    path("account/reach/<int:pk>/", change, name="reach-change"),
    path("worker.js", worker, name="worker"),
    path("manifest.webmanifest", manifest, name="manifest"),
]
