"""Scopes: what covers what, and what may be given on."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from golive.people import keys, tokens
from golive.people.models import ApiToken


@pytest.mark.parametrize(
    ("granted", "wanted", "good"),
    [
        (["*"], "incidents:write", True),
        (["read"], "incidents:read", True),
        (["read"], "incidents:write", False),
        (["incidents:write"], "incidents:read", True),
        (["incidents:read"], "incidents:write", False),
        (["logs:write"], "incidents:read", False),
        ([], "logs:read", False),
    ],
)
def test_covers(granted: list[str], wanted: str, good: bool) -> None:
    assert tokens.covers(granted, wanted) is good


@pytest.mark.parametrize(
    ("granted", "wanted", "good"),
    [
        (["*"], "*", True),
        (["tokens:write"], "*", False),
        (["tokens:write"], "read", False),
        (["tokens:write"], "tokens:read", True),
        (["tokens:write", "read"], "logs:read", True),
        (["tokens:write", "read"], "logs:write", False),
    ],
)
def test_includes(granted: list[str], wanted: str, good: bool) -> None:
    assert tokens.includes(granted, wanted) is good


def test_standing() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert tokens.standing(ApiToken(), now) == "in force"
    assert tokens.standing(ApiToken(expires_at=now + hour), now) == "in force"
    assert tokens.standing(ApiToken(expires_at=now), now) == "expired"
    assert tokens.standing(ApiToken(revoked_at=now), now) == "revoked"


def call(value: str, method: str = "get", path: str = "/api/v1/projects", body: object = None) -> tuple[int, dict]:
    client = Client(headers={"Authorization": f"Bearer {value}"})
    answer = getattr(client, method)(path, body, content_type="application/json")
    return answer.status_code, answer.json() if answer.content else {}


@pytest.mark.django_db
def test_a_token_works_until_it_ends() -> None:
    keys.add_project("acme", "Acme")
    made, value = tokens.create("ci", ["projects:read"])
    status, found = call(value)
    assert (status, [project["slug"] for project in found]) == (200, ["acme"])
    tokens.revoke(made, datetime.now(UTC))
    assert call(value)[0] == 401
    _, brief = tokens.create("brief", ["*"], expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert call(brief)[0] == 401


@pytest.mark.django_db
def test_a_scope_too_few_is_said() -> None:
    _, value = tokens.create("ci", ["logs:read"])
    status, found = call(value)
    assert status == 403
    assert found["error"] == {"code": "forbidden", "message": "This token lacks the scope projects:read."}


@pytest.mark.django_db
def test_a_token_cannot_outgrow_itself() -> None:
    _, value = tokens.create("robot", ["tokens:write", "people:write"])
    assert call(value, "post", "/api/v1/tokens", {"name": "more", "scopes": ["*"]})[0] == 403
    assert call(value, "post", "/api/v1/tokens", {"name": "same", "scopes": ["tokens:read"]})[0] == 201
    assert call(value, "post", "/api/v1/invitations", {"email": "eve@evil.example", "role": "owner"})[0] == 403


@pytest.mark.django_db
def test_wrong_tokens_are_limited() -> None:
    tokens.failures.counts.clear()
    tries = [call(f"glt_{n}")[0] for n in range(tokens.failures.limit + 1)]
    tokens.failures.counts.clear()
    assert tries[0] == 401
    assert tries[-1] == 429


@pytest.mark.django_db
def test_a_session_does_not_open_the_api(django_user_model) -> None:
    client = Client()
    client.force_login(django_user_model.objects.create_person("ada@acme.example", None, "owner"))
    assert client.get("/api/v1/projects").status_code == 401
    assert client.post("/api/v1/projects", {"name": "x"}, content_type="application/json").status_code == 401
