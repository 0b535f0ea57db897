"""Conditions of a database and their flips: every write of a condition's state goes through `settle`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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


def settle(database: Database, judged: Judged, now: datetime, link: str = "") -> bool:
    """Keep a judgement; whether it was a transition, which is then flipped in the same transaction.

    A condition heard of for the first time that is well, or unknown, flips nothing.
    """
    with transaction.atomic():
        kept, made = Condition.objects.select_for_update().get_or_create(
            database=database,
            kind=judged.kind,
            key=judged.key[:200],
            defaults={"since": now, "judged_at": now, "state": State.UNKNOWN},
        )
        before, louder = State(kept.state), kept.severity != judged.severity
        changed = before != judged.state or (judged.state == State.FIRING and louder)
        Condition.objects.filter(pk=kept.pk).update(
            state=judged.state,
            severity=judged.severity,
            reason=judged.reason[:500],
            judged_at=now,
            since=now if before != judged.state or made else kept.since,
        )
        if not changed or (before == State.UNKNOWN and judged.state == State.OK and made):
            return False
        flips.record(
            database.project,
            f"database:{judged.kind}",
            key=judged.key,
            title=judged.title,
            old=before,
            new=judged.state,
            severity=judged.severity,
            reason=judged.reason,
            at=now,
            link=link or f"/p/{database.project.slug}/database/",
            evidence=judged.evidence,
        )
        return True


def retire(database: Database, kind: str, keys_there: set[str], now: datetime) -> None:
    """Conditions of a kind whose instance is gone (a dropped slot): those that fired end, all are forgotten."""
    for kept in Condition.objects.filter(database=database, kind=kind).exclude(key__in=keys_there):
        if kept.state == State.FIRING:
            gone = Judged(kind, State.OK, Severity(kept.severity), "it is no longer there", f"{kind} is gone", kept.key)
            settle(database, gone, now)
        kept.delete()
