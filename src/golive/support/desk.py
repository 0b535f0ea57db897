"""What happens to conversations: opened, written in, answered, closed. Every write of their state is here."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from golive.notify.models import Channels
from golive.notify.outbox import Content, enqueue
from golive.people import audit
from golive.people.models import Project
from golive.support.identity import Visitor
from golive.support.letter import Letter
from golive.support.models import Channel, Conversation, Direction, Inbox, Said

LONGEST_TEXT = 20_000


class SupportError(ValueError):
    """It was not done; the message says why and what to do."""


def inbox_of(project: Project) -> Inbox:
    """The project's inbox, or the defaults (not saved)."""
    return Inbox.objects.filter(project=project).first() or Inbox(project=project)


def promise(inbox: Inbox) -> str:
    """The promised time in a customer's words: "8 hours"."""
    hours = inbox.reply_within / timedelta(hours=1)
    return f"{hours:.0f} hours" if hours >= 2 else f"{max(1, round(hours * 60))} minutes"


def take_letter(inbox: Inbox, letter: Letter, now: datetime) -> Conversation:
    """A mail came in: it goes on with the conversation it answers, or begins one. The same mail twice counts once."""
    try:
        return _known(inbox.project, letter.message_id) or _keep_letter(inbox, letter, now)
    except IntegrityError:
        if known := _known(inbox.project, letter.message_id):  # the same mail came in beside this one
            return known
        raise


def _keep_letter(inbox: Inbox, letter: Letter, now: datetime) -> Conversation:
    with transaction.atomic():
        found = Conversation.objects.filter(project=inbox.project, token=letter.token).first() if letter.token else None
        fresh = found is None
        conversation = found or _open(
            inbox.project, Channel.MAIL, letter.subject, now, email=letter.sender, name=letter.name
        )
        _hear(inbox, conversation, letter.author, letter.text, now, letter)
        if fresh and not letter.automatic:
            _confirm(inbox, conversation, letter.message_id)
    return conversation


def take_form(inbox: Inbox, *, email: str, name: str, subject: str, text: str, now: datetime) -> Conversation:
    """Somebody wrote by the form."""
    with transaction.atomic():
        conversation = _open(inbox.project, Channel.FORM, subject, now, email=email, name=name)
        _hear(inbox, conversation, name or email, text, now)
        _confirm(inbox, conversation)
    return conversation


def begin_chat(inbox: Inbox, visitor: Visitor, now: datetime) -> Conversation:
    """The visitor's open chat, or a new one."""
    with transaction.atomic():
        open_ones = Conversation.objects.filter(
            project=inbox.project, channel=Channel.CHAT, email=visitor.email.lower(), account=visitor.account
        )
        found = open_ones.filter(closed_at=None).first()
        return found or _open(
            inbox.project,
            Channel.CHAT,
            f"Chat with {visitor.name or visitor.email}",
            now,
            email=visitor.email.lower(),
            name=visitor.name,
            account=visitor.account,
            plan=visitor.plan,
        )


def take_chat(inbox: Inbox, conversation: Conversation, text: str, now: datetime) -> Said:
    """The visitor says something. Raises SupportError for an empty or closed chat."""
    if conversation.closed_at is not None:
        raise SupportError("This chat was closed; begin a new one.")
    with transaction.atomic():
        return _hear(inbox, conversation, conversation.who, _worded(text), now)


def reply(conversation: Conversation, text: str, by: str, now: datetime) -> Said:
    """Answer the customer the way they wrote. Raises SupportError when there is nothing to say or no way to say it."""
    text = _worded(text)
    if conversation.channel != Channel.CHAT and not conversation.email:
        raise SupportError("There is no address to answer to.")
    with transaction.atomic():
        said = _say(conversation, Direction.OUT, by, text, now)
        if conversation.channel != Channel.CHAT:
            _mail(conversation, text, said.pk)
        conversation.waiting_since = None
        conversation.first_reply_at = conversation.first_reply_at or now
        conversation.assignee = conversation.assignee or by
        conversation.save(update_fields=["waiting_since", "first_reply_at", "assignee"])
        audit.record(by, "support.reply", str(conversation.number), project=conversation.project)
    return said


def note(conversation: Conversation, text: str, by: str, now: datetime) -> Said:
    """Write something down that the customer never sees."""
    return _say(conversation, Direction.NOTE, by, _worded(text), now)


