"""A preview's surroundings with real servers: a database cloned from the scrubbed template, seed, mail, payments."""

import hashlib
import os
import smtplib
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.utils import timezone

from golive.releases import databases, preview_servers, previews, template, variables
from golive.releases.models import Environment
from golive.sandbox.servers import PostgresServer
from tests.releases.conftest import Shop, wait_for

SQL = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    for statement in sys.argv[1].split(";"):
        connection.execute(statement)
"""


@pytest.fixture
def production(postgres: PostgresServer, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shop in production with one customer; its previews are cloned from a template on the same server."""
    mark = os.urandom(3).hex()
    url = postgres.create_database(f"shop_{mark}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE people (email text); INSERT INTO people VALUES ('ada@home.example')")
        connection.execute("CREATE TABLE old_things (id bigint)")
    variables.change(shop.where, {"DATABASE_URL": url, "STRIPE_KEY": "sk_live_x"}, by="t", at=timezone.now())
    monkeypatch.setenv("PREVIEW_SERVER", postgres.url())
    shop.settings |= {
        "database": "DATABASE_URL",
        "build": [],
        "previews": {
            "protect": "none", "database": "env:PREVIEW_SERVER", "template": f"shop_scrubbed_{mark}",
            "scrub": command("UPDATE people SET email = md5(email)"),
            "seed": command("INSERT INTO people VALUES ('seeded')"), "payments": "/hooks",
            "variables": {
                "DATABASE_URL": "{database}", "SMTP": "{smtp}", "STRIPE_URL": "{payments}", "SECRET": "{secret}",
            },
        },
    }  # fmt: skip
    return url


def command(statement: str) -> str:
    return f'{sys.executable} sql.py "{statement}"'


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {str(name) for (name,) in rows}


def emails(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return sorted(str(email) for (email,) in connection.execute("SELECT email FROM people"))


def test_a_preview_has_a_scrubbed_database_seeded_and_its_mail_and_money_are_caught(
    shop: Shop, production: str, postgres: PostgresServer
) -> None:
    shop.good()
    release = shop.where.live
    assert release is not None
    folder = Path(release.release.folder)
    (folder / "sql.py").write_text(SQL)
    assert "scrubbed" in template.renew(shop.project)
    assert "scrubbed" in template.renew(shop.project), "again, over the one before"
    proposed = shop.build(settings={"release": command("DROP TABLE old_things")})
    (Path(proposed.folder) / "sql.py").write_text(SQL)
    lines: list[str] = []
    opened = previews.open_preview(shop.project, "pr-1", proposed, tell=lines.append)
    assert opened.outcome.well, opened.outcome.reason
    assert "production will take this only with --override migration=WHY: drops a table" in lines
    assert tables(production) == {"people", "old_things"}
    given = variables.values(opened.environment)
    assert emails(given["DATABASE_URL"]) == [hashlib.md5(b"ada@home.example").hexdigest(), "seeded"]  # noqa: S324
    assert emails(production) == ["ada@home.example"]
    assert "STRIPE_KEY" not in given, "none of production's variables"
    # Its mail is caught, and read where the end-to-end tests look.
    smtp = urlsplit(given["SMTP"])
    wait_for(lambda: answers(preview_servers.mail_url(shop.project)))
    with smtplib.SMTP(smtp.hostname or "", smtp.port or 0) as session:
        session.sendmail("shop@shop.example", ["ada@home.example"], "Subject: Welcome\r\n\r\nHello")
    found = httpx.get(f"{preview_servers.mail_url(shop.project)}/api/messages", trust_env=False).json()["messages"]
    assert [one["subject"] for one in found] == ["Welcome"]
    # Payments: the simulator's signed events go straight to the preview's process.
    wait_for(lambda: answers(f"{given['STRIPE_URL']}/healthz"))
    auth = {"Authorization": "Bearer sk_test_preview"}
    made = httpx.post(
        f"{given['STRIPE_URL']}/v1/customers", data={"email": "a@b.example"}, headers=auth, trust_env=False
    )
    assert made.status_code == 200, made.text
    assert len(given["SECRET"]) == 64
    assert opened.environment.database in postgres.databases()
    previews.close_preview(opened.environment)
    assert opened.environment.database not in postgres.databases()
    assert not answers(f"{given['STRIPE_URL']}/healthz")
    assert Environment.objects.get(pk=opened.environment.pk).variables.count() == 0


def test_a_copy_that_cannot_be_scrubbed_is_dropped_and_without_a_scrub_nobodys_data_is_copied(
    shop: Shop, production: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(postgres.databases())
    shop.settings["previews"]["scrub"] = "false"
    shop.good()
    with pytest.raises(previews.PreviewError, match="could not be scrubbed and was dropped"):
        template.renew(shop.project)
    assert set(postgres.databases()) == before
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(template, "_scrub", stop)
        template.renew(shop.project)
    assert set(postgres.databases()) == before, "nor does it stay when somebody stops it"
    shop.settings["previews"]["scrub"] = ""
    shop.good()
    assert "schema only" in template.renew(shop.project)
    assert emails(postgres.url(shop.settings["previews"]["template"])) == []


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_production_is_never_replaced_by_a_template_of_its_name(
    shop: Shop, production: str, postgres: PostgresServer
) -> None:
    shop.settings["previews"]["template"] = databases.name_of(production)
    shop.good()
    with pytest.raises(previews.PreviewError, match="production's own database"):
        template.renew(shop.project)
    assert emails(production) == ["ada@home.example"]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code < 500
    except httpx.HTTPError:
        return False
