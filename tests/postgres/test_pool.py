"""The pool: its size, what it breaks, and a real PgBouncer run by golive."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts.models import Flip, State
from golive.postgres.base import Database
from golive.postgres.commands import app
from golive.postgres.pool import config, setup, tasks, watch
from golive.postgres.pool.breaks import breaks
from golive.postgres.pool.probe import probe
from golive.postgres.pool.process import Pool, version
from golive.postgres.pool.size import Measured, size
from golive.postgres.section import DatabaseSection, apply
from golive.sandbox.servers import free_port
from tests.postgres.conftest import Place


@pytest.mark.parametrize(
    ("measured", "wanted", "each", "words"),
    [
        (Measured(100, 3, cores=2), None, 8, "twice the 2 cores"),
        (Measured(100, 3, cores=16, active=6.0), None, 16, "6 sessions compute at once"),
        (Measured(100, 3, cores=64), None, 77, "leaves room for 77"),
        (Measured(100, 3), None, 20, "not known yet"),
        (Measured(100, 3, cores=4, roles=2), None, 6, "twice the 4 cores"),
        (Measured(100, 3, cores=4), 30, 30, "as golive.toml says"),
        (Measured(20, 3, cores=8, others=15), None, 1, "leaves room for 1"),
        (Measured(3, 3, cores=8), None, 1, "leaves room for 1"),
    ],
)
def test_size(measured: Measured, wanted: int | None, each: int, words: str) -> None:
    found = size(measured, wanted)
    assert found.each == each
    assert words in found.reason
    assert found.in_all <= max(1, measured.max_connections - measured.reserved - measured.others)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("SET statement_timeout = 5", "SET for a session"),
        ("set search_path to tenant_5", "SET for a session"),
        ("SET SESSION work_mem = '1GB'", "SET for a session"),
        ("SELECT set_config('app.tenant', $1, false)", "set_config(…, false)"),
        ("LISTEN jobs", "LISTEN"),
        ("SELECT pg_advisory_lock($1)", "a session's advisory lock"),
        ("SELECT pg_try_advisory_lock(1, 2)", "a session's advisory lock"),
        ("PREPARE q AS SELECT 1", "PREPARE"),
        ("CREATE TEMP TABLE x (n int)", "a temporary table that outlives its transaction"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "a cursor WITH HOLD"),
        ("LOAD 'auto_explain'", "LOAD"),
        ("SET LOCAL statement_timeout = 5", None),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", None),
        ("SET application_name = $1", None),
        ("SET TIME ZONE 'UTC'", None),
        ("SELECT pg_advisory_xact_lock($1)", None),
        ("PREPARE TRANSACTION 'x'", None),
        ("CREATE TEMP TABLE x (n int) ON COMMIT DROP", None),
        ("UPDATE t SET listen = 1", None),
        ("SELECT 'LISTEN jobs; pg_advisory_lock(1)'", None),
        ("SELECT 1 -- pg_advisory_lock(1)", None),
        ("INSERT INTO set_config VALUES (false)", None),
    ],
)
def test_what_breaks(text: str, broken: str | None) -> None:
    assert [one.what for one in breaks([(text, 3, "app")])] == ([broken] if broken else [])


def standing(in_use: int, waiting: int, wait: float) -> watch.Standing:
    return watch.Standing("acme", "app", 50, waiting, in_use, 10 - in_use, 10, wait)


@pytest.mark.parametrize(
    ("pool", "state", "severity"),
    [
        (standing(3, 0, 0), State.OK, "info"),
        (standing(10, 5, 0.2), State.OK, "info"),  # waiting alone is what a pool is for
        (standing(10, 5, 1.5), State.FIRING, "warning"),
        (standing(10, 50, 15), State.FIRING, "critical"),
        (standing(8, 5, 15), State.OK, "info"),  # not above 80 %: something else holds them up
    ],
)
def test_judge(pool: watch.Standing, state: State, severity: str) -> None:
    judged = watch.judge([standing(0, 0, 0), pool])
    assert (judged.state, judged.severity) == (state, severity)
    assert "of 10 server connections" in judged.reason


def test_hostile_names_stay_one_value() -> None:
    text = config.ini(
        config.Upstream("h", 1, "a'b port=2"), size(Measured(100, 3)), Path("/x"),
        host="127.0.0.1", port=1, max_clients=9, version=(1, 18),
    )  # fmt: skip
    assert "* = host='h' port=1\n" in text
    assert "port=2" not in text
    assert config.userlist({'a"b': "s"}) == '"a""b" "s"\n'
    with pytest.raises(ValueError, match="line break"):
        config.userlist({"a\n": "s"})


def test_folders_on_the_way_to_the_pool_let_an_unprivileged_pgbouncer_pass(tmp_path: Path) -> None:
    before = os.umask(0o077)  # golive's own
    try:
        Pool(tmp_path / "golive-pool" / "acme").write({"pgbouncer.ini": "[pgbouncer]"})
    finally:
        os.umask(before)
    assert oct((tmp_path / "golive-pool").stat().st_mode)[-3:] == "711"
    assert oct((tmp_path / "golive-pool" / "acme").stat().st_mode)[-3:] == "700"


@pytest.fixture
def pooled(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The place with a pool of three server connections that runs."""
    folder = Path("/tmp") / f"golive-pool-{place.name}-{free_port()}"
    monkeypatch.setattr(setup, "folder_of", lambda database: folder)
    section = DatabaseSection.model_validate(
        {
            "url": place.database.url,
            "admin": place.database.admin,
            "pool": {"enabled": True, "roles": [place.database.url], "port": free_port(), "size": 3},
        }
    )
    apply(place.project.pk, section, "test")
    place.database = Database.objects.select_related("project").get(project=place.project)
    setup.bring_up(place.database)
    yield place
    setup.pool_of(place.database).stop()
    shutil.rmtree(folder)


