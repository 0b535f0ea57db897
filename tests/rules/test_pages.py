"""Pages, API and golive.toml of the rules."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from golive.alerts.models import Severity, State
from golive.apply import execute, plan
from golive.config import reader
from golive.people.models import AuditEntry, Project, Role, User
from golive.people.tokens import create
from golive.rules.configure import ensure
from golive.rules.history import History
from golive.rules.models import Origin, Rule, RuleState
from golive.rules.settings import COOKBOOK, P95, ErrorRate, RuleKind, WebhookFailures
from golive.rules.standing import sentence, standings

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = Project.objects.create(slug="acme", name="acme")
    now = timezone.now()
    rule = next(rule for rule in ensure(project) if rule.kind == RuleKind.ERROR_RATE)
    RuleState.objects.create(
        rule=rule,
        key="web",
        subject="web",
        service="web",
        state=State.FIRING,
        severity=Severity.CRITICAL,
        since=now,
        reason="8 % of <requests> fail",
        value=0.08,
        threshold=0.05,
        evaluated_at=now,
        fired_at=now,
    )
    return project


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.ADMIN))
    return client


def applied(folder: Path, text: str) -> list[str]:
    path = folder / "golive.toml"
    path.write_text(f'[app]\nname = "acme"\n[alerts]\n{text}')
    planned = plan(path, [], None)
    execute(planned, "ada@acme.example")
    return [f"{each.subject}: {each.before} → {each.after}" for each in planned.differences]


def in_force(kind: RuleKind) -> object:
    return Rule.objects.get(kind=kind).in_force()


def test_golive_toml_overrides_the_cookbook(project: Project, tmp_path: Path) -> None:
    assert applied(tmp_path, "") == []
    told = applied(
        tmp_path, 'p95 = "1.5s"\nwebhook_failures = "/hook"\nsignups = false\nerror_rate = { warning = "2%" }'
    )
    assert [one.partition(":")[0] for one in told] == [
        "alerts.error_rate",
        "alerts.p95",
        "alerts.webhook_failures",
        "alerts.signups",
    ]
    assert told[3].endswith("→ off")
    p95, webhooks, errors = (in_force(kind) for kind in (RuleKind.P95, RuleKind.WEBHOOK_FAILURES, RuleKind.ERROR_RATE))
    assert isinstance(p95, P95)
    assert p95.critical == timedelta(seconds=1.5)
    assert isinstance(webhooks, WebhookFailures)
    assert webhooks.route == "/hook"
    assert isinstance(errors, ErrorRate)
    assert (errors.warning, errors.critical) == (0.02, 0.05)
    assert {"paused"} == {one.word for one in standings(project, timezone.now()) if one.rule.kind == "signups"}
    assert len(applied(tmp_path, "")) == 4  # back to the defaults


@pytest.mark.parametrize(
    ("text", "key", "accepted"),
    [
        ("eror_rate = {}", "alerts.eror_rate", "error_rate"),
        ('error_rate = { critcal = "5%" }', "alerts.error_rate.critcal", "critical"),
        ('pool = "80"', "alerts.pool", "percentage"),
        ('p95 = "fast"', "alerts.p95", "90s"),
        ("error_rate = { minimum_requests = 0 }", "alerts.error_rate.minimum_requests", "greater than"),
        ('signups = { severity = "loud" }', "alerts.signups.severity", "warning|critical"),
    ],
)
def test_mistakes_are_told_with_what_is_accepted(
    project: Project, tmp_path: Path, text: str, key: str, accepted: str
) -> None:
    with pytest.raises(reader.ConfigError) as raised:
        applied(tmp_path, text)
    problem = raised.value.problems[0]
    assert (problem.key, problem.line) == (key, 4)
    assert accepted in problem.accepted


def test_a_declared_rules_line_comes_behind_the_page(
    project: Project, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"query": "count(logs{level:>=error})", "warning": 5}
    Rule.objects.create(project=project, name="noise", kind=RuleKind.THRESHOLD, origin=Origin.FILE, settings=settings)
    address = "/p/acme/rules/noise/spark/"
    assert address in console.get("/p/acme/rules/").content.decode()
    assert "no data" in console.get(address).content.decode()  # there is no store here
    monkeypatch.setattr("golive.rules.pages.histories", lambda *_: [History([0.0, 60.0], [1.0, 4.0])])
    assert "<polyline" in console.get(address).content.decode()


def test_pages_show_what_fires(project: Project, console: Client) -> None:
    page = console.get("/p/acme/rules/").content.decode()
    assert "8 % of &lt;requests&gt; fail" in page
    assert "No rule is evaluated" in page
    detail = console.get("/p/acme/rules/error_rate/").content.decode()
    assert "Change for acme" in detail
    assert console.get("/p/acme/rules/nope/").status_code == 404
    assert sentence(standings(project, timezone.now())).startswith("8 % of <requests> fail; 5 of 6 rules unknown")


def test_a_state_nobody_evaluates_is_unknown(project: Project) -> None:
    found = standings(project, timezone.now() + timedelta(minutes=5))
    assert {one.state for one in found} == {State.UNKNOWN}


def test_an_admin_overrides_and_takes_back(project: Project, console: Client) -> None:
    values = {"warning": "", "critical": "10%", "window": "5m", "minimum_requests": "20"}
    page = console.post("/p/acme/rules/error_rate/change/", values, follow=True).content.decode()
    assert "Overridden here by ada@acme.example" in page
    rule = Rule.objects.get(kind="error_rate")
    assert rule.override == {"warning": None, "critical": "10%"}
    bad = console.post("/p/acme/rules/error_rate/change/", {**values, "critical": "a lot"}, follow=True)
    assert "Not changed. critical:" in bad.content.decode()
    console.post("/p/acme/rules/error_rate/change/", {"action": "reset"})
    rule.refresh_from_db()
    assert rule.override == {}
    assert AuditEntry.objects.filter(action="rule.override").count() == 2
    User.objects.update(role=Role.RESPONDER)
    assert console.post("/p/acme/rules/error_rate/change/", values).status_code == 403


def test_the_api_reads_and_overrides(project: Project, client: Client) -> None:
    _, token = create("robot", ["rules:write"])
    bearer = {"authorization": f"Bearer {token}"}
    found = orjson.loads(client.get("/api/v1/projects/acme/rules", headers=bearer).content)
    assert [one["kind"] for one in found] == [kind.value for kind in COOKBOOK]
    assert found[0]["instances"][0]["value"] == 0.08

    def put(settings: dict[str, object]) -> int:
        url, body = "/api/v1/projects/acme/rules/p95/override", orjson.dumps({"settings": settings})
        return client.put(url, body, content_type="application/json", headers=bearer).status_code

    assert put({"critical": "3s"}) == 200
    assert put({"critical": "soon"}) == 422
    assert put({"nonsense": 1}) == 422
    assert Rule.objects.get(kind="p95").override == {"critical": "3s"}
