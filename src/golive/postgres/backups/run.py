"""Making a backup, whichever way the plan says, and keeping a record of it."""

import json
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from golive.postgres.backups import dump, manifest, pgbackrest
from golive.postgres.backups.beat import beat
from golive.postgres.backups.due import Made, kind_due
from golive.postgres.backups.models import Backup
from golive.postgres.backups.setup import Place, place_of, plan_of, write
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.choice import admin_url_of
from golive.postgres.models import Database
from golive.postgres.trouble import DatabaseTrouble


def scheduled(database: Database) -> list[Made]:
    """The scheduled backups, newest first, as the decisions want them."""
    found = database.backups.filter(scheduled=True)[:60]
    return [Made(each.began_at, each.ok, each.reason, each.kind != "incr") for each in found]


def due_now(database: Database, now: datetime) -> str | None:
    """The kind of backup that the schedule wants now, or None."""
    plan = plan_of(database)
    return kind_due(scheduled(database), plan.every, plan.full_every, now)


def make(database: Database, kind: str, *, scheduled: bool) -> Backup:
    """Make a backup of this kind ("full" or "incr"). A failure is kept as one and raised as DatabaseTrouble."""
    record = Backup.objects.create(database=database, kind=kind, scheduled=scheduled, began_at=timezone.now())
    try:
        url = admin_url_of(database)
        record.manifest = manifest.take(url)
        beat(database, url)
        if plan_of(database).with_ == "pg_dump":
            record.kind = "dump"
            record.label, record.size_bytes = dump.make(database, url)
        else:
            record.label, record.size_bytes = _pgbackrest(database, kind)
        beat(database, url)
    except DatabaseTrouble as error:
        record.ok, record.reason = False, str(error)[:500]
        raise
    else:
        record.ok, record.reason = True, ""
    finally:
        record.ended_at = timezone.now()
        if record.ok is None:
            record.ok, record.reason = False, "golive was stopped or met a mistake of its own"
        record.save()
    return record


def _pgbackrest(database: Database, kind: str) -> tuple[str, int]:
    place = place_of(database)
    write(database, place)
    before = {one["label"] for one in info(place)}
    place.call(*pgbackrest.backup(kind), what="pgbackrest backup", timeout=24 * 3600)
    made = [one for one in info(place) if one["label"] not in before]
    if not made:
        raise BackupTrouble("pgBackRest says that all is well, but there is no new backup in its repository.")
    if made[-1].get("error"):
        raise BackupTrouble(f"Backup {made[-1]['label']} holds pages whose checksums are wrong: the disk is failing.")
    return made[-1]["label"], int(made[-1]["info"]["repository"].get("delta") or 0)


def info(place: Place) -> list[dict[str, Any]]:
    """The backups in the repository, oldest first, as pgBackRest lists them."""
    said = place.call("info", "--output=json", what="pgbackrest info", timeout=300)
    stanzas = json.loads(said or "[]")
    found: list[dict[str, Any]] = stanzas[0].get("backup", []) if stanzas else []
    return found


def stopped_at(backup: dict[str, Any]) -> datetime:
    """The instant from which on a backup can be restored to."""
    return datetime.fromtimestamp(backup["timestamp"]["stop"], UTC)