def through(place: Place) -> str:
    port = place.database.topic("pool")["port"]
    return place.url.replace(f":{place.server.port}/", f":{port}/")


def test_a_pool_serves_many_clients_over_few_connections_and_is_adopted(pooled: Place) -> None:
    clients = [psycopg.connect(through(pooled), prepare_threshold=None, autocommit=True) for _ in range(40)]
    workers = {one.execute("SELECT pg_backend_pid()").fetchone() for one in clients}
    assert len(workers) <= 4
    (found,) = watch.read(setup.console_url(pooled.database))
    assert found.clients + found.waiting == 40
    assert found.allowed == 4
    pid = setup.pool_of(pooled.database).process()
    assert setup.bring_up(pooled.database)[1] == "runs"
    assert setup.pool_of(pooled.database).process() == pid
    for one in clients:
        one.close()


@pytest.mark.parametrize("name", ["reserve_pool", "reserve_pool_size"])
def test_the_reserve_counts_whatever_this_pgbouncer_calls_it(name: str) -> None:
    row = {"database": "a", "user": "u", "cl_active": "3", "cl_waiting": "0", "sv_active": "2", "sv_idle": "1"}
    found = watch.standing({**row, "sv_used": "0", "maxwait": "0"}, {"a": {"pool_size": "3", name: "1"}})
    assert (found.allowed, found.share) == (4, 0.5)


def test_no_password_lies_on_disk(pooled: Place) -> None:
    text = (setup.pool_of(pooled.database).folder / "userlist.txt").read_text()
    assert "SCRAM-SHA-256$" in text
    assert pooled.server.password not in text


def test_the_probe_tells_what_this_pgbouncer_breaks_and_the_server_itself_does_not(pooled: Place) -> None:
    assert [one.what for one in probe(pooled.url) if not one.works] == []
    broken = " ".join(one.what for one in probe(through(pooled)) if not one.works)
    for word in ("SET", "LISTEN", "temporary"):
        assert word in broken
    assert ("prepared" in broken) is (version() < config.TRACKS_PREPARED)
    shown = CliRunner().invoke(app, ["db", "pool", "probe", through(pooled)])
    assert shown.exit_code == 2 or "reference" in shown.output


def test_a_full_pool_and_a_dead_one_flip(pooled: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    holders = [psycopg.connect(through(pooled), prepare_threshold=None) for _ in range(4)]
    threads = [threading.Thread(target=lambda one=one: one.execute("SELECT 1")) for one in holders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)  # each holds a transaction open
    blocked = psycopg.connect(through(pooled), prepare_threshold=None)
    waiter = threading.Thread(target=lambda: blocked.execute("SELECT 1"), daemon=True)
    waiter.start()
    monkeypatch.setattr(watch, "SUSTAINED", watch.SUSTAINED * 0)
    while Flip.objects.filter(project=pooled.project, source="database:pool").count() < 1:
        tasks.look()
    for one in holders:
        one.rollback()
        one.close()
    waiter.join(30)
    while Flip.objects.filter(project=pooled.project, source="database:pool").count() < 2:
        tasks.look()
    assert [flip.new for flip in Flip.objects.filter(project=pooled.project).order_by("id")] == ["firing", "ok"]
    blocked.close()
    setup.pool_of(pooled.database).stop()
    tasks.look()
    condition = pooled.database.conditions.get(kind="pool")
    assert condition.worse_since is not None
    assert condition.judged_at <= timezone.now()
    tasks.keep()
    assert setup.pool_of(pooled.database).process() is not None