def close(conversation: Conversation, by: str, now: datetime) -> None:
    """Nothing is left to answer. A new message of the customer opens it again."""
    Conversation.objects.filter(pk=conversation.pk).update(closed_at=now, waiting_since=None)
    audit.record(by, "support.close", str(conversation.number), project=conversation.project)


def assign(conversation: Conversation, to: str, by: str) -> None:
    """Somebody takes it."""
    Conversation.objects.filter(pk=conversation.pk).update(assignee=to)
    audit.record(by, "support.assign", str(conversation.number), project=conversation.project, to=to)


def _known(project: Project, message_id: str) -> Conversation | None:
    said = Said.objects.filter(project=project, message_id=message_id).select_related("conversation__project")
    return found.conversation if (found := said.first()) else None


def _open(
    project: Project,
    channel: Channel,
    subject: str,
    now: datetime,
    *,
    email: str = "",
    name: str = "",
    account: str = "",
    plan: str = "",
) -> Conversation:
    for _ in range(20):
        last = Conversation.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
        try:
            with transaction.atomic():
                return Conversation.objects.create(
                    project=project,
                    number=last + 1,
                    channel=channel,
                    subject=subject[:200],
                    email=email,
                    name=name[:120],
                    account=account,
                    plan=plan,
                    opened_at=now,
                )
        except IntegrityError:  # somebody else took the number
            continue
    raise SupportError("Too many conversations begin at once; try again.")


def _say(
    conversation: Conversation,
    direction: Direction,
    author: str,
    text: str,
    now: datetime,
    letter: Letter | None = None,
) -> Said:
    return Said.objects.create(
        project=conversation.project,
        conversation=conversation,
        direction=direction,
        author=author[:254],
        text=text,
        at=now,
        message_id=letter.message_id if letter else "",
        attachments=[list(one) for one in letter.attachments] if letter else [],
    )


def _hear(
    inbox: Inbox, conversation: Conversation, author: str, text: str, now: datetime, letter: Letter | None = None
) -> Said:
    """Keep what the customer said, start their clock, and tell the team."""
    said = _say(conversation, Direction.IN, author, text, now, letter)
    conversation.waiting_since = conversation.waiting_since or now
    conversation.closed_at = None
    conversation.save(update_fields=["waiting_since", "closed_at"])
    for address in [conversation.assignee] if "@" in conversation.assignee else inbox.tell:
        enqueue(
            inbox.project,
            "email",
            address,
            Content(
                f"{conversation.who} wrote: {conversation.subject}",
                f"{text}\n\nAnswer: {settings.PUBLIC_URL}{conversation.link}\n",
                event="support.message",
            ),
            key=f"support:{said.pk}:{address}",
            about=f"support:{conversation.pk}",
        )
    return said


def _confirm(inbox: Inbox, conversation: Conversation, answers: str = "") -> None:
    """Tell the customer that it has arrived, and by when they hear from a person."""
    _mail(
        conversation,
        f"We have your message and answer within {promise(inbox)}. To add something, just answer this mail.\n",
        0,
        answers,
        automatic=True,
    )


def _mail(conversation: Conversation, text: str, number: int, answers: str = "", *, automatic: bool = False) -> None:
    """Put a mail to the customer into the outbox; threaded, so that the answer finds its conversation."""
    inbox = inbox_of(conversation.project)
    first = conversation.said.exclude(message_id="").values_list("message_id", flat=True).last()
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    sender = inbox.address or _sender(conversation.project)
    heard = answers or first or ""
    enqueue(
        conversation.project,
        "email",
        conversation.email,
        Content(
            conversation.subject if conversation.subject.lower().startswith("re:") else f"Re: {conversation.subject}",
            text,
            event="support.reply",
            data={
                "mail": {
                    "from": sender,
                    "reply_to": reply_address(inbox.address, conversation.token),
                    "in_reply_to": heard,
                    "automatic": automatic,
                }
            },
        ),
        key=f"support:{conversation.pk}:{number}",
        message_id=f"<{conversation.token}.{number}.support@{host}>",
    )


def reply_address(address: str, token: str) -> str:
    """The inbox's address with the conversation in it: an answer there needs no headers to be understood."""
    local, at, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}" if at else ""


def _sender(project: Project) -> str:
    channels = Channels.objects.filter(project=project).first()
    return channels.sender if channels else ""


def _worded(text: str) -> str:
    kept = text.replace("\0", "").strip()
    if not kept:
        raise SupportError("Write something first.")
    if len(kept) > LONGEST_TEXT:
        raise SupportError(f"That is longer than {LONGEST_TEXT:,} characters.")
    return kept
