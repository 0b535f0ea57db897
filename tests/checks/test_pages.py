"""Pages, API and command line of checks, without a store: what is known without it is still shown."""

from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from golive.alerts import liveness
from golive.alerts.models import Flip, State
from golive.checks.history import bars, share
from golive.checks.keeper import DatabaseKeeper
from golive.checks.models import Check, CheckState
from golive.checks.standing import headline, standings
from golive.checks.verdict import Because, Position, Verdict
from golive.people.models import Project, Role, User
from golive.people.tokens import create

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = Project.objects.create(slug="acme", name="acme", url="http://127.0.0.1:1")
    now = timezone.now()
    for name, state in (("home", State.OK), ("api", State.FIRING), ("docs", State.UNKNOWN)):
        check = Check.objects.create(project=project, name=name, url="/")
        since = now - timedelta(minutes=3)
        CheckState.objects.create(check_row=check, state=state, reason="<b>why</b>", since=since, checked_at=now)
    return project


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.VIEWER))
    return client


def test_the_first_sentence_answers_whether_all_is_up(project: Project) -> None:
    now = timezone.now()
    said = headline(standings(project, now), now)
    assert said == "api has been down for 3m, docs is unknown, 1 of 3 up"
    Check.objects.exclude(name="home").delete()
    assert headline(standings(project, now), now) == "home is up"
    later = now + timedelta(minutes=10)
    assert headline(standings(project, later), later) == "home is unknown"
    Check.objects.all().delete()
    assert headline(standings(project, now), now) == "Nothing is checked yet"


def test_pages_show_states_and_escape_reasons(project: Project, console: Client) -> None:
    page = console.get("/p/acme/checks/").content.decode()
    assert "api has been down for" in page
    assert "&lt;b&gt;why" in page
    assert "Nothing is being checked" in page  # no prober has given a sign of life
    liveness.beat("checks", timezone.now(), timedelta(seconds=15), probes=3, lag_p99_ms=1.5)
    assert "Nothing is being checked" not in console.get("/p/acme/checks/").content.decode()
    assert console.get("/p/acme/checks/", headers={"HX-Request": "true"}).content.decode().count("<html") == 0
    detail = console.get("/p/acme/checks/api/").content.decode()
    assert "api is down since" in detail
    assert console.get("/p/acme/checks/nope/").status_code == 404


def test_probing_from_the_console_needs_a_responder(project: Project, console: Client) -> None:
    assert console.post("/p/acme/checks/home/probe/").status_code == 403
    User.objects.update(role=Role.RESPONDER)
    answer = console.post("/p/acme/checks/home/probe/", follow=True)
    assert "Just now, from this console" in answer.content.decode()
    assert CheckState.objects.get(check_row__name="home").state == State.OK


def test_the_api_lists_checks_for_tokens_with_the_scope(project: Project, client: Client) -> None:
    _, token = create("reader", ["checks:read"])
    _, other = create("other", ["logs:read"])
    bearer = {"authorization": f"Bearer {token}"}
    found = orjson.loads(client.get("/api/v1/projects/acme/checks", headers=bearer).content)
    assert [(one["name"], one["state"]) for one in found] == [("api", "down"), ("docs", "unknown"), ("home", "up")]
    assert client.get("/api/v1/projects/acme/checks/home", headers=bearer).status_code == 200
    assert client.post("/api/v1/projects/acme/checks/home/runs", headers=bearer).status_code == 403
    assert client.get("/api/v1/projects/acme/checks/home/results?since=1000-01-01", headers=bearer).status_code == 422
    refused = client.get("/api/v1/projects/acme/checks", headers={"authorization": f"Bearer {other}"})
    assert refused.status_code == 403


def test_bars_have_gaps_and_uptime_counts_only_what_is_known() -> None:
    now = timezone.now()
    row = {"segment": 1, "up": 3, "down": 1, "faults": 2, "latency_ms": float("nan")}
    segments = bars([row], now, timedelta(minutes=1), 3)
    assert [segment.tone for segment in segments] == ["unknown", "warning", "unknown"]
    assert segments[1].latency_ms is None
    assert "3 of 4 probes up" in segments[1].word
    assert (share(3, 4), share(0, 0)) == (0.75, None)


def test_liveness_tells_silence() -> None:
    now = timezone.now()
    assert not liveness.of("pager", now).alive
    liveness.beat("pager", now, timedelta(seconds=10))
    assert liveness.of("pager", now + timedelta(seconds=20)).alive
    assert "silent for" in liveness.of("pager", now + timedelta(minutes=2)).reason


def test_a_reason_of_an_unknown_check_is_kept_without_a_flip(project: Project) -> None:
    keeper = DatabaseKeeper()
    targets = {target.name: target for target, _ in (keeper.targets() or {}).values()}
    keeper.explain(targets["docs"], "golive cannot probe: private address")
    assert CheckState.objects.get(check_row__name="docs").reason.endswith("private address")
    assert not Flip.objects.exists()
    keeper.flip(
        targets["docs"],
        Position.of(State.UNKNOWN),
        Verdict(State.FIRING, Because.CONFIRMED, "gone", None),
        timezone.now(),
    )
    assert Flip.objects.get().title == "docs is down"
