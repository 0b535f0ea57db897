"""Journeys as monitors: what runs from several regions come to, and who is asked again. With the real database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from golive.alerts.models import State
from golive.checks import definition, exchange, journeying
from golive.checks.kinds.journey import JourneySection
from golive.checks.models import Check, CheckState, Maintenance, Probe, Recheck
from golive.checks.section import ChecksSection, apply, differences
from golive.config.reader import ConfigError
from golive.jobs.models import Job
from golive.journeys.keep import TooLarge, evidence, keep_file
from golive.journeys.models import Run
from golive.people.models import Project, Role, User
from golive.people.tokens import create

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
LETTERS = {"p": "passed", "f": "failed", "?": "unknown"}


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="acme", url="https://acme.example")


def probe(region: str = "eu", *, able: bool = True, seen: datetime = NOW) -> Probe:
    token, _ = create(f"probe {region}", ["probe:write"], by=None)
    details = {"journeys": 1} if able else {}
    return Probe.objects.create(name=f"{region}-1", region=region, token=token, seen_at=seen, details=details)


def check(project: Project, regions: list[str], state: State = State.OK, **keys: object) -> Check:
    wanted = JourneySection.model_validate({"file": "test_a.py", "regions": regions, **keys})
    made = Check.objects.create(project=project, name="buy", **definition.columns(wanted))
    CheckState.objects.create(check_row=made, state=state, since=NOW - timedelta(hours=1), checked_at=NOW)
    return made


def ran(one: Check, region: str, letters: str, *, judged: bool = False) -> None:
    """Runs of a region, a letter every ten seconds; a space is none."""
    for n, letter in enumerate(letters):
        if letter != " ":
            at = NOW - timedelta(seconds=120 - 10 * n)
            Run.objects.create(
                project=one.project, check_name=one.name, at=at, outcome=LETTERS[letter], reason=f"it {letter}",
                region=region, judged=judged,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "home", "eu", "state", "scope", "said", "asked"),
    [
        (State.UNKNOWN, "p", "p", "ok", "", "", False),
        (State.OK, "p", "pf", "ok", "", "", True),
        (State.OK, "pff", "pff", "firing", "global", "2 of 2 regions", False),
        (State.OK, "p   p", "fff", "firing", "regional", "while it is up from built-in", False),
        (State.OK, "pp", "???", "ok", "", "", False),  # the probe's own trouble is not the site's
        (State.OK, "???", "???", "unknown", "", "no probe can tell", False),
    ],
)
def test_a_verdict_from_two_regions(
    project: Project, before: State, home: str, eu: str, state: str, scope: str, said: str, asked: bool
) -> None:
    probe()
    one = check(project, ["built-in", "eu"], before)
    ran(one, "built-in", home)
    ran(one, "eu", eu)
    journeying.judge(one, NOW)
    row = CheckState.objects.get(check_row=one)
    assert (row.state, row.scope) == (state, scope), row.reason
    assert said in row.reason
    assert Recheck.objects.filter(check_number=one.pk).exists() is asked
    assert Job.objects.filter(kind="checks.journey").exists() is asked
    Recheck.objects.all().delete()
    journeying.judge(one, NOW)  # nothing new was seen: nobody is asked again
    assert not Recheck.objects.exists()


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("none", "eu has no probe that runs journeys"),
        ("unable", "eu has no probe that runs journeys"),
        ("silent", "eu has been silent for"),
    ],
)
def test_a_region_that_cannot_run_it_is_unknown_not_up(project: Project, there: str, said: str) -> None:
    if there != "none":
        probe(able=there == "silent", seen=NOW - timedelta(minutes=9))
    one = check(project, ["eu"])
    ran(one, "eu", "ppp")
    journeying.judge(one, NOW)
    row = CheckState.objects.get(check_row=one)
    assert row.state == State.UNKNOWN
    assert said in row.reason


def test_maintenance_and_a_check_below_keep_quiet(project: Project) -> None:
    one = check(project, [], depends_on=["front"])
    front = Check.objects.create(project=project, name="front", url="https://acme.example/")
    CheckState.objects.create(check_row=front, state=State.FIRING, severity="critical", scope="global", since=NOW)
    ran(one, "built-in", "pff")
    start = (NOW - timedelta(minutes=1)).isoformat()
    window = Maintenance.objects.create(project=project, name="move", definition={"start": start, "length": "1h"})
    journeying.judge(one, NOW)
    assert CheckState.objects.get(check_row=one).state == State.OK
    window.delete()
    journeying.judge(one, NOW)
    row = CheckState.objects.get(check_row=one)
    assert (row.state, row.severity) == (State.FIRING, "info")
    assert "depends on front" in row.reason
    CheckState.objects.filter(check_row=front).update(state=State.OK, checked_at=NOW)
    journeying.judge(one, NOW)
    assert CheckState.objects.get(check_row=one).severity == "critical"


def report(first: int, letters: str, **more: object) -> exchange.Report:
    looks = [
        {"check": Check.objects.get().pk, "at": NOW.timestamp(), "outcome": letter, "reason": "it broke",
         "run": {"key": uuid4().hex, "seconds": 1.5, "place": "/var/runs/1", "results": [
             {"test": "t.py::test_a", "name": "test_a", "proves": ["a.b"], "outcome": "failed", "reason": "it broke",
              "seconds": 1.0, "trace_id": "ab" * 16, "evidence": [{"kind": "screenshot", "file": "a.png"}]}]}}
        for letter in letters.split()
    ]  # fmt: skip
    details = {"journeys": 1}
    return exchange.Report.model_validate(
        {"version": "1", "sent_at": NOW.timestamp(), "first": first, "results": looks, "details": details, **more}
    )


def test_a_probe_is_given_its_regions_journeys_and_its_runs_are_kept_once(
    project: Project, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, object]] = []
    monkeypatch.setattr(exchange.facts, "record", lambda _, found: rows.extend(found))
    one, eu, us = check(project, ["eu"], environment={"CARD": "secret:card"}), probe(), probe("us")
    idle = exchange.exchange(eu, report(1, "", details={}), NOW)
    assert (idle.journeys, idle.key) == ([], "")  # it did not say that it can
    assert exchange.exchange(us, report(1, ""), NOW).journeys == []
    orders = exchange.exchange(eu, report(1, ""), NOW)
    assert orders.journeys is not None
    assert [sent["number"] for sent in orders.journeys] == [one.pk]
    assert "secret:card" not in orders.model_dump_json()
    assert len(orders.key) == 32
    sent = report(1, "down fault")
    exchange.exchange(Probe.objects.get(pk=eu.pk), sent, NOW)
    exchange.exchange(Probe.objects.get(pk=eu.pk), sent, NOW)  # its answer was lost
    runs = list(Run.objects.order_by("pk"))
    assert [(run.outcome, run.region, run.probe, run.judged) for run in runs] == [
        ("failed", "eu", "eu-1", False),
        ("unknown", "eu", "eu-1", False),
    ]
    assert [row["kind"] for row in rows] == ["journey", "fault"]
    exchange.exchange(us, report(1, "down"), NOW)  # not its region's
    assert Run.objects.count() == 2
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.VIEWER))
    page = client.get("/p/acme/checks/buy/").content.decode()
    assert "from eu (eu-1)" in page
    assert "/var/runs/1" in page
    assert "a.png" not in page  # no link to what is not here
    assert keep_file(runs[0], "a.png", iter([b"pic", b"ture"]))
    assert not keep_file(runs[0], "b.png", iter([b"x"]))
    assert not keep_file(runs[0], "../../a.png", iter([b"x"]))
    assert "a.png" in client.get("/p/acme/checks/buy/").content.decode()
    path = evidence(runs[0], "a.png")
    assert path is not None
    assert path.read_bytes() == b"picture"
    with pytest.raises(TooLarge):
        keep_file(runs[1], "a.png", (bytes(5_000_000) for _ in range(5)))
    assert list(runs[1].folder.iterdir()) == []


def test_a_new_journey_needs_a_region_that_can_run_it(project: Project) -> None:
    def wanted(every: str) -> ChecksSection:
        return ChecksSection.model_validate({"buy": {"file": "test_a.py", "regions": ["eu"], "every": every}})

    eu = probe(able=False)
    with pytest.raises(ConfigError, match=r"checks.buy.regions: found 'eu'.*start its probe eu-1 with"):
        differences(project.pk, wanted("5m"))
    Probe.objects.update(details={"journeys": 1})
    apply(project.pk, wanted("5m"), "cli")
    Probe.objects.filter(pk=eu.pk).update(details={})
    assert differences(project.pk, wanted("5m")) == []  # what is in force is in nobody's way
    with pytest.raises(ConfigError):
        differences(project.pk, wanted("6m"))
    with pytest.raises(ValueError, match=r"rename 'a\.py'"):
        ChecksSection.model_validate({"buy": {"file": "a.py", "regions": ["eu"]}})
