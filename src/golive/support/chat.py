"""Live chat over HTTP: a visitor signed in by the customer's own server, from the customer's own pages only."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from urllib.parse import urlsplit

import orjson
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from golive.people.models import Project
from golive.people.secrets import SecretError, resolve
from golive.people.tokens import Failures
from golive.support import desk
from golive.support.identity import IdentityError, verify
from golive.support.models import Channel, Conversation, Direction, Said

LIFETIME = timedelta(hours=12)
LARGEST_BODY = 64_000
SHOWN = 200
_SALT = "golive.support.chat"
tries = Failures(limit=60)
View = Callable[[HttpRequest, Project], HttpResponse]


class ChatError(Exception):
    """Refused, with a status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _public(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Without our login and cookies (a bearer token says who it is), readable from the project's own origin alone."""

    @csrf_exempt
    @login_not_required
    @never_cache
    @wraps(view)
    def served(request: HttpRequest, slug: str) -> HttpResponse:
        project = get_object_or_404(Project, slug=slug)
        if request.method == "OPTIONS":
            answer = HttpResponse(status=204)
        else:
            try:
                answer = view(request, project)
            except ChatError as error:
                answer = JsonResponse({"error": str(error)}, status=error.status)
        return _open_to(project, answer)

    return served


def _open_to(project: Project, answer: HttpResponse) -> HttpResponse:
    parts = urlsplit(project.url)
    if parts.scheme and parts.netloc:
        answer["Access-Control-Allow-Origin"] = f"{parts.scheme}://{parts.netloc}"
        answer["Access-Control-Allow-Headers"] = "authorization, content-type"
        answer["Access-Control-Allow-Methods"] = "GET, POST"
        answer["Vary"] = "Origin"
    return answer


@_public
def begin(request: HttpRequest, project: Project) -> HttpResponse:
    """POST {"payload", "signature"}: who chats. Answers with a session and what was said so far."""
    if request.method != "POST":
        raise ChatError(405, "Begin a chat by POST.")
    if tries.exceeded(request.META.get("REMOTE_ADDR", ""), timezone.now()):
        raise ChatError(429, "Too many tries; wait a minute.")
    body, inbox = _body(request), desk.inbox_of(project)
    try:
        secret = resolve(inbox.chat_secret) if inbox.chat_secret else ""
        visitor = verify(body.get("payload", ""), body.get("signature", ""), secret, inbox.chat_plans, timezone.now())
    except IdentityError as error:
        raise ChatError(403, str(error)) from error
    except SecretError as error:
        raise ChatError(503, "Chat is not set up.") from error
    conversation = desk.begin_chat(inbox, visitor, timezone.now())
    session = signing.dumps({"c": conversation.token}, salt=_SALT)
    return JsonResponse({"session": session, "messages": _shown(conversation, 0)})


@_public
def messages(request: HttpRequest, project: Project) -> HttpResponse:
    """GET ?after=ID: what was said since. POST {"text"}: say something. Both with the session as bearer token."""
    conversation = _session(request, project)
    if request.method == "POST":
        if tries.exceeded(conversation.token, timezone.now()):
            raise ChatError(429, "That is a lot of messages; wait a minute.")
        try:
            desk.take_chat(desk.inbox_of(project), conversation, _body(request).get("text", ""), timezone.now())
        except desk.SupportError as error:
            raise ChatError(422, str(error)) from error
    after = request.GET.get("after", "0")
    return JsonResponse({"messages": _shown(conversation, int(after) if after.isdigit() and len(after) < 18 else 0)})


def _session(request: HttpRequest, project: Project) -> Conversation:
    word, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        content = signing.loads(token if word == "Bearer" else "", salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        raise ChatError(401, "The chat's session has ended; load the page again.") from None
    found = Conversation.objects.filter(project=project, token=content["c"], channel=Channel.CHAT)
    conversation = found.select_related("project").first()
    if conversation is None:
        raise ChatError(404, "There is no such chat.")
    return conversation


def _body(request: HttpRequest) -> dict[str, str]:
    raw = request.read(LARGEST_BODY + 1)
    try:
        found = orjson.loads(raw) if len(raw) <= LARGEST_BODY else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ChatError(400, "Send a JSON object of at most 64 kB.")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _shown(conversation: Conversation, after: int) -> list[dict[str, object]]:
    """The newest messages, without notes: those stay among us."""
    said = Said.objects.filter(conversation=conversation, pk__gt=after).exclude(direction=Direction.NOTE)
    newest = list(said.order_by("-pk")[:SHOWN])[::-1]
    return [
        {"id": one.pk, "mine": one.direction == Direction.IN, "text": one.text, "at": one.at.isoformat()}
        for one in newest
    ]
