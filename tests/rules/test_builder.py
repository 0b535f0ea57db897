"""Rules of golive.toml beyond the six, of the console, the API and the command line; runbooks."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts import flips
from golive.alerts.models import Flip, Severity, State
from golive.apply import execute, plan
from golive.config import reader
from golive.incidents.intake import take_flips
from golive.incidents.models import Incident
from golive.people.models import AuditEntry, Project, Role, User
from golive.people.tokens import create
from golive.rules import custom
from golive.rules.commands import app
from golive.rules.models import Rule, RuleState
from golive.rules.runbook import runbook_html
from golive.rules.settings import Burn, Threshold
from golive.rules.standing import standings

pytestmark = pytest.mark.django_db
TOML = """
[app]
name = "acme"

[rules.checkout]
query = "count(logs{level:>=error}) by service"
critical = 10
for = "1m"
runbook = "file:RUNBOOK"

[rules.revenue]
kind = "change"
query = "sum(event payment.succeeded)"
warning = "30%"

[slo.web]
objective = "99.9%"
service = "web"
"""


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="acme")


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.ADMIN))
    return client


def applied(folder: Path, text: str) -> list[str]:
    (folder / "golive.toml").write_text(text)
    planned = plan(folder / "golive.toml", [], None)
    execute(planned, "ada@acme.example")
    return [f"{each.verb} {each.subject}" for each in planned.differences]


def test_golive_toml_declares_rules_and_objectives(project: Project, tmp_path: Path) -> None:
    (tmp_path / "runbook.md").write_text("# Restart\n\n`systemctl restart web`")
    text = TOML.replace("RUNBOOK", str(tmp_path / "runbook.md"))
    told = applied(tmp_path, text)
    assert told == ["add rules.checkout", "add rules.revenue", "add slo.web"]
    assert applied(tmp_path, text) == []
    checkout = Rule.objects.get(name="checkout").in_force()
    assert isinstance(checkout, Threshold)
    assert (checkout.critical, checkout.hold.total_seconds(), checkout.runbook[:9]) == (10, 60, "# Restart")
    budget = Rule.objects.get(name="slo-web").in_force()
    assert isinstance(budget, Burn)
    assert (round(budget.objective, 9), budget.title) == (0.999, "web error budget")
    assert [one.name for one in standings(project, timezone.now())][6:] == ["checkout", "revenue", "slo-web"]
    now = timezone.now()
    rule = Rule.objects.get(name="checkout")
    about: dict[str, Any] = {"subject": "web", "since": now, "evaluated_at": now}
    RuleState.objects.create(rule=rule, key="web", state=State.FIRING, severity=Severity.CRITICAL, **about)
    assert applied(tmp_path, '[app]\nname = "acme"') == [
        "remove rules.checkout",
        "remove rules.revenue",
        "remove slo.web",
    ]
    assert not Rule.objects.filter(name="checkout").exists()
    assert Flip.objects.get().new == State.UNKNOWN  # its incident does not wait for ever


@pytest.mark.parametrize(
    ("text", "key", "accepted"),
    [
        ('[rules.a]\nquery = "count(tables)"\nwarning = 1', "rules.a.query", "is no query"),
        ('[rules.a]\nquery = "count(logs)"\nwarnig = 1\nwarning = 1', "rules.a.warnig", "warning"),
        ('[rules.p95]\nquery = "count(logs)"\nwarning = 1', "rules", "one of the six"),
        ('[rules.a]\nkind = "loud"', "rules.a", "one of the kinds"),
        ('[rules.a]\nquery = "count(logs)"\nwarning = 1\nrunbook = "file:/nowhere"', "rules", "cannot be read"),
        ('[slo.web]\nobjective = "40%"', "slo.web.objective", "greater than"),
        ('[inhibit.db]\nwhen = "database"\nmute = "kind=rule"', "inhibit.db.when", "is no matcher"),
    ],
)
def test_mistakes_are_told(project: Project, tmp_path: Path, text: str, key: str, accepted: str) -> None:
    with pytest.raises(reader.ConfigError) as raised:
        applied(tmp_path, f'[app]\nname = "acme"\n{text}')
    assert raised.value.problems[0].key == key
    assert accepted in str(raised.value)


def test_a_rule_is_made_on_the_console(project: Project, console: Client) -> None:
    for kind in ("threshold", "absence", "change", "anomaly", "errors"):
        assert console.get(f"/p/acme/rules-new/?kind={kind}").status_code == 200
    given = {"kind": "threshold", "name": "queue", "query": "max(metric queue.depth) by queue", "warning": "100"}
    given |= {"window": "2m", "runbook": "**Drain** the queue.", "title": "Queue <grows>"}
    tried = console.post("/p/acme/rules-new/backtest/", given).content.decode()
    assert "store" in tried  # there is none in this test, and that is said
    assert "is no query" in console.post("/p/acme/rules-new/backtest/", {**given, "query": "x"}).content.decode()
    assert not Rule.objects.filter(name="queue").exists()
    refused = console.post("/p/acme/rules-new/save/", {**given, "name": "p95"})
    assert (refused.status_code, "one of the six" in refused.content.decode()) == (422, True)
    page = console.post("/p/acme/rules-new/save/", given, follow=True).content.decode()
    assert "Rule queue is made" in page
    assert "<strong>Drain</strong>" in page
    listed = console.get("/p/acme/rules/").content.decode()
    assert "warning ≥ 100" in listed
    form = {"warning": "200", "critical": "", "window": "2m", "for": "", "recover": "1m"}
    page = console.post("/p/acme/rules/queue/change/", form, follow=True).content.decode()
    assert "Overridden here" in page
    assert Rule.objects.get(name="queue").override == {"warning": 200}
    console.post("/p/acme/rules/queue/delete/")
    assert not Rule.objects.filter(name="queue").exists()
    assert "Not deleted" in console.post("/p/acme/rules/p95/delete/", follow=True).content.decode()
    User.objects.update(role=Role.VIEWER)
    assert console.post("/p/acme/rules-new/save/", given).status_code == 403


def test_objectives_have_a_page(project: Project, console: Client, tmp_path: Path) -> None:
    assert "has promised nothing" in console.get("/p/acme/slo/").content.decode()
    applied(tmp_path, TOML.replace('runbook = "file:RUNBOOK"', ""))
    page = console.get("/p/acme/slo/").content.decode()
    assert "web error budget" in page
    assert "store" in page  # it does not answer here, and the page says so
    assert console.get("/p/acme/rules/slo-web/").status_code == 200


def test_the_api_makes_changes_and_deletes(project: Project, client: Client) -> None:
    bearer = {"authorization": f"Bearer {create('robot', ['rules:write'])[1]}"}

    def send(method: str, path: str, body: object = None) -> Any:
        address = f"/api/v1/projects/acme/rules{path}"
        return client.generic(method, address, orjson.dumps(body), "application/json", headers=bearer)

    settings = {"query": "count(logs)", "warning": 5}
    assert send("POST", "", {"name": "lines", "settings": settings}).status_code == 201
    assert send("POST", "", {"name": "lines", "settings": settings}).status_code == 422
    assert send("POST", "", {"name": "more", "settings": {"query": "count(logs)"}}).status_code == 422
    assert send("PUT", "/lines", {"settings": {**settings, "warning": 7}}).status_code == 200
    assert orjson.loads(send("GET", "/lines").content)["settings"]["warning"] == 7
    assert send("PUT", "/p95", {"settings": settings}).status_code == 422
    assert send("PUT", "/lines/override", {"settings": {"warning": "9"}}).status_code == 200
    for over, status in (("soon", 422), ("90d", 422), ("7d", 503)):  # no store runs beside this test
        body = orjson.dumps({"settings": settings, "over": over})
        address = "/api/v1/projects/acme/rule-backtests"
        assert client.post(address, body, "application/json", headers=bearer).status_code == status
    assert send("DELETE", "/lines").status_code == 204
    assert send("GET", "/lines").status_code == 404
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "rule.create",
        "rule.change",
        "rule.override",
        "rule.delete",
    ]


def test_a_runbook_is_shown_on_its_incident_and_cannot_carry_scripts(project: Project, console: Client) -> None:
    custom.create(
        project, "lines", {"query": "count(logs)", "warning": 5, "runbook": "1. **Look** at the queue"}, "ada"
    )
    now = timezone.now()
    flips.record(
        project,
        "rule:lines",
        title="many lines",
        old=State.OK,
        new=State.FIRING,
        severity=Severity.WARNING,
        reason="9 lines",
        at=now,
    )
    take_flips(now)
    page = console.get(f"/p/acme/incidents/{Incident.objects.get().number}/").content.decode()
    assert "<strong>Look</strong> at the queue" in page
    assert "<script" not in runbook_html("<script>alert(1)</script> [x](javascript:alert(1)) ![i](//evil/x.png)")
    assert "href" not in runbook_html("[x](javascript:alert(1)) [y](data:text/html,x)")


def test_rules_are_tested_in_a_pull_request(project: Project, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text(TOML.replace('runbook = "file:RUNBOOK"', ""))
    cases = tmp_path / "rules.test.toml"
    good = '[[case]]\nrule = "checkout"\nname = "errors page"\nseries = { "web" = "0x5 12x10" }\nfires = "7m"\n'

    def run(text: str, *words: str) -> tuple[int, str]:
        cases.write_text(text)
        config = str(tmp_path / "golive.toml")
        result = CliRunner().invoke(app, ["rules", "test", str(cases), "--config", config, *words])
        return result.exit_code, result.output

    assert run(good) == (0, "passed checkout errors page\n1 of 1 cases passed.\n")
    code, told = run(good.replace("7m", "2m"))
    assert (code, "it fired after 6m, not by 2m" in told) == (1, True)
    assert run(good.replace("checkout", "nope"))[0] == 3
    assert run(good.replace("fires", "fire"))[0] == 3
    assert orjson.loads(run(good, "--json")[1])["cases"][0]["passed"] is True
    assert CliRunner().invoke(app, ["rules", "backtest", "nope"]).exit_code == 3
    assert CliRunner().invoke(app, ["rules"]).exit_code == 2  # nothing is known yet
