"""The command line of people, projects, tokens and secrets."""

import json

import pytest
from typer.testing import CliRunner

from golive.people import secrets
from golive.people.commands import app
from golive.people.models import AuditEntry, Role, User

pytestmark = pytest.mark.django_db


def run(*arguments: str, given: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=given)
    return result.exit_code, result.output


def test_a_project_is_added_once() -> None:
    code, out = run("project", "add", "Acme Shop", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["slug"] == "acme-shop"
    assert made["ingest_key"].startswith("gli_")
    assert made["environment"]["SENTRY_DSN"] == made["dsn"]
    code, out = run("project", "add", "Acme Shop")
    assert (code, "golive project rotate acme-shop" in out) == (3, True)
    assert "acme-shop" in run("project", "list")[1]


def test_the_owner_link_is_for_a_new_install() -> None:
    code, out = run("owner", "link", "--if-none")
    assert code == 0
    assert "/welcome/" in out
    User.objects.create_person("ada@acme.example", None, Role.OWNER)
    assert run("owner", "link", "--if-none") == (0, "")
    assert run("owner", "link")[0] == 3
    assert "/welcome/" in run("owner", "link", "--reset")[1]


def test_tokens() -> None:
    code, out = run("token", "create", "--scope", "logs:read,incidents:write", "--name", "ci", "--json")
    made = json.loads(out)
    assert (code, made["scopes"]) == (0, ["logs:read", "incidents:write"])
    assert made["token"] not in run("token", "list", "--json")[1]
    assert run("token", "revoke", str(made["id"]))[0] == 0
    assert json.loads(run("token", "list", "--json")[1])[0]["revoked_at"]
    assert run("token", "create", "--scope", "everything")[0] == 3


def test_a_secret_comes_from_standard_input_and_is_never_shown() -> None:
    code, out = run("secret", "set", "smtp", given="hunter2\n")
    assert (code, "hunter2" in out) == (0, False)
    assert secrets.get("smtp") == "hunter2"
    assert "hunter2" not in run("secret", "list")[1]
    assert run("secret", "remove", "smtp")[0] == 0
    assert run("secret", "remove", "smtp")[0] == 3
    assert "hunter2" not in str(list(AuditEntry.objects.values()))
