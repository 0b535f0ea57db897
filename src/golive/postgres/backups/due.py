"""When a backup or a drill is due, and how backups stand. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.alerts.models import Severity, State
from golive.postgres.conditions import Judged

NOT_BACKED_UP = "The database is not backed up"
GRACE = 1.25  # of `every`: a backup takes a while, and a machine may be busy


@dataclass(frozen=True)
class Made:
    """A scheduled backup or drill as far as these decisions care."""

    began_at: datetime
    ok: bool | None
    reason: str = ""
    full: bool = True


def kind_due(past: Sequence[Made], every: timedelta, full_every: timedelta, now: datetime) -> str | None:
    """ "full", "incr" or None, from past backups, newest first. One that failed is tried again after an hour."""
    if past and past[0].ok is None and now - past[0].began_at < timedelta(hours=12):
        return None  # it runs
    good = [one for one in past if one.ok]
    if past and past[0].ok is False and now - past[0].began_at < timedelta(hours=1):
        return None
    if good and now - good[0].began_at < every:
        return None
    full = [one for one in good if one.full]
    return "incr" if full and now - full[0].began_at < full_every else "full"


def drill_due(past: Sequence[Made], every: timedelta, has_backup: bool, now: datetime) -> bool:
    """Whether the newest backup should be restored. A drill that failed is tried again after six hours."""
    if not has_backup:
        return False
    if not past:
        return True
    wait = every if past[0].ok else timedelta(hours=6) if past[0].ok is False else timedelta(hours=12)
    return now - past[0].began_at >= wait


def not_set_up() -> Judged:
    """How backups stand that golive.toml asks for and nobody has set up."""
    reason = "golive.toml asks for backups, and nothing is set up for them: golive db backup setup --apply"
    return Judged("backup", State.FIRING, Severity.WARNING, reason, NOT_BACKED_UP)


def judge_backups(past: Sequence[Made], every: timedelta, since: datetime, now: datetime) -> Judged:
    """How scheduled backups stand. `since` is when backing up was asked for: before the first nothing is late."""
    good = next((one for one in past if one.ok), None)
    newest = good.began_at if good else since
    late = now - newest > every * GRACE
    title = NOT_BACKED_UP
    if past and past[0].ok is False:
        reason = f"the last backup failed: {past[0].reason}; the newest good one is {_age(good, now)}"
        return Judged("backup", State.FIRING, Severity.CRITICAL, reason, title)
    if late:
        reason = f"the newest good backup is {_age(good, now)}; one is due every {_hours(every)}"
        return Judged("backup", State.FIRING, Severity.CRITICAL, reason, title)
    if good is None:
        return Judged("backup", State.UNKNOWN, Severity.INFO, "no scheduled backup has been made yet", title)
    return Judged(
        "backup", State.OK, Severity.INFO, f"the newest good backup is {_age(good, now)}", "The database is backed up"
    )


def judge_drills(past: Sequence[Made], every: timedelta, now: datetime) -> Judged:
    """How drills stand: a backup that was never restored is not known to be one."""
    title = "Backups do not restore"
    ended = [one for one in past if one.ok is not None]
    if not ended:
        return Judged("drill", State.UNKNOWN, Severity.WARNING, "no backup has been restored yet", title)
    if not ended[0].ok:
        return Judged("drill", State.FIRING, Severity.CRITICAL, f"the last drill failed: {ended[0].reason}", title)
    if now - ended[0].began_at > every * 2:
        reason = f"the last drill was {_age(ended[0], now)}; one is due every {_hours(every)}"
        return Judged("drill", State.FIRING, Severity.WARNING, reason, "Backups have not been restored for long")
    return Judged("drill", State.OK, Severity.INFO, f"proved {_age(ended[0], now)}", "Backups restore")


def _age(made: Made | None, now: datetime) -> str:
    return "none" if made is None else f"{_hours(now - made.began_at)} old"


def _hours(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"
