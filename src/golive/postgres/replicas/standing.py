"""How the replicas stand, as page and API say it: from what was last kept."""

from datetime import datetime, timedelta
from typing import Any

from golive.postgres.models import Database
from golive.postgres.replicas.tasks import MOVABLE, REPLICAS

OLD = timedelta(minutes=5)


def standing(database: Database, now: datetime) -> dict[str, Any]:
    """What the primary sees, what each declared replica says of itself, what could move, and a sentence."""
    known = {one.collector: one for one in database.snapshots.filter(collector__in=("replication", MOVABLE, REPLICAS))}
    seen, own, moving = known.get("replication"), known.get(REPLICAS), known.get(MOVABLE)
    declared = len(database.replicas)
    replicas = own.rows if declared and own and now - own.at <= OLD else []
    could = moving.rows[0] if moving and moving.rows else None
    return {
        "at": seen.at if seen else None,
        "links": seen.rows if seen else [],
        "declared": declared,
        "replicas": replicas,
        "movable": could,
        "trouble": moving.trouble if moving else "",
        "sentence": sentence(declared, replicas, could),
    }


def sentence(declared: int, replicas: list[dict[str, Any]], moving: dict[str, Any] | None) -> str:
    """The page's first sentence."""
    away = [one for one in replicas if not one["ok"]]
    if away:
        return f"a replica needs you: {away[0]['place']}: {away[0]['state']}"
    could = moving["reason"] if moving else "what could move to replicas has not been measured yet"
    if not declared:
        return f"no replica is declared; {could}"
    if not replicas:
        return f"{_counted(declared)} declared, of which nothing has been heard lately; {could}"
    return f"{_counted(len(replicas))} following; {could}"


def _counted(count: int) -> str:
    return f"{count} replica{'' if count == 1 else 's'}"
