"""Backups: the scheduled backup, restored by a drill that finds what was written, younger than its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.readiness.inputs import of_settings
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import judged
from golive.readiness.verdict import CannotTell, Control, Report


class BackupsSettings(BaseModel):
    """Backups."""

    model_config = ConfigDict(extra="forbid")
    interval: Duration = timedelta(hours=24)
    """How often a backup is made: none may be older."""
    recovery_point: Duration = timedelta(minutes=15)
    """How much may be lost at most (RPO)."""
    recovery_time: Duration = timedelta(hours=1)
    """How long a restore may take (RTO)."""


@dataclass(frozen=True)
class Drill:
    """What a restore drill found. `problems` are the errors of restore and checks, none of which may be."""

    at: datetime
    backup_at: datetime
    scheduled: bool
    nonce_found: bool
    lost: timedelta
    took: timedelta
    problems: Sequence[str] = ()


def examine_drill(drill: Drill, wanted: BackupsSettings, now: datetime) -> Report:
    """The scheduled backup, young enough, restored with what was written into it, in time."""
    report = Report(expected=1, examined=1)
    for problem in drill.problems:
        report.convict("restore", f"the restore drill found: {problem}")
    if not drill.scheduled:
        report.convict("schedule", "the drill restored a backup made by hand; the scheduled one is what counts")
    if not drill.nonce_found:
        report.convict("nonce", "what was written before the backup is not in what was restored")
    if now - drill.backup_at > wanted.interval:
        age = format_duration(now - drill.backup_at)
        report.convict(
            "age", f"the newest backup is {age} old; one every {format_duration(wanted.interval)} is expected"
        )
    if drill.lost > wanted.recovery_point:
        report.convict("recovery point", f"{format_duration(drill.lost)} of writes would be lost")
    if drill.took > wanted.recovery_time:
        report.convict("recovery time", f"the restore took {format_duration(drill.took)}")
    report.facts["restored"] = {"rpo": format_duration(drill.lost), "rto": format_duration(drill.took)}
    return report


def examine(subject: Subject) -> Report:
    raise CannotTell("drill", "no restore drill of a scheduled backup is on record", "golive db drill")


def controls() -> list[Control]:
    now = datetime(2026, 1, 2, 12).astimezone()
    hour, minute = timedelta(hours=1), timedelta(minutes=1)

    def look(scheduled: bool = True, nonce: bool = True, age: timedelta = hour, problems: Sequence[str] = ()) -> Report:
        return examine_drill(Drill(now, now - age, scheduled, nonce, minute, minute, problems), BackupsSettings(), now)

    return [
        judged("a restore without what was written", True, lambda: look(nonce=False)),
        judged("a backup that is too old", True, lambda: look(age=49 * hour)),
        judged("a restore with errors", True, lambda: look(problems=["relation is missing"])),
        judged("a restore that is whole", False, look),
    ]


ITEM = Item(
    key="backups",
    order=9,
    area=Area.SECURITY,
    title="Automated backups, restore tested",
    question="If the database is gone tonight, what do we have tomorrow?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {"configuration": of_settings(subject, "backups")},
    settings=BackupsSettings,
    lasts=timedelta(days=7),
)
