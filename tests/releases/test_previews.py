"""Previews: who may pass, who falls asleep, and one from its first deploy to its end behind the real front."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.test import Client

from golive.people.models import Role, User
from golive.releases import passes, previews, runs, variables
from golive.releases.models import CommandRun, DeploySettings, Environment
from golive.releases.passes import Move
from tests.releases.conftest import Shop

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOST = "pr-1.preview.shop.localhost"


@pytest.mark.parametrize(
    ("protect", "uri", "cookie_host", "age", "expected"),
    [
        ("none", "/", "", 0, Move.LET_IN),
        ("login", "/", "", 0, Move.LOG_IN),
        ("link", "/", "", 0, Move.REFUSE),
        ("login", "/", HOST, 0, Move.LET_IN),
        ("login", "/", HOST, 2, Move.LOG_IN),
        ("login", "/", "pr-2.preview.shop.localhost", 0, Move.LOG_IN),
    ],
)
def test_who_may_pass(protect: str, uri: str, cookie_host: str, age: int, expected: Move) -> None:
    token = passes.sign(cookie_host, NOW + timedelta(hours=1)) if cookie_host else ""
    found = passes.decide(protect, HOST, uri, token, "", NOW + timedelta(hours=age))
    assert found.move is expected


def test_a_pass_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    token = passes.sign(HOST, NOW + timedelta(hours=1))
    found = passes.decide("link", HOST, f"/a?x=1&golive_pass={token}&y=", "", "", NOW)
    assert (found.move, found.uri) == (Move.GIVE_COOKIE, "/a?x=1&y=")
    assert passes.decide("link", HOST, "/a?golive_pass=forged", "", "", NOW).move is Move.REFUSE


def test_those_asked_for_longest_ago_fall_asleep() -> None:
    awake = [("a", NOW), ("b", NOW - timedelta(hours=2)), ("c", None)]
    assert previews.oldest_first(awake, 4) == []
    assert previews.oldest_first(awake, 3) == ["c"]
    assert previews.oldest_first(awake, 2) == ["c", "b"]


def test_a_preview_from_open_to_close(shop: Shop, client: Client) -> None:
    shop.settings["previews"] = {"most": 1, "protect": "link", "variables": {"APP_URL": "{url}"}}
    release = shop.build()
    first = previews.open_preview(shop.project, "pr-1", release)
    assert first.outcome.well, first.outcome.reason
    assert first.url == f"http://{HOST}:{shop.port}"
    assert variables.values(first.environment) == {"APP_URL": first.url}
    assert shop.flips() == []
    gate = {"X-Forwarded-Host": f"{HOST}:{shop.port}", "X-Forwarded-Uri": "/"}
    assert client.get("/previews/gate/", headers=gate).status_code == 403
    let_in = {**gate, **first.headers}
    assert client.get("/previews/gate/", headers=let_in).status_code == 204
    # The front asks the gate of a console that is not up: it lets nobody through.
    answer = httpx.get(f"http://127.0.0.1:{shop.port}/", headers={"Host": HOST}, trust_env=False)
    assert answer.status_code == 502

    second = previews.open_preview(shop.project, "pr-2", release)
    assert second.outcome.well
    one = Environment.objects.get(project=shop.project, name="pr-1")
    assert one.asleep
    waking = client.get("/previews/gate/", headers=let_in)
    assert waking.status_code == 503
    assert "waking up" in waking.content.decode()
    previews.wake(one)
    assert client.get("/previews/gate/", headers=let_in).status_code == 204
    assert Environment.objects.get(project=shop.project, name="pr-2").asleep
    for name in ("pr-1", "pr-2"):
        previews.close_preview(Environment.objects.get(project=shop.project, name=name))
    assert client.get("/previews/gate/", headers=let_in).status_code == 404


def test_login_leads_to_the_console_and_back_with_a_pass(shop: Shop, client: Client) -> None:
    previews.open_preview(shop.project, "pr-1", shop.build())
    gate = {"X-Forwarded-Host": f"{HOST}:{shop.port}", "X-Forwarded-Uri": "/tasks?x=1"}
    away = client.get("/previews/gate/", headers=gate)
    assert away.status_code == 302
    path = "/previews/pass/?" + away["Location"].partition("?")[2]
    assert "/accounts/login/" in client.get(path)["Location"]
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.VIEWER))
    back = client.get(path)["Location"]
    assert back.startswith(f"http://{HOST}:{shop.port}/tasks?x=1&golive_pass=")
    uri = back.partition(str(shop.port))[2]
    given = client.get("/previews/gate/", headers={**gate, "X-Forwarded-Uri": uri})
    assert given["Location"] == "/tasks?x=1"
    assert given.cookies["golive_preview"]["httponly"]


def test_variables_are_sealed_versioned_and_come_back_with_a_rollback(shop: Shop) -> None:
    where = shop.where
    variables.change(where, {"COLOUR": "red", "KEEP": "1"}, by="t", at=NOW)
    shop.ship()
    variables.change(where, {"COLOUR": "blue", "KEEP": None}, by="t", at=NOW)
    assert variables.values(where) == {"COLOUR": "blue"}
    assert variables.values(where, 1) == {"COLOUR": "red", "KEEP": "1"}
    assert "blue" not in json.dumps(list(where.variables.values_list("sealed", flat=True)))
    for bad in ({"SOCKET": "x"}, {"1A": "x"}, {"GONE": None}, {"A": "a\0b"}):
        with pytest.raises(variables.VariableError):
            variables.change(where, bad, by="t", at=NOW)


def test_a_scheduled_command_that_fails_is_a_flip(shop: Shop) -> None:
    shop.ship()
    DeploySettings.objects.filter(project=shop.project).update(
        cron={"bills": {"run": "sh -c 'echo no paper; exit 3'", "every": "1h"}}
    )
    made = runs.run_scheduled(shop.where, "bills", print)
    assert (made.exit_code, made.output) == (3, "no paper")
    assert shop.flips() == [("firing", "warning")]
    DeploySettings.objects.filter(project=shop.project).update(cron={"bills": {"run": "true", "every": "1h"}})
    runs.run_scheduled(shop.where, "bills", print)
    assert [new for new, _ in shop.flips()] == ["firing", "ok"]
    assert CommandRun.objects.filter(job="bills").count() == 2
