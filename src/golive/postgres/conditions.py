"""Conditions of a database and their flips: every write of a condition's state goes through `settle`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.postgres.models import Condition, Database


@dataclass(frozen=True)
class Judged:
    """What a judgement says of one thing: its state, how loud, and why. `title` is the headline of an incident."""

    kind: str
    state: State
    severity: Severity
    reason: str
    title: str
    key: str = ""
    evidence: Mapping[str, Any] | None = None
    after: timedelta = timedelta(0)  # how long trouble must last before it fires


def settle(database: Database, judged: Judged, now: datetime, link: str = "") -> bool:
    """Keep a judgement; whether it was a transition, which is then flipped in the same transaction.

    A condition heard of for the first time that is well, or unknown, flips nothing.
    """
    with transaction.atomic():
        kept, _ = Condition.objects.select_for_update().get_or_create(
            database=database,
            kind=judged.kind,
            key=judged.key[:200],
            defaults={"since": now, "judged_at": now, "state": State.UNKNOWN},
        )
        before = State(kept.state)
        after, worse_since = move(before, kept.worse_since, judged, now)
        Condition.objects.filter(pk=kept.pk).update(
            state=after,
            severity=judged.severity,
            reason=judged.reason[:500],
            judged_at=now,
            worse_since=worse_since,
            since=now if before != after else kept.since,
        )
        louder = before == after == State.FIRING and kept.severity != judged.severity
        if (before == after and not louder) or (before, after) == (State.UNKNOWN, State.OK):
            return False
        flips.record(
            database.project,
            f"database:{judged.kind}",
            key=judged.key,
            title=judged.title,
            old=before,
            new=after,
            severity=judged.severity,
            reason=judged.reason,
            at=now,
            began_at=worse_since,
            link=link or f"/p/{database.project.slug}/database/",
            evidence=judged.evidence,
        )
        return True


def move(before: State, worse_since: datetime | None, judged: Judged, now: datetime) -> tuple[State, datetime | None]:
    """The state that follows, and since when trouble has been seen. Trouble shorter than `after` changes nothing."""
    if judged.state != State.FIRING:
        return judged.state, None
    began = worse_since or now
    if before == State.FIRING or now - began >= judged.after:
        return State.FIRING, began
    return (State.OK if before == State.OK else before), began


def retire(database: Database, kind: str, keys_there: set[str], now: datetime) -> None:
    """Conditions of a kind whose instance is gone (a dropped slot): those that fired end, all are forgotten."""
    for kept in Condition.objects.filter(database=database, kind=kind).exclude(key__in=keys_there):
        if kept.state == State.FIRING:
            gone = Judged(kind, State.OK, Severity(kept.severity), "it is no longer there", f"{kind} is gone", kept.key)
            settle(database, gone, now)
        kept.delete()
