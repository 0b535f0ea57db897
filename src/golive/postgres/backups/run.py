"""Making a backup, whichever way the plan says, and keeping a record of it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from golive.postgres.backups import dump, manifest, pgbackrest
from golive.postgres.backups.beat import beat
from golive.postgres.backups.complaint import complaint
from golive.postgres.backups.due import Made, kind_due
from golive.postgres.backups.hold import BackupBusy, holding
from golive.postgres.backups.models import Backup
from golive.postgres.backups.setup import Place, place_of, plan_of, scratch_of, write
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.choice import admin_url_of
from golive.postgres.models import Database
from golive.postgres.trouble import DatabaseTrouble

LEFT_OVER_SECONDS = 15.0


def scheduled(database: Database) -> list[Made]:
    """The scheduled backups, newest first, as the decisions want them."""
    found = database.backups.filter(scheduled=True)[:60]
    return [Made(each.began_at, each.ok, each.reason, each.kind != "incr") for each in found]


def due_now(database: Database, now: datetime, *, patient: bool = True) -> str | None:
    """The kind of backup that the schedule wants now, or None."""
    plan = plan_of(database)
    past = [one for one in scheduled(database) if patient or one.ok]
    return kind_due(past, plan.every, plan.full_every, now)


def make(database: Database, kind: str, *, scheduled: bool) -> Backup:
    """Make a backup of this kind ("full" or "incr"). A failure is kept as one and raised as DatabaseTrouble.

    Raises BackupBusy, and keeps nothing, while another backup or drill is at work.
    """
    with holding(database, "A backup", scratch_of(database)):
        return _make(database, kind, scheduled=scheduled)


def make_due(database: Database, now: datetime, *, patient: bool = True) -> Backup | None:
    """Make the scheduled backup if one is due by now, which another run may have made a moment ago.

    Not `patient`, one that failed less than an hour ago is tried again.
    """
    with holding(database, "The scheduled backup", scratch_of(database)):
        kind = due_now(database, now, patient=patient)
        return _make(database, kind, scheduled=True) if kind else None


def _make(database: Database, kind: str, *, scheduled: bool) -> Backup:
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
    except BackupBusy:
        record.delete()  # one that golive did not start, or whose golive was killed
        raise
    except DatabaseTrouble as error:
        record.ok, record.reason = False, str(error)[:500]
        raise
    else:
        record.ok, record.reason = True, ""
    finally:
        if record.pk:
            record.ended_at = timezone.now()
            if record.ok is None:
                record.ok, record.reason = False, "golive was stopped or met a mistake of its own"
            record.save()
    return record


def _pgbackrest(database: Database, kind: str) -> tuple[str, int]:
    place = place_of(database)
    write(database, place)
    before = {one["label"] for one in info(place)}
    _when_free(lambda: place.call(*pgbackrest.backup(kind), what="pgbackrest backup", timeout=24 * 3600))
    there = info(place)
    _expire(database, [one["label"] for one in there])
    made = [one for one in there if one["label"] not in before]
    if not made:
        raise BackupTrouble("pgBackRest says that all is well, but there is no new backup in its repository.")
    if made[-1].get("error"):
        raise BackupTrouble(f"Backup {made[-1]['label']} holds pages whose checksums are wrong: the disk is failing.")
    return made[-1]["label"], int(made[-1]["info"]["repository"].get("delta") or 0)


def _when_free(work: Callable[[], object]) -> None:
    """Wait a little for a lock of pgBackRest's: the workers of one that was killed hold it until they notice."""
    deadline = time.monotonic() + LEFT_OVER_SECONDS
    while True:
        try:
            work()
            return
        except BackupBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _expire(database: Database, labels: list[str]) -> None:
    """Mark what retention took away."""
    database.backups.filter(ok=True, expired=False).exclude(kind="dump").exclude(label__in=labels).update(expired=True)


def info(place: Place) -> list[dict[str, Any]]:
    """The backups in the repository, oldest first, as pgBackRest lists them."""
    said = place.call("info", "--output=json", what="pgbackrest info", timeout=300)
    stanzas = json.loads(said or "[]")
    # It exits 0 whatever it met: 0 to 3 are a repository that can be read, with or without backups.
    trouble = next((one["status"] for one in stanzas if one["status"]["code"] > 3), None)
    if trouble is not None:
        words = "; ".join(repo["status"]["message"] for repo in stanzas[0].get("repo", [])) or trouble["message"]
        raise BackupTrouble(f"The backups cannot be listed: {complaint(words, place.where)}")
    found: list[dict[str, Any]] = stanzas[0].get("backup", []) if stanzas else []
    return found


def stopped_at(backup: dict[str, Any]) -> datetime:
    """The instant from which on a backup can be restored to."""
    return datetime.fromtimestamp(backup["timestamp"]["stop"], UTC)
