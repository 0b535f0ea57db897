"""Conversations with customers over HTTP, and a door for raw mail."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from golive.people.models import Project
from golive.people.paging import Asked, Page, page
from golive.people.tokens import actor, scope
from golive.support import desk, letter
from golive.support.models import Conversation

router = Router()


class SaidOut(Schema):
    """One message; `direction` is in, out or note."""

    id: int
    direction: str
    author: str
    text: str
    at: datetime


class ConversationOut(Schema):
    """A conversation; `waiting_since` is the oldest message without an answer."""

    number: int
    channel: str
    subject: str
    email: str
    name: str
    account: str
    plan: str
    opened_at: datetime
    waiting_since: datetime | None
    first_reply_at: datetime | None
    closed_at: datetime | None
    assignee: str


class WholeOut(ConversationOut):
    """A conversation with all that was said."""

    said: list[SaidOut]


class TextIn(Schema):
    """What to say."""

    text: str = Field(min_length=1, max_length=desk.LONGEST_TEXT)


Waiting = Annotated[bool | None, Query(description="Only those who wait for an answer, or only those who do not.")]


@router.get(
    "/projects/{slug}/support/conversations",
    response=Page[ConversationOut],
    auth=scope("support:read"),
    summary="Conversations with customers",
)
def list_conversations(request: HttpRequest, slug: str, asked: Query[Asked], waiting: Waiting = None) -> dict[str, Any]:
    """Newest first."""
    found = Conversation.objects.filter(project=get_object_or_404(Project, slug=slug))
    if waiting is not None:
        found = found.filter(waiting_since__isnull=not waiting)
    return page(found, asked, lambda row: row)


@router.get(
    "/projects/{slug}/support/conversations/{int:number}",
    response=WholeOut,
    auth=scope("support:read"),
    summary="A conversation, whole",
)
def show(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """Everything that was said, notes included."""
    found = _of(slug, number)
    return {**ConversationOut.from_orm(found).dict(), "said": list(found.said.all())}


@router.post(
    "/projects/{slug}/support/conversations/{int:number}/replies",
    response={201: SaidOut},
    auth=scope("support:write"),
    summary="Answer a customer",
)
def reply(request: HttpRequest, slug: str, number: int, body: TextIn) -> Status[Any]:
    """By mail, or in the chat."""
    return _say(desk.reply, request, slug, number, body)


@router.post(
    "/projects/{slug}/support/conversations/{int:number}/notes",
    response={201: SaidOut},
    auth=scope("support:write"),
    summary="Write a note that the customer never sees",
)
def note(request: HttpRequest, slug: str, number: int, body: TextIn) -> Status[Any]:
    """A note among the team."""
    return _say(desk.note, request, slug, number, body)


@router.post(
    "/projects/{slug}/support/conversations/{int:number}/closure",
    response={204: None},
    auth=scope("support:write"),
    summary="Close a conversation",
)
def closure(request: HttpRequest, slug: str, number: int) -> Status[None]:
    """It opens again when the customer writes."""
    desk.close(_of(slug, number), actor(request), timezone.now())
    return Status(204, None)


@router.post(
    "/projects/{slug}/support/mail",
    response={202: ConversationOut},
    auth=scope("support:write"),
    summary="Hand in a mail as it was received",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def mail(request: HttpRequest, slug: str) -> Status[Conversation]:
    """A raw RFC 5322 message, from a mail provider's route or a mail server's pipe. The same one twice counts once."""
    inbox = desk.inbox_of(get_object_or_404(Project, slug=slug))
    raw = request.read(letter.LARGEST_BYTES + 1)
    try:
        return Status(202, desk.take_letter(inbox, letter.read(raw), timezone.now()))
    except letter.LetterError as error:
        raise HttpError(422, str(error)) from None


def _say(verb: Any, request: HttpRequest, slug: str, number: int, body: TextIn) -> Status[Any]:
    try:
        return Status(201, verb(_of(slug, number), body.text, actor(request), timezone.now()))
    except desk.SupportError as error:
        raise HttpError(422, str(error)) from None


def _of(slug: str, number: int) -> Conversation:
    return get_object_or_404(Conversation.objects.select_related("project"), project__slug=slug, number=number)
