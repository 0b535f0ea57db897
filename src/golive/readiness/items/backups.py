"""Backups: the scheduled backup, restored by a drill that finds what was written, younger than its interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.postgres.backups.setup import plan_of
from golive.postgres.models import Backup, Database, Drill
from golive.readiness.inputs import of_settings
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import judged
from golive.readiness.verdict import CannotTell, Control, Report

GRACE = 1.25  # of the interval: a backup takes a while
FRESH = timedelta(days=35)
OPTIONAL = ("checksums",)  # a cluster may have no page checksums; its indexes are checked against their tables anyway


class BackupsSettings(BaseModel):
    """Backups."""

    model_config = ConfigDict(extra="forbid")
    interval: Duration = timedelta()
    """How old the newest backup may be; default: as often as [database.backup] makes one."""
    recovery_point: Duration = timedelta(minutes=15)
    """How much may be lost at most (RPO)."""
    recovery_time: Duration = timedelta(hours=1)
    """How long a restore may take (RTO)."""


@dataclass(frozen=True)
class Restored:
    """What a restore drill proved, with what it saw. A proof that is None could not be looked at."""

    backup_at: datetime
    scheduled: bool
    proofs: Mapping[str, bool | None]
    rpo: timedelta | None
    rto: timedelta | None
    ok: bool | None = True
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


def examine_drill(drill: Restored, wanted: BackupsSettings, every: timedelta, now: datetime) -> Report:
    """The scheduled backup, young enough, restored with what was written into it, in time."""
    wanted_proofs = {name: ok for name, ok in drill.proofs.items() if ok is not None or name not in OPTIONAL}
    report = Report(expected=len(wanted_proofs), examined=sum(ok is not None for ok in wanted_proofs.values()))
    for name, ok in drill.proofs.items():
        seen = f": {drill.details[name]}" if drill.details.get(name) else ""
        if ok is False:
            report.convict(f"restore {name}", f"the restored database does not hold the proof of {name}{seen}")
        elif ok is None and name in OPTIONAL:
            report.facts[f"not proved: {name}"] = drill.details.get(name, "")
        elif ok is None:
            report.doubt(f"restore {name}", f"the drill could not prove {name}{seen}", "golive db drill")
    if drill.ok is False and not report.findings:
        report.convict("restore", f"the restore drill failed: {drill.reason}")
    if "nonce" not in drill.proofs and drill.ok is not False:
        report.doubt("nonce", "the drill did not look for what was written just before", "golive db drill")
    if not drill.scheduled and drill.ok is not False:
        report.convict("schedule", "the drill restored a backup made by hand; the scheduled one is what counts")
    interval = wanted.interval or every
    if now - drill.backup_at > interval * GRACE:
        age, every_ = format_duration(now - drill.backup_at), format_duration(interval)
        report.convict("age", f"the newest scheduled backup is {age} old; one every {every_} is expected")
    for name, value, most in (
        ("recovery point", drill.rpo, wanted.recovery_point),
        ("recovery time", drill.rto, wanted.recovery_time),
    ):
        if value is None:
            report.doubt(name, f"the drill did not measure the {name}", "golive db drill")
        elif value > most:
            report.convict(name, f"the {name} is {format_duration(value)}; {format_duration(most)} is expected")
        else:
            report.facts[name] = format_duration(value)
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("backups", BackupsSettings)
    databases = list(Database.objects.filter(project_id=subject.number))
    if not databases:
        raise CannotTell(
            "database", "no database is known to golive", "set [database] url in golive.toml, golive apply"
        )
    whole = Report()
    for database in databases:
        drill = Drill.objects.filter(database=database, ended_at__isnull=False).order_by("-began_at").first()
        if drill is None or (drill.backup is None and drill.ok):
            whole.expected += 1
            whole.doubt(f"database {database.pk}", "no restore drill is on record", "golive db drill")
            continue
        if drill.backup is None:
            whole.expected, whole.examined = whole.expected + 1, whole.examined + 1
            whole.convict("restore", f"the restore drill failed: {drill.reason}")
            continue
        made = Backup.objects.filter(database=database, ok=True, scheduled=True).order_by("-began_at").first()
        whole.absorb(
            examine_drill(
                Restored(
                    backup_at=made.began_at if made else drill.backup.began_at,
                    scheduled=drill.backup.scheduled,
                    proofs={str(proof["name"]): proof["ok"] for proof in drill.proofs},
                    rpo=None if drill.rpo_seconds is None else timedelta(seconds=drill.rpo_seconds),
                    rto=None if drill.rto_seconds is None else timedelta(seconds=drill.rto_seconds),
                    ok=drill.ok,
                    reason=drill.reason,
                    details={str(proof["name"]): str(proof.get("detail", "")) for proof in drill.proofs},
                ),
                wanted,
                plan_of(database).every,
                subject.now,
            )
        )
        if drill.began_at < subject.now - FRESH:
            whole.doubt("drill", f"the last drill was on {drill.began_at:%d %b %Y}", "golive db drill")
    return whole


def controls() -> list[Control]:
    now = datetime(2026, 1, 2, 12).astimezone()
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    whole = Restored(now - hour, True, {"nonce": True, "contents": True}, minute, minute)

    def look(drill: Restored) -> Report:
        return examine_drill(drill, BackupsSettings(), 24 * hour, now)

    return [
        judged("a restore without what was written", True, lambda: look(replace(whole, proofs={"nonce": False}))),
        judged("a backup that is too old", True, lambda: look(replace(whole, backup_at=now - 49 * hour))),
        judged("a restore that failed", True, lambda: look(replace(whole, ok=False, reason="relation is missing"))),
        judged("a backup made by hand", True, lambda: look(replace(whole, scheduled=False))),
        judged("a restore that is whole", False, lambda: look(whole)),
    ]


def _print_of_backups(subject: Subject) -> str:
    """A drill that ran since calls for a new look."""
    drills = Drill.objects.filter(database__project_id=subject.number).order_by("-pk").values_list("pk", flat=True)
    return f"drill {drills[0]}" if drills else "no drill"


ITEM = Item(
    key="backups",
    order=9,
    area=Area.SECURITY,
    title="Automated backups, restore tested",
    question="If the database is gone tonight, what do we have tomorrow?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        "configuration": of_settings(subject, "backups"),
        "drills": _print_of_backups(subject),
    },
    settings=BackupsSettings,
    every=timedelta(hours=6),
    lasts=timedelta(days=2),
)
