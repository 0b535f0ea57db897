"""The dead-man's switch: while golive can see and page, it says so to addresses outside; its silence is the alarm.

An address may be a heartbeat of another golive, which pages when it falls silent: so two installs watch each other.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from golive.alerts import liveness
from golive.alerts.liveness import Liveness
from golive.incidents.models import Watchdog
from golive.kit.connections import Limits, OutboundError
from golive.kit.durations import format_duration
from golive.kit.outbound import fetch_blocking
from golive.notify.models import OutboxMessage, Urgency
from golive.notify.outbox import WAITING
from golive.people.secrets import is_reference, resolve

LIMITS = Limits(total=timedelta(seconds=10), body_bytes=1 << 12, redirects=2)
STUCK_AFTER = timedelta(minutes=3)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Whether golive can do its work, and why not."""

    sound: bool
    reason: str


def judge(parts: Sequence[Liveness], oldest_page: datetime | None, now: datetime) -> Health:
    """Judge by the parts that have ever run and by the oldest urgent message that is not delivered."""
    if silent := [part for part in parts if not part.alive]:
        return Health(False, ", ".join(f"{part.name} {part.reason}" for part in silent))
    if oldest_page is not None and now - oldest_page > STUCK_AFTER:
        return Health(False, f"a page has not been delivered for {format_duration(now - oldest_page)}")
    return Health(True, "everything that has run is at work, and no page is stuck")


def health(now: datetime) -> Health:
    stuck = OutboxMessage.objects.filter(urgency=Urgency.HIGH, state__in=WAITING, next_attempt_at__lte=now)
    oldest = stuck.order_by("created_at").values_list("created_at", flat=True).first()
    return judge(liveness.all_parts(now), oldest, now)


def ping_due(now: datetime) -> int:
    """Ping what is due, if all is well; how many projects were pinged for."""
    due = [one for one in Watchdog.objects.exclude(pings=[]) if one.last_at is None or now - one.last_at >= one.every]
    if not due:
        return 0
    found = health(now)
    for watchdog in due:
        errors = [] if found.sound else [f"held back: {found.reason}"]
        for number, address in enumerate(watchdog.pings if found.sound else (), start=1):
            try:
                _ping(address)
            except (OutboundError, ValueError) as error:
                name = address if is_reference(address) else f"address {number}"
                errors.append(f"{name}: {str(error).replace(address, name)}")
        Watchdog.objects.filter(pk=watchdog.pk).update(last_at=now, last_error="; ".join(errors)[:500])
        if errors:
            log.warning("the dead-man's switch of project %s: %s", watchdog.project_id, "; ".join(errors))
    return len(due)


def _ping(address: str) -> None:
    url = resolve(address) if is_reference(address) else address
    try:
        answer = fetch_blocking(url, limits=LIMITS)
    except OutboundError as error:
        raise ValueError(str(error).replace(repr(url), "it")) from None  # such an address is a secret
    if not 200 <= answer.status < 300:
        raise ValueError(f"answered {answer.status}")


def ping_now() -> None:
    ping_due(timezone.now())
