"""`[support]` of golive.toml: the address, the promise, who hears of messages, who may chat."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from golive.config.sections import Difference, Section, register
from golive.kit.durations import DurationError, format_duration, parse_duration
from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import is_reference
from golive.support.desk import inbox_of
from golive.support.models import Inbox

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=14)


def _duration(value: Any) -> Any:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except DurationError as error:
        raise ValueError(str(error)) from error


def _bounded(value: timedelta) -> timedelta:
    if not SHORTEST <= value <= LONGEST:
        raise ValueError("an answer is promised within 1 minute to 14 days")
    return value


def _address(text: str) -> str:
    if text and ("@" not in text or any(character.isspace() for character in text)):
        raise ValueError("write an address such as support@acme.example")
    return text.lower()


def _reference(text: str) -> str:
    if text and not is_reference(text):
        raise ValueError("a secret is only referred to: write env:NAME, file:PATH or secret:NAME")
    return text


class SupportPlan(BaseModel):
    """Where customers reach a person."""

    model_config = ConfigDict(extra="forbid")
    address: Annotated[str, AfterValidator(_address)] = ""
    """The address that customers write to and that answers come from."""
    reply_within: Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_bounded)] = timedelta(hours=8)
    """The time within which a person answers; later is a warning."""
    tell: list[Annotated[str, AfterValidator(_address)]] = []
    """Addresses that hear of each new message."""
    form: bool = True
    """Whether /support/PROJECT/ shows a form."""
    chat_plans: list[str] = []
    """Plans whose customers may chat live."""
    chat_secret: Annotated[str, AfterValidator(_reference)] = ""
    """A reference to the secret with which your server signs who chats."""


def _shown(value: Any) -> str | None:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, list):
        return ", ".join(value) or None
    return ("yes" if value else "no") if isinstance(value, bool) else (value or None)


def differences(project_id: int, wanted: SupportPlan) -> list[Difference]:
    """What differs from the inbox in force."""
    current = inbox_of(Project.objects.get(pk=project_id))
    return [
        Difference(f"support.{name}", _shown(getattr(current, name)), _shown(getattr(wanted, name)))
        for name in SupportPlan.model_fields
        if getattr(current, name) != getattr(wanted, name)
    ]


def apply(project_id: int, wanted: SupportPlan, actor: str) -> None:
    """Put it in force."""
    if not differences(project_id, wanted):
        return
    Inbox.objects.update_or_create(project_id=project_id, defaults=wanted.model_dump())
    audit.record(actor, "support.configure", "support", project=Project.objects.get(pk=project_id))


register(Section("support", SupportPlan, differences, apply))
