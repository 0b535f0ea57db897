"""The network of probes: which regions look, which are silent, which have trouble of their own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Flip, Severity, State
from golive.checks import timetable
from golive.checks.judging import Regions
from golive.checks.models import Check, Probe, Recheck
from golive.checks.probe import REGION, Target
from golive.kit.durations import format_duration
from golive.people.models import Project

SCHEDULER = "golive:checks"
SILENT_AFTER = timedelta(seconds=30)
RECHECKS_KEPT = timedelta(minutes=2)


def regions_of(probes: Sequence[Probe], now: datetime) -> Regions:
    """Every region with why it does not count; it counts as long as one of its probes is heard of."""
    out = {REGION: ""}
    for probe in sorted(probes, key=lambda probe: probe.seen_at or now):
        out[probe.region] = silence(probe.seen_at, now)
    return Regions(out)


def silence(seen_at: datetime | None, now: datetime) -> str:
    """Why a probe that was last heard of then does not count."""
    if seen_at is None:
        return "was never heard of"
    gone = now - seen_at
    return f"has been silent for {format_duration(gone)}" if gone > SILENT_AFTER else ""


def known_regions() -> list[str]:
    """Every region from which golive may look: its own, and those of the probes that are admitted."""
    admitted = Probe.objects.filter(token__revoked_at=None).values_list("region", flat=True)
    return sorted({REGION, *admitted})


def phased(target: Target, region: str, known: Sequence[str]) -> Target:
    """The target with its turn in this region: the regions that look at it share its interval evenly."""
    return replace(target, shift=timetable.shift_of(region, target.regions or known))


def ask_regions(numbers: Sequence[int], at: datetime) -> None:
    """Ask every region to look at these checks at once; probes find it at their next exchange."""
    Recheck.objects.bulk_create([Recheck(check_number=number, at=at) for number in numbers])
    Recheck.objects.filter(at__lt=at - RECHECKS_KEPT).delete()


def tell_faults(found: dict[str, str], at: datetime) -> None:
    """Keep which probes have trouble of their own; a change of it is a flip in each project that they look at."""
    for probe in Probe.objects.exclude(seen_at=None):
        said = found.get(probe.region, "")
        if bool(said) == bool(probe.fault):
            continue
        with transaction.atomic():
            changed = Probe.objects.filter(pk=probe.pk, fault=probe.fault).update(fault=said[:200])
            if changed:
                _flip(probe, said, at)


LATE_MS, WELL_MS = 5_000.0, 1_000.0


def lagging(was: bool, lags_ms: Sequence[float]) -> bool:
    """Whether the scheduler is behind, by its last p99 lags: two bad ones begin it, two good ones end it."""
    last = list(lags_ms)[-2:]
    if len(last) < 2:
        return was
    return min(last) > LATE_MS or (was and max(last) > WELL_MS)


def tell_lag(lags_ms: Sequence[float], at: datetime) -> None:
    """Flip when the scheduler falls behind, and when it has caught up."""
    project = Project.objects.filter(pk__in=Check.objects.values("project")).order_by("pk").first()
    if project is None or not lags_ms:
        return
    last = Flip.objects.filter(project=project, source=SCHEDULER).order_by("-id").first()
    was = last is not None and last.new == State.FIRING
    behind = lagging(was, lags_ms)
    if behind == was:
        return
    flips.record(
        project,
        SCHEDULER,
        title="golive's checks start late" if behind else "golive's checks start in time again",
        old=State.FIRING if was else State.OK,
        new=State.FIRING if behind else State.OK,
        severity=Severity.WARNING,
        reason=f"{lags_ms[-1] / 1000:.1f} s after their time at worst (p99); this machine has too much to do"
        if behind
        else f"{lags_ms[-1] / 1000:.1f} s after their time at worst (p99)",
        at=at,
        link=f"/p/{project.slug}/checks/",
    )


def _flip(probe: Probe, said: str, at: datetime) -> None:
    project = Project.objects.filter(pk__in=Check.objects.values("project")).order_by("pk").first()
    if project is None:
        return
    flips.record(
        project,
        f"probe:{probe.name}",
        title=f"the probe {probe.name} {'has trouble of its own' if said else 'sees well again'}",
        old=State.OK if said else State.FIRING,
        new=State.FIRING if said else State.OK,
        severity=Severity.WARNING,
        reason=f"{probe.region} {said}" if said else "it sees what the other regions see",
        at=at,
        link=f"/p/{project.slug}/checks/",
    )
