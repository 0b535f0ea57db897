"""Golive's own liveness: each part that watches says that it does, so that its silence is seen as silence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from golive.alerts.models import Heartbeat

PATIENCE = 3  # beats that may be missed before a part counts as silent
GRACE = timedelta(seconds=15)


@dataclass(frozen=True)
class Liveness:
    """Whether a part of golive is at work; `reason` says it in a clause."""

    name: str
    alive: bool
    reason: str
    at: datetime | None
    details: dict[str, Any]


def beat(name: str, at: datetime, every: timedelta, **details: Any) -> None:
    """Record a sign of life, due again after `every`."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at, "every": every, "details": details})


def judge(beat: Heartbeat | None, name: str, now: datetime) -> Liveness:
    """Whether a part is at work, by its last heartbeat."""
    if beat is None:
        return Liveness(name, False, "has not run yet; start it with `golive up`", None, {})
    silence = now - beat.at
    if silence > beat.every * PATIENCE + GRACE:
        return Liveness(name, False, f"silent for {int(silence.total_seconds())} s", beat.at, beat.details)
    return Liveness(name, True, "at work", beat.at, beat.details)


def of(name: str, now: datetime) -> Liveness:
    """One part's liveness at `now`."""
    return judge(Heartbeat.objects.filter(name=name).first(), name, now)


def all_parts(now: datetime) -> list[Liveness]:
    """Every part that has ever shown a sign of life."""
    return [judge(beat, beat.name, now) for beat in Heartbeat.objects.order_by("name")]
