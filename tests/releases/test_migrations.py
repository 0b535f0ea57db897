"""Releases whose migration, database or build goes wrong, against a real PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from golive.alerts.models import Flip
from golive.incidents.intake import take_flips
from golive.incidents.models import Incident
from golive.releases import door, variables
from golive.releases.errors import BuildError, Refused
from golive.releases.host.place import place
from golive.releases.models import DeployState, Release
from golive.sandbox.servers import PostgresServer
from tests.releases.conftest import Customers, Shop

MIGRATE = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    for statement in sys.argv[1].split(";"):
        connection.execute(statement)
"""
SCHEMA = "CREATE TABLE tasks (id bigint PRIMARY KEY, title text); CREATE TABLE alembic_version (version_num text)"


@pytest.fixture
def database(postgres: PostgresServer, shop: Shop) -> str:
    """The shop's database, known to its releases as DATABASE_URL."""
    url = postgres.create_database(f"shop_{shop.project.pk}_{os.urandom(3).hex()}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    variables.change(shop.where, {"DATABASE_URL": url}, by="t", at=timezone.now())
    (shop.folder / "migrate.py").write_text(MIGRATE)
    shop.settings |= {"lock_timeout": "100ms", "lock_tries": 2, "database": "DATABASE_URL"}
    shop.good()
    return url


def migration(shop: Shop, statement: str) -> dict[str, str]:
    return {"release": f'{sys.executable} {shop.folder / "migrate.py"} "{statement}"'}


def columns(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'tasks'")
        return {str(name) for (name,) in rows}


def test_a_migration_behind_a_long_lock_gives_up_and_nobody_waits(
    shop: Shop, database: str, customers: Customers
) -> None:
    good = shop.serves()
    with psycopg.connect(database) as holder, customers:
        holder.execute("LOCK TABLE tasks IN ACCESS SHARE MODE")
        outcome = shop.ship(settings=migration(shop, "ALTER TABLE tasks ADD COLUMN note text"))
    assert outcome.state == DeployState.FAILED
    assert (customers.failed, customers.releases) == ({}, {good})
    assert "a lock was in its way" in shop.incident()
    assert "a lock was in its way 2 times" in outcome.reason
    assert shop.serves() == good
    assert columns(database) == {"id", "title"}
    assert shop.flips() == [("firing", "warning"), ("ok", "warning")]
    rehearsed = shop.last().migration
    assert rehearsed["locks"] == ["tasks: AccessExclusiveLock"]
    assert rehearsed["destructive"] == []
    assert shop.ship(settings=migration(shop, "ALTER TABLE tasks ADD COLUMN note text")).well


def test_a_migration_that_fails_half_way_fails_in_rehearsal(shop: Shop, database: str, customers: Customers) -> None:
    good = shop.serves()
    broken = migration(shop, "ALTER TABLE tasks ADD COLUMN note text; ALTER TABLE nowhere ADD COLUMN x text")
    with customers:
        outcome = shop.ship(settings=broken)
        assert outcome.state == DeployState.FAILED
        assert "production was not touched" in outcome.reason
        assert "production was not touched" in shop.incident()
        assert columns(database) == {"id", "title"}
        # Without a rehearsal it fails in production: the old release goes on, on the schema as far as it came.
        outcome = shop.ship(settings={**broken, "database": ""})
    assert outcome.state == DeployState.FAILED
    assert (customers.failed, customers.releases) == ({}, {good})
    assert "nowhere" in outcome.reason
    assert columns(database) == {"id", "title", "note"}
    assert shop.serves() == good
    assert [new for new, _ in shop.flips()] == ["firing", "ok", "firing", "ok"]


def test_a_destructive_migration_needs_a_reason_and_bars_the_way_back(shop: Shop, database: str) -> None:
    drop = migration(shop, "ALTER TABLE tasks DROP COLUMN title")
    outcome = shop.ship(settings=drop)
    assert outcome.state == DeployState.FAILED
    assert "drops a column" in outcome.reason
    assert columns(database) == {"id", "title"}
    release = Release.objects.filter(project=shop.project).latest("number")
    assert door.deploy(release, shop.where, overrides={"migration": "nobody reads it since May"}).well
    way = door.way_back(shop.where)
    assert way is not None
    assert way.migrations == "forbid"
    with pytest.raises(Refused, match="drops a column"):
        door.rollback(shop.where)
    assert door.rollback(shop.where, force=True).well


def test_a_release_that_leaks_connections_is_rolled_back(shop: Shop, database: str, customers: Customers) -> None:
    good = shop.serves()
    shop.settings["processes"]["web"]["count"] = 1
    with customers:
        # The server has room for half a minute of it; one that leaves none before the fourth look fails by itself.
        outcome = shop.ship(settings={"watch": "60s"}, leak=2)
        assert outcome.state == DeployState.ROLLED_BACK, outcome.reason
        assert shop.serves() == good
    assert not customers.failed
    assert "it leaks database connections" in shop.incident()
    assert json.dumps(shop.flips()) == json.dumps([("firing", "warning"), ("ok", "warning")])


def test_a_full_disk_during_a_build_leaves_nothing_and_is_told(shop: Shop) -> None:
    good = shop.good()
    folder = place().releases("shop").parent / "small"
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    kept = place().releases("shop")
    moved = kept.with_name("large")
    kept.rename(moved)
    kept.symlink_to(folder)
    try:
        with pytest.raises(BuildError, match="No space left"):
            shop.build(settings={"build": ["sh -c 'head -c 200000 /dev/zero > large'"]})
        assert not list(folder.iterdir())
        source = shop.folder / "big"
        source.mkdir()
        (source / "large").write_bytes(b"x" * 200_000)
        with pytest.raises(BuildError, match="No space left"):
            door.build(shop.project, source)
        assert not list(folder.iterdir())
    finally:
        kept.unlink()
        moved.rename(kept)
        subprocess.run(["umount", folder], check=False)
    assert shop.serves() == good
    assert [flip.new for flip in Flip.objects.filter(project=shop.project, source="build").order_by("id")] == ["firing"]
    take_flips(door.now())
    assert "No space left" in " ".join(Incident.objects.get().timeline.values_list("text", flat=True))
    shop.build()
    assert [flip.new for flip in Flip.objects.filter(project=shop.project, source="build").order_by("id")] == [
        "firing",
        "ok",
    ]


def test_the_copy_of_a_rehearsal_is_gone_afterwards(shop: Shop, database: str, postgres: PostgresServer) -> None:
    assert shop.ship(settings=migration(shop, "ALTER TABLE tasks ADD COLUMN note text")).well
    assert not [name for name in postgres.databases() if name.startswith("golive_rehearsal")]


def test_a_path_is_needed(shop: Shop) -> None:
    with pytest.raises(BuildError, match="no folder"):
        door.build(shop.project, Path("/nowhere/at/all"))
