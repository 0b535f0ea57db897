"""Flaky tests: recognised, told, and for a while excused - by name, with an owner and an end."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from golive.people import audit
from golive.people.models import Project
from golive.pipelines.junit import Case, Result
from golive.pipelines.models import FailedTest, FlakyTest, Run, RunStep

LONGEST = timedelta(days=30)


class QuarantineError(ValueError):
    """A test cannot be excused like this."""

    exit_code = 3


def turned(passed: Iterable[Case], failed_before: Collection[str]) -> list[str]:
    """Tests that pass now and failed before on the same tree: nothing changed but luck."""
    return sorted({case.name for case in passed if case.result is Result.PASSED} & set(failed_before))


def excused(project: Project, now: datetime) -> dict[str, str]:
    """Tests in quarantine now, each with who answers for it until when."""
    found = FlakyTest.objects.filter(project=project, until__gt=now).exclude(owner="")
    return {one.name: f"{one.owner} until {one.until:%Y-%m-%d}" for one in found}


def learn(run: Run, step: RunStep, cases: list[Case], retried: Collection[str], now: datetime) -> list[str]:
    """Keep this step's failures, and say which tests have proved flaky with it."""
    FailedTest.objects.bulk_create(
        FailedTest(step=step, name=case.name[:400], message=case.message)
        for case in cases
        if case.result is Result.FAILED
    )
    same_tree = FailedTest.objects.filter(step__run__project=run.project, step__run__tree=run.tree)
    before = set(same_tree.exclude(step=step).values_list("name", flat=True))
    found = sorted({*turned(cases, before), *retried})
    for name in found:
        flaky, _ = FlakyTest.objects.get_or_create(
            project=run.project,
            name=name[:400],
            defaults={"step": step.name, "first_seen_at": now, "last_seen_at": now},
        )
        flaky.times, flaky.last_seen_at, flaky.last_run = flaky.times + 1, now, run.number
        flaky.save(update_fields=["times", "last_seen_at", "last_run"])
    return found


def quarantine(
    project: Project, name: str, *, owner: str, reason: str, until: datetime, now: datetime, actor: str
) -> FlakyTest:
    """Excuse a test's failures until an instant. Raises QuarantineError."""
    if not owner.strip() or not reason.strip():
        raise QuarantineError("A quarantine needs an owner and a reason: somebody has to bring the test back.")
    if not now < until <= now + LONGEST:
        raise QuarantineError(f"A quarantine ends within {LONGEST.days} days; mend the test or delete it by then.")
    flaky, _ = FlakyTest.objects.get_or_create(
        project=project, name=name[:400], defaults={"step": "", "first_seen_at": now, "last_seen_at": now}
    )
    flaky.owner, flaky.reason, flaky.until = owner.strip(), reason.strip(), until
    flaky.save(update_fields=["owner", "reason", "until"])
    audit.record(actor, "test.quarantine", name, project=project, owner=owner, reason=reason, until=until.isoformat())
    return flaky


def release(project: Project, name: str, actor: str) -> bool:
    """End a quarantine; False when there was none."""
    ended = (
        FlakyTest.objects.filter(project=project, name=name).exclude(owner="").update(owner="", reason="", until=None)
    )
    if ended:
        audit.record(actor, "test.release", name, project=project)
    return bool(ended)
