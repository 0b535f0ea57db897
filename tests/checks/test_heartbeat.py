"""Heartbeats: what pings mean, when silence is an alarm, and the way of a ping from the wire to the flip."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from golive.alerts.models import Flip, State
from golive.checks import pulses
from golive.checks.heartbeat import Expectation, Pulse, Signal, decide, take
from golive.checks.keeper import DatabaseKeeper
from golive.checks.models import Check, CheckState, Job, Ping
from golive.checks.section import ChecksSection, apply
from golive.checks.verdict import Because
from golive.people.models import Project, Role, User

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Expectation(timedelta(days=1), HOUR, timedelta(minutes=30))


@pytest.mark.parametrize(
    ("pings", "hours", "state", "because", "said"),
    [
        ([], 1, State.UNKNOWN, Because.NO_DATA, "waiting"),
        ([], 26, State.FIRING, Because.MISSING, "there never was one"),
        ([(1, "success")], 2, State.OK, Because.UP, "ran well"),
        ([(1, "success")], 25.5, State.OK, Because.LATE, "late since 01:00"),
        ([(1, "success")], 26, State.OK, Because.LATE, "grace of 1h"),
        ([(1, "success")], 26.1, State.FIRING, Because.MISSING, "no ping by 2026-01-02 02:00 UTC"),
        ([(1, "success"), (2, "fail")], 2.1, State.FIRING, Because.REPORTED, "it failed"),
        ([(1, "fail"), (2, "success")], 2.1, State.OK, Because.UP, "ran well"),
        ([(1, "success"), (2, "start")], 2.4, State.OK, Because.UP, "ran well"),
        ([(1, "success"), (2, "start")], 2.6, State.FIRING, Because.OVERRUN, "not done after 30m"),
        ([(1, "success"), (2, "start"), (2.2, "success")], 3, State.OK, Because.UP, "ran well"),
        ([(1, "success"), (2, "log")], 26.1, State.FIRING, Because.MISSING, "01:00 UTC"),
        ([(1, "fail"), (2, "log")], 3, State.FIRING, Because.REPORTED, "failed"),
    ],
)
def test_what_pings_and_silence_mean(
    pings: list[tuple[float, str]], hours: float, state: State, because: Because, said: str
) -> None:
    pulse = Pulse(T0)
    for at, signal in pings:
        pulse = take(pulse, Signal(signal), T0 + at * HOUR).pulse
    verdict = decide(pulse, DAILY, T0 + hours * HOUR)
    assert (verdict.state, verdict.because) == (state, because)
    assert said in verdict.text


@pytest.mark.parametrize(
    ("listening_since", "hours", "state"),
    [
        (26.5, 27.4, State.UNKNOWN),  # due at 25, while nobody listened: one more grace
        (26.5, 27.6, State.FIRING),
        (24, 26.1, State.FIRING),  # golive was there when it was due
        (26.5, 26.6, State.UNKNOWN),
    ],
)
def test_a_ping_that_met_nobody_is_not_missing_yet(listening_since: float, hours: float, state: State) -> None:
    pulse = take(Pulse(T0), Signal.SUCCESS, T0 + HOUR).pulse
    assert decide(pulse, DAILY, T0 + hours * HOUR, T0 + listening_since * HOUR).state == state


def test_runs_that_overlap_are_told_apart_by_their_ids() -> None:
    first = take(Pulse(T0), Signal.START, T0, "a")
    second = take(first.pulse, Signal.START, T0 + timedelta(minutes=10), "b")
    assert second.reason == "began while another run was still open"
    ended = take(second.pulse, Signal.SUCCESS, T0 + timedelta(minutes=12), "b")
    assert ended.took == timedelta(minutes=2)
    assert ended.pulse.runs == {"a": T0}
    assert decide(ended.pulse, DAILY, T0 + timedelta(minutes=31)).because is Because.OVERRUN
    failed = take(ended.pulse, Signal.FAIL, T0 + timedelta(minutes=32), "a", exit_status=3)
    assert failed.reason == "the job says that it failed, with exit status 3 after 32m"
    many = Pulse(T0)
    for number in range(50):
        many = take(many, Signal.START, T0 + timedelta(seconds=number), str(number)).pulse
    assert len(many.runs) == 20


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would go to the store."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(pulses.facts, "record", lambda table, some: found.extend(some))
    return found


def declared() -> Job:
    project, _ = Project.objects.get_or_create(slug="acme", defaults={"name": "acme"})
    section = ChecksSection.model_validate({"backup": {"kind": "heartbeat", "every": "1d", "grace": "1h"}})
    apply(project.pk, section, "ada")
    return Job.objects.get(check_row__name="backup")


@pytest.mark.django_db(transaction=True)
def test_a_ping_from_the_wire_to_the_flip(live_server: Any, rows: list[dict[str, Any]]) -> None:
    job = declared()
    address = f"{live_server.url}/ping/{job.uuid}"
    with httpx.Client() as web:
        assert web.get(f"{address}/start", params={"rid": str(uuid4())}).text == "OK"
        assert (web.head(address).status_code, web.head(address).headers["ping-body-limit"]) == (200, "10000")
        assert web.post(f"{address}/3", content=b"disk full\n" + b"x" * 20_000).status_code == 200
        assert web.get(f"{address}/log").status_code == 200
        wrong = [web.get(f"{live_server.url}/ping/{uuid4()}"), web.get(f"{address}/256"), web.put(address)]
        assert [answer.status_code for answer in wrong] == [404, 400, 405]
        assert web.get(address, params={"rid": "x"}).status_code == 400
        assert "set-cookie" not in web.get(f"{address}/log").headers
    kept = Ping.objects.get(exit_status=3)
    assert (kept.signal, len(kept.note), kept.note[:9]) == ("fail", 10_000, "disk full")
    pulses.beat()
    flip = Flip.objects.get()
    assert (flip.title, flip.new, flip.severity) == ("backup failed", State.FIRING, "critical")
    assert [row["ok"] for row in rows] == [True, True, False]
    httpx.get(f"{address}/0")
    pulses.beat()
    pulses.beat()
    assert Flip.objects.order_by("-pk")[0].title.startswith("backup runs again")
    assert (Flip.objects.count(), len(rows)) == (2, 4)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_a_cron_job_with_curl(live_server: Any, rows: list[dict[str, Any]]) -> None:
    """What stands in a crontab, by the real curl: overlapping, over-running, failed, late, missing."""
    job = declared()  # daily, an hour of grace, runs for an hour at most
    address = f"{live_server.url}/ping/{job.uuid}"
    begun = timezone.now()

    def curl(*words: str) -> None:
        command = ["curl", "-fsS", "-m", "10", "--retry", "5", "--noproxy", "*", *words]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "OK"

    def after(hours: float) -> tuple[str, str]:
        pulses.turn(Job.objects.select_related("check_row__project").get(pk=job.pk), begun + hours * HOUR)
        state = CheckState.objects.get(check_row=job.check_row)
        return state.state, state.reason

    first, second = str(uuid4()), str(uuid4())
    curl(f"{address}/0")
    curl(f"{address}/start?rid={first}")
    curl(f"{address}/start?rid={second}")
    assert after(0.5)[1].endswith("2 runs overlap")
    assert (after(1.1)[0], "is not done after 1h" in after(1.1)[1]) == (State.FIRING, True)
    curl("--data-raw", "dumped 12 GB", f"{address}/log")
    curl(f"{address}?rid={first}")
    curl("--data-binary", "all well", f"{address}/0?rid={second}")
    assert after(2)[0] == State.OK
    curl("-X", "POST", f"{address}/fail")
    assert after(3) == (State.FIRING, "the job says that it failed")
    curl("-I", "-o", "/dev/null", "-w", "OK", address)
    assert after(4)[0] == State.OK
    assert (after(24.5)[0], after(24.5)[1].startswith("late since")) == (State.OK, True)
    assert (after(25.5)[0], after(25.5)[1].startswith("no ping by")) == (State.FIRING, True)
    assert Ping.objects.get(signal="log").note == "dumped 12 GB"
    titles = [flip.title.partition(" after ")[0] for flip in Flip.objects.order_by("id") if flip.new == State.FIRING]
    assert titles == ["backup runs for too long", "backup failed", "backup did not run"]


@pytest.mark.django_db
def test_silence_flips_once_and_the_prober_leaves_jobs_alone(rows: list[dict[str, Any]], client: Client) -> None:
    job = declared()
    pulses.beat()
    state = CheckState.objects.get()
    assert (state.state, state.reason) == (State.UNKNOWN, "waiting for its first ping")
    assert DatabaseKeeper().targets() == {}
    pulses.turn(job, job.since + timedelta(hours=26))
    again = Job.objects.select_related("check_row__state_row").get()
    pulses.turn(again, job.since + timedelta(hours=27))
    assert [flip.title for flip in Flip.objects.all()] == ["backup did not run"]
    assert [row["reason"][:10] for row in rows] == ["no ping by"]
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.VIEWER))
    page = client.get("/p/acme/checks/backup/").content.decode()
    assert f"/ping/{job.uuid}" in page
    assert "Probe now" not in page
    assert client.get("/p/acme/checks/").status_code == 200
    assert declared().uuid == job.uuid  # applying again keeps the address
    Check.objects.all().delete()
    assert client.get(f"/ping/{job.uuid}").status_code == 404
