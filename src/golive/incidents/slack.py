"""Slack's side of incidents: buttons under messages and the command `/golive`, in requests that Slack has signed."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from golive.alerts.models import Severity
from golive.incidents import links, moves, view
from golive.incidents.lifecycle import CLOSED, IllegalTransition
from golive.incidents.models import Incident
from golive.notify.models import Channels, Urgency
from golive.notify.outbox import Content, enqueue
from golive.oncall.roster import roster_of
from golive.people.models import Project
from golive.people.secrets import SecretError, resolve

FRESH = timedelta(minutes=5)
ANSWERS_AT = "https://hooks.slack.com/"
HELP = (
    "/golive list · open TITLE · ack NUMBER · snooze NUMBER · note NUMBER TEXT · mitigate NUMBER · who "
    "(resolving needs a cause: the button opens its page)"
)


@dataclass(frozen=True)
class Order:
    """What somebody wants: a verb, the number of an incident (0: none), and words."""

    verb: str
    number: int = 0
    words: str = ""


def genuine(secret: str, signature: str, timestamp: str, body: bytes, now: datetime) -> bool:
    """Whether Slack signed it, within the last five minutes. https://docs.slack.dev (verifying requests, `v0`)."""
    if not timestamp.isdigit() or abs(now.timestamp() - int(timestamp)) > FRESH.total_seconds():
        return False
    wanted = "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, sha256).hexdigest()
    return hmac.compare_digest(wanted, signature)


def read(text: str) -> Order:
    """What was typed behind `/golive`; anything that is not understood asks for help."""
    verb, _, rest = text.strip().partition(" ")
    verb, rest = verb.lower(), rest.strip()
    if verb in ("list", "who"):
        return Order(verb)
    if verb == "open" and rest:
        return Order(verb, 0, rest)
    number, _, words = rest.removeprefix("#").partition(" ")
    wants_words = verb == "note"
    if verb in ("ack", "snooze", "mitigate", "note") and number.isdigit() and len(number) < 9:
        return Order(verb, int(number), words.strip()) if bool(words.strip()) == wants_words else Order("help")
    return Order("help")


@csrf_exempt  # Slack's signature is the credential
@login_not_required
@require_POST
def slack(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a button or a command."""
    project = Project.objects.filter(slug=slug).first()
    kept = Channels.objects.filter(project=project).first() if project else None
    now = timezone.now()
    try:
        secret = resolve(kept.slack_signing_secret) if kept and kept.slack_signing_secret else ""
    except SecretError:
        secret = ""
    signature, sent_at = (request.headers.get(f"x-slack-{name}", "") for name in ("signature", "request-timestamp"))
    if project is None or not secret or not genuine(secret, signature, sent_at, request.body, now):
        return JsonResponse({"error": "This request is not signed by the Slack app of this project."}, status=401)
    if "payload" in request.POST:
        return _pressed(project, request.POST["payload"], now)
    told = carry_out(project, read(request.POST.get("text", "")), _who(request.POST), now)
    return JsonResponse({"response_type": "ephemeral", "text": told})


def carry_out(project: Project, order: Order, by: str, now: datetime) -> str:
    """Do it, and say so; what cannot be done is said as well."""
    if order.verb == "list":
        live = Incident.objects.filter(project=project).exclude(state__in=CLOSED).select_related("project")[:10]
        return "\n".join(f"#{one.number} {view.headline(one, now)}" for one in live) or "Nothing is open."
    if order.verb == "who":
        people = roster_of(project).on_call_at(now).people
        return f"{people[0]} is on call." if people else "Nobody is on call."
    if order.verb == "open":
        made = moves.open_incident(project, order.words, Severity.CRITICAL, now, by=by)
        return f"Opened #{made.number}: {made.title}. Whoever is on call is paged. {made.url}"
    if order.verb == "help":
        return HELP
    incident = Incident.objects.select_related("project").filter(project=project, number=order.number).first()
    if incident is None:
        return f"There is no incident #{order.number}."
    try:
        return _move(incident, order, by, now)
    except IllegalTransition as error:
        return str(error)


def _move(incident: Incident, order: Order, by: str, now: datetime) -> str:
    match order.verb:
        case "ack":
            moves.acknowledge(incident, by, now)
            return f"#{incident.number} is acknowledged by {by}; pages have stopped."
        case "snooze":
            moves.snooze(incident, by, now)
            return f"#{incident.number} is snoozed for 30 minutes."
        case "mitigate":
            moves.mitigate(incident, by, now)
            return f"#{incident.number} is mitigated."
        case _:
            moves.note(incident, by, now, order.words)
            return f"Noted on #{incident.number}."


def _pressed(project: Project, payload: str, now: datetime) -> HttpResponse:
    """A button: the answer goes to where Slack wants it, through the outbox."""
    try:
        given = orjson.loads(payload)
        action = given["actions"][0]
        verb, token, back = action["action_id"].removeprefix("golive."), action["value"], given.get("response_url", "")
        by = _who(given["user"])
        asked = links.read(links.Purpose.BUTTON, token)
    except (ValueError, KeyError, TypeError, IndexError):
        return HttpResponse(status=400)
    except links.LinkError as error:
        return JsonResponse({"text": str(error)})
    incident = asked.incident
    if incident.project_id != project.pk:
        return HttpResponse(status=400)
    verbs = {"acknowledge": "ack", "snooze": "snooze"}
    if verb in verbs:
        told = carry_out(project, Order(verbs[verb], incident.number), by, now)
    else:
        told = f"Resolving needs a cause and a fix: {incident.url}#resolve"
    if back.startswith(ANSWERS_AT):
        content = Content("", told, event="slack.answer", data={"text": told, "replace_original": False})
        key = f"slack:{incident.pk}:{verb}:{now.timestamp():.3f}"
        enqueue(project, "hook", back, content, key=key, urgency=Urgency.HIGH, about=incident.about)
    return HttpResponse(status=200)


def _who(given: Mapping[str, str]) -> str:
    name = given.get("username") or given.get("user_name") or given.get("name") or given.get("user_id") or "somebody"
    return f"{str(name)[:80]} (Slack)"


urlpatterns = [path("chat/slack/<slug:slug>/", slack, name="slack")]
