"""Credentials rotated twice under a client that never stops: not one query fails, and old passwords stop working."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from golive.postgres.base import Database
from golive.postgres.commands import app
from golive.postgres.rotate.plan import RotatePlan
from golive.postgres.rotate.turn import RotateTrouble, rotate, turn
from tests.postgres.conftest import Place


@pytest.mark.parametrize(("in_use", "old", "new"), [("", "", "a"), ("a", "a", "b"), ("b", "b", "a"), ("x", "x", "a")])
def test_turns(in_use: str, old: str, new: str) -> None:
    found = turn(["a", "b"], in_use)
    assert (found.old, found.new) == (old, new)


@pytest.mark.parametrize(
    "keys",
    [
        {"roles": ["a"], "owner": "o", "target": "secret:x"},
        {"roles": ["a", "a"], "owner": "o", "target": "secret:x"},
        {"roles": ["a", "b"], "owner": "b", "target": "secret:x"},
        {"roles": ["a", "b"], "owner": "o", "target": "env:X"},
    ],
)
def test_plans_that_cannot_work_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"roles|target"):
        RotatePlan.model_validate(keys)


def test_no_query_fails_while_credentials_rotate(place: Place, tmp_path: Path) -> None:
    owner, roles = f"own_{place.name}", [f"a_{place.name}", f"b_{place.name}"]
    place.run(f"CREATE ROLE {owner}")
    place.run(f"CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO {owner}")
    place.run(f"GRANT CREATE, USAGE ON SCHEMA public TO {owner}")
    target = tmp_path / "url"
    plan = RotatePlan(roles=roles, owner=owner, target=f"file:{target}")
    rotate(place.url, plan, timedelta(seconds=1))
    failures: list[Exception] = []
    done: list[str] = []
    stop = threading.Event()

    def client() -> None:
        """A pool as applications have it: connections of a limited age, opened with the URL of that moment."""
        while not stop.is_set():
            try:
                with psycopg.connect(target.read_text().strip(), autocommit=True) as connection:
                    until = time.monotonic() + 0.3
                    while time.monotonic() < until:
                        connection.execute("INSERT INTO orders VALUES (1)")
                        row = connection.execute("SELECT session_user").fetchone()
                        done.append(row[0] if row else "")
            except Exception as error:
                failures.append(error)
                time.sleep(0.05)

    clients = [threading.Thread(target=client) for _ in range(3)]
    for one in clients:
        one.start()
    urls = []
    try:
        for _ in range(2):
            urls.append(target.read_text().strip())
            assert rotate(place.url, plan, timedelta(seconds=60))[1]
            with pytest.raises(psycopg.OperationalError, match=r"not permitted|password"):
                psycopg.connect(urls[-1]).close()
    finally:
        stop.set()
        for one in clients:
            one.join(30)
    assert failures == []
    assert set(done) == set(roles)
    assert place.run("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'") == [(owner,)]


def test_a_role_in_use_is_not_shut_and_a_missing_owner_stops_everything(place: Place, tmp_path: Path) -> None:
    owner = f"owner_{place.name}"
    plan = RotatePlan(roles=[f"c_{place.name}", f"d_{place.name}"], owner=owner, target=f"file:{tmp_path}/url")
    with pytest.raises(RotateTrouble, match="There is no role"):
        rotate(place.url, plan, timedelta())
    assert not (tmp_path / "url").exists()
    place.run(f"CREATE ROLE {owner}")
    rotate(place.url, plan, timedelta())
    with psycopg.connect((tmp_path / "url").read_text()) as held:
        held.execute("SELECT 1")
        assert rotate(place.url, plan, timedelta(seconds=0.5)) == (turn(plan.roles, plan.roles[0]), False)
    Database.objects.filter(pk=place.database.pk).update(plan={"rotate": plan.model_dump()})
    shown = CliRunner().invoke(app, ["db", "rotate", "--project", place.project.slug])
    assert f"role {plan.roles[0]}" in shown.output
    assert "--apply" in shown.output
