"""The queue: a job is given to one worker, survives its death, and ends once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from golive.jobs import queue
from golive.jobs.kinds import JobError
from golive.jobs.lease import LEASE
from golive.jobs.models import Job, State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def put(**options: object) -> Job:
    return queue.enqueue("command", {"command": ["true"]}, now=NOW, **options)  # type: ignore[arg-type]


def test_unknown_kind_names_those_that_exist() -> None:
    with pytest.raises(JobError, match="command"):
        queue.enqueue("nonsense", now=NOW)


def test_claims_in_order_of_priority_then_age() -> None:
    first, urgent, later = put(), put(priority=5), put(after=timedelta(minutes=1))
    assert [job.pk for job in iter(lambda: queue.claim(NOW), None)] == [urgent.pk, first.pk]
    Job.objects.exclude(pk=later.pk).update(state=State.DONE)
    assert queue.claim(NOW + timedelta(minutes=1)).pk == later.pk


def test_lost_worker_is_replaced_and_cannot_write_any_more() -> None:
    put()
    old = queue.claim(NOW)
    assert queue.claim(NOW + LEASE / 2) is None
    new = queue.claim(NOW + LEASE)
    assert (new.pk, new.attempts) == (old.pk, 2)
    assert not queue.renew(old, "", NOW + LEASE)
    queue.complete(old, {"by": "old"}, NOW)
    assert Job.objects.get(pk=old.pk).state == State.RUNNING
    queue.complete(new, {"by": "new"}, NOW)
    assert Job.objects.get(pk=old.pk).result == {"by": "new"}


def test_gives_up_after_the_last_attempt() -> None:
    job = put()
    for attempt in range(3):
        assert queue.claim(NOW + LEASE * attempt).attempts == attempt + 1
    assert queue.claim(NOW + LEASE * 5) is None
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "lost its worker 3 times" in job.reason


def test_failure_is_tried_again_later_unless_final() -> None:
    put()
    job = queue.claim(NOW)
    queue.fail(job, "broke", "output", NOW, final=False)
    job.refresh_from_db()
    assert (job.state, job.run_after) == (State.QUEUED, NOW + timedelta(seconds=5))
    job = queue.claim(NOW + timedelta(seconds=5))
    queue.fail(job, "no such file", "", NOW, final=True)
    job.refresh_from_db()
    assert (job.state, job.reason) == (State.FAILED, "no such file")
    queue.retry(job.pk, NOW)
    assert queue.claim(NOW).attempts == 1


def test_cancel_before_and_after_the_end() -> None:
    job = put(after=timedelta(hours=1))
    queue.request_cancel(job.pk, NOW)
    assert queue.claim(NOW) is None
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    with pytest.raises(JobError, match="cancelled already"):
        queue.request_cancel(job.pk, NOW)
    with pytest.raises(JobError, match="no job 999"):
        queue.request_cancel(999, NOW)


def test_forgets_only_what_ended_long_ago() -> None:
    old, fresh = put(), put()
    Job.objects.filter(pk=old.pk).update(state=State.DONE, finished_at=NOW - timedelta(days=31))
    assert queue.forget(NOW - timedelta(days=30)) == 1
    assert list(Job.objects.values_list("pk", flat=True)) == [fresh.pk]


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_share_a_job() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("an in-memory database has one connection; the supervisor's tests use a file")
    wanted = {put().pk for _ in range(20)}
    claimed: list[int] = []

    def work() -> None:
        while job := queue.claim(NOW):
            claimed.append(job.pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(wanted)
