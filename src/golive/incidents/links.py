"""Links in messages that act without a login: signed, for one purpose, one firing and a limited time.

Opening one only shows a button, since mail scanners open every link; the button acts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core import signing

from golive.incidents.models import Incident

LIFETIME = timedelta(hours=24)
_SALT = "golive.incidents."


class Purpose(StrEnum):
    """What a link is for; its signature does not count for anything else."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    BUTTON = "button"  # of a chat, which names whoever presses it


class LinkError(Exception):
    """The link does not act; the message says why, in words for the person who opened it."""


@dataclass(frozen=True)
class Asked:
    """What a good link stands for."""

    purpose: Purpose
    incident: Incident
    who: str


def url(incident: Incident, who: str, purpose: Purpose) -> str:
    """The link by which `who` does this to this firing of the incident."""
    return f"{settings.PUBLIC_URL}/{PATHS[purpose]}/{token(incident, who, purpose)}/"


def token(incident: Incident, who: str, purpose: Purpose) -> str:
    """What is signed."""
    content = {"incident": incident.pk, "who": who, "since": incident.paging_since.isoformat()}
    return signing.dumps(content, salt=_SALT + purpose, compress=True)


PATHS = {Purpose.ACKNOWLEDGE: "a", Purpose.SNOOZE: "z", Purpose.RESOLVE: "r"}


def read(purpose: Purpose, signed: str) -> Asked:
    """What the link stands for. Raises LinkError when it is expired, altered, or of an earlier firing."""
    try:
        content = signing.loads(signed, salt=_SALT + purpose, max_age=LIFETIME)
    except signing.SignatureExpired:
        raise LinkError("This link is older than 24 hours and no longer acts.") from None
    except signing.BadSignature:
        raise LinkError("This link is not one of ours, or it was cut off on the way.") from None
    incident = Incident.objects.select_related("project").filter(pk=content["incident"]).first()
    if incident is None:
        raise LinkError("This incident does not exist any more.")
    if datetime.fromisoformat(content["since"]) != incident.paging_since:
        raise LinkError("This link belongs to an earlier alarm of the incident; use the newest mail.")
    return Asked(purpose, incident, content["who"])
