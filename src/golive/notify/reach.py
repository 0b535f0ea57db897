"""The contacts that people keep, opened: what `contacts.plan` decides on, and what channels send to."""

from hashlib import sha256
from zoneinfo import ZoneInfo

from django.db.models import Max

from golive.notify.channels import DeliveryError
from golive.notify.contacts import Quiet, Way
from golive.notify.models import Contact, QuietHours
from golive.people import vault

PREFIX = "contact:"


def ways_of(person: str) -> list[Way]:
    """A person's ways in their order; mail to their address where they have set none."""
    kept = Contact.objects.filter(person=person)
    found = [Way(one.channel, one.recipient, one.urgent, one.normal, one.after) for one in kept]
    if not found:
        return [Way("email", person, True, True)]
    mailed = any(way.channel == "email" for way in found)
    return found if mailed else [*found, Way("email", person, False, False)]  # when all else has failed


def quiet_of(person: str) -> Quiet | None:
    kept = QuietHours.objects.filter(person=person).first()
    return Quiet(kept.since, kept.until, ZoneInfo(kept.zone)) if kept else None


def keep(person: str, channel: str, label: str, secret: str, **said: object) -> Contact:
    """Keep a contact whose address is a secret, encrypted; the same one again is brought up to date."""
    digest = sha256(secret.encode()).hexdigest()
    last = Contact.objects.filter(person=person).aggregate(last=Max("position"))["last"]
    contact, _ = Contact.objects.update_or_create(
        person=person,
        channel=channel,
        digest=digest,
        defaults={"label": label[:80], "sealed": vault.encrypt_text(secret, _belongs(person)), **said},
        create_defaults={
            "label": label[:80],
            "sealed": vault.encrypt_text(secret, _belongs(person)),
            "position": 0 if last is None else last + 1,
            **said,
        },
    )
    return contact


def opened(recipient: str) -> str:
    """The address behind `contact:17`. Raises DeliveryError when it is gone."""
    number = recipient.removeprefix(PREFIX)
    contact = Contact.objects.filter(pk=int(number)).first() if number.isdigit() else None
    if contact is None:
        raise DeliveryError("This contact has been removed.", permanent=True)
    try:
        return vault.decrypt_text(contact.sealed, _belongs(contact.person))
    except vault.VaultError as error:
        raise DeliveryError(str(error)) from None


def _belongs(person: str) -> str:
    return f"contact:{person}"
