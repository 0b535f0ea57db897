"""Flags on the console, by API and by command; switching one off as a way out of an incident."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts.models import Severity
from golive.flags import switch
from golive.flags.commands import app
from golive.flags.models import FlagState
from golive.incidents import moves
from golive.incidents.actions import ActionError, offers
from golive.incidents.flag_switch import SwitchFlagOff
from golive.people.models import AuditEntry, Project, Role, User
from golive.people.tokens import create

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="acme")


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.ADMIN))
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_flag_from_making_to_killing(project: Project, console: Client) -> None:
    assert "no feature flags" in text(console.get("/p/acme/flags/"))
    made = console.post("/p/acme/flags-new/", {"key": "theme", "variants": "blue = #00f\noff = #000"}, follow=True)
    assert "theme is off in production" in text(made)
    form = {"environment": "production", "targets": "plan is pro -> blue", "serve": "blue:10", "guarded": "1"}
    form |= {"guard_errors": "2%", "guard_latency": "", "guard_window": "10m"}
    assert "theme in production was changed" in text(console.post("/p/acme/flags/theme/change/", form, follow=True))
    page = text(console.post("/p/acme/flags/theme/on/", {}, follow=True))
    assert "theme is on in production: plan is pro gets blue; everybody else 10 % blue; guarded." in page
    state = FlagState.objects.get()
    assert (state.guard["errors"], state.guard["latency"]) == (0.02, None)
    page = text(console.post("/p/acme/flags/theme/kill/", {"why": "it <broke>"}, follow=True))
    assert "theme is killed in production: it &lt;broke&gt;." in page
    assert "No flag is on in production; 1 killed" in text(console.get("/p/acme/flags/"))
    bad = console.post("/p/acme/flags/theme/change/", {**form, "targets": "plan like pro -> blue"}, follow=True)
    assert "Not changed:" in text(bad)
    assert "Not changed:" in text(console.post("/p/acme/flags/theme/change/", {**form, "on_at": "soon"}, follow=True))


def test_environments_are_apart(project: Project, console: Client) -> None:
    switch.create(project, "theme", "ada", timezone.now())
    console.post("/p/acme/flags/theme/on/", {"environment": "staging"})
    assert "theme is on in staging" in text(console.get("/p/acme/flags/theme/?environment=staging"))
    page = text(console.get("/p/acme/flags/theme/"))
    assert "theme is off in production" in page
    assert 'href="?environment=staging"' in page
    refused = console.post("/p/acme/flags/theme/on/", {"environment": "<script>" * 20}, follow=True)
    assert "is no environment" in text(refused)


def test_keys_are_shown_once(project: Project, console: Client) -> None:
    page = text(console.post("/p/acme/flag-keys/new/", {"name": "web", "environment": "staging"}, follow=True))
    assert "glf_" in page
    assert "OFREPProvider" in page
    assert "glf_" not in text(console.get("/p/acme/flags/"))
    key = project.flag_keys.get()
    console.post(f"/p/acme/flag-keys/{key.pk}/revoke/")
    assert not project.flag_keys.filter(revoked_at=None).exists()


def test_who_may_do_what(project: Project, console: Client) -> None:
    switch.create(project, "theme", "ada", timezone.now())
    User.objects.update(role=Role.RESPONDER)
    assert console.post("/p/acme/flags/theme/kill/").status_code == 302
    assert console.post("/p/acme/flags/theme/change/", {"serve": "on"}).status_code == 403
    User.objects.update(role=Role.VIEWER)
    assert console.post("/p/acme/flags/theme/on/").status_code == 403
    assert console.get("/p/acme/flags/theme/").status_code == 200


def test_the_api(project: Project, client: Client) -> None:
    bearer = {"authorization": f"Bearer {create('robot', ['flags:write'])[1]}"}
    base = "/api/v1/projects/acme/flags"

    def send(method: str, path: str, body: object = None) -> Any:
        return client.generic(method, base + path, orjson.dumps(body or {}), "application/json", headers=bearer)

    assert send("POST", "", {"key": "checkout"}).status_code == 201
    assert send("POST", "", {"key": "checkout"}).status_code == 422
    assert send("POST", "", {"key": "a b"}).status_code == 422
    told = send("PATCH", "/checkout", {"serve": "on:25", "targets": ["plan is pro -> on"], "guard": {"errors": "1%"}})
    assert orjson.loads(told.content)["serve"] == "on:25"
    kept = orjson.loads(send("PATCH", "/checkout", {"targets": []}).content)
    assert (kept["serve"], kept["targets"], kept["guard"]["errors"]) == ("on:25", [], 0.01)
    assert send("PATCH", "/checkout", {"serve": "on:250"}).status_code == 422
    assert orjson.loads(send("POST", "/checkout/activation").content)["on"] is True
    killed = orjson.loads(send("POST", "/checkout/kill", {"why": "broke"}).content)
    assert (killed["on"], killed["why_off"], killed["killed_why"]) == (False, "killed", "broke")
    assert [one["key"] for one in orjson.loads(client.get(base, headers=bearer).content)] == ["checkout"]
    assert send("DELETE", "/checkout").status_code == 204
    assert AuditEntry.objects.latest("id").actor == "token:robot"


def test_the_commands(project: Project) -> None:
    def golive(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["flag", *words])
        return result.exit_code, result.output

    assert golive("list") == (0, "No flags yet. Make one with: golive flag set new-checkout --serve on:10\n")
    assert golive("set", "checkout", "--serve", "on:10", "--target", "plan is pro -> on")[0] == 0
    assert golive("on", "checkout")[1] == "checkout in production: on, plan is pro gets on; everybody else 10 % on.\n"
    assert golive("evaluate", "checkout", "plan=pro")[1].startswith("on = true (TARGETING_MATCH")
    assert golive("evaluate", "checkout")[0] == 3  # split, and nobody is named
    assert golive("set", "checkout", "--serve", "blue")[0] == 3
    assert golive("set", "checkout", "--guard", "{")[0] == 3
    assert golive("kill", "nowhere")[0] == 3
    assert "off (killed)" in golive("kill", "checkout", "--why", "broke")[1]
    code, told = golive("list", "--json")
    assert (code, orjson.loads(told)[0]["why_off"]) == (0, "killed")
    code, value = golive("key", "add", "web")
    assert (code, value.startswith("glf_")) == (0, True)


def test_a_way_out_of_an_incident(project: Project) -> None:
    now = timezone.now()
    for key, minutes in (("old", 20_000), ("before", 90), ("just-before", 4)):
        flag = switch.create(project, key, "ada", now - timedelta(minutes=minutes))
        switch.on(switch.state_of(flag), "ada", now - timedelta(minutes=minutes))
    switch.create(project, "off", "ada", now)
    incident = moves.open_incident(project, "Errors", Severity.CRITICAL, now)
    found = [offer for name, offer in offers(incident) if name == "flag"] or list(SwitchFlagOff().offers(incident))
    assert [offer.key for offer in found] == ["just-before", "before"]
    assert found[0].label == "Switch flag just-before off"
    assert found[0].effect == "everybody in production gets off; it was changed 4m before this began"
    assert "everybody gets off" in SwitchFlagOff().take(incident, "just-before", "ada@acme.example")
    state = switch.state_of(project.flags.get(key="just-before"))
    assert (state.killed, state.killed_why, state.changed_by) == (True, "incident #1", "ada@acme.example")
    assert [offer.key for offer in SwitchFlagOff().offers(incident)] == ["before"]
    with pytest.raises(ActionError, match="no flag nowhere"):
        SwitchFlagOff().take(incident, "nowhere", "ada")


def test_keys_by_the_api(project: Project, client: Client) -> None:
    bearer = {"authorization": f"Bearer {create('robot', ['flags:write', 'flags:read'])[1]}"}
    base = "/api/v1/projects/acme/flag-keys"

    def send(method: str, path: str = "", body: object = None) -> Any:
        return client.generic(method, base + path, orjson.dumps(body or {}), "application/json", headers=bearer)

    made = send("POST", body={"name": "web", "environment": "staging"})
    assert made.status_code == 201
    key = orjson.loads(made.content)["key"]
    (kept,) = orjson.loads(send("GET").content)
    assert (kept["name"], kept["environment"], kept["hint"]) == ("web", "staging", key[-4:])
    assert key not in orjson.dumps(kept).decode()
    assert send("POST", body={"name": "web"}).status_code == 422
    assert send("POST", body={"name": "..."}).status_code == 422
    assert send("DELETE", "/web").status_code == 204
    assert send("DELETE", "/web").status_code == 404
    assert orjson.loads(send("GET").content) == []
    assert AuditEntry.objects.latest("id").action == "flag.key.revoke"
    reader = {"authorization": f"Bearer {create('reader', ['flags:read'])[1]}"}
    assert client.post(base, "{}", "application/json", headers=reader).status_code == 403
