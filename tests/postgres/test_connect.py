"""golive's role: the printed script does what it says on a real server, and no more."""

import subprocess

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from golive.people import secrets
from golive.postgres.commands import app
from golive.postgres.connect import script
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseAway, DatabaseRefuses, NotConfigured
from golive.sandbox.servers import find_program, free_port
from tests.postgres.conftest import Place

HOSTILE = 'it"s; DROP TABLE x --\n'


def as_role(place: Place, role: str) -> str:
    return make_conninfo("", host="127.0.0.1", port=place.server.port, dbname=place.name, user=role, password="pw")


def test_the_printed_script_runs_in_psql_and_makes_a_role_that_may_only_look(place: Place, tmp_path: object) -> None:
    role = f"look_{place.name}"
    place.run("CREATE TABLE orders (id int)")
    shown = CliRunner().invoke(app, ["db", "connect", "--project", place.project.slug, "--role", role])
    assert shown.exit_code == 0, shown.output
    text = shown.output.replace(f'\\password "{role}"', f"ALTER ROLE {role} PASSWORD 'pw';")
    psql = str(find_program("psql", "usr/lib/postgresql/*/bin"))
    done = subprocess.run([psql, place.url, "-X", "-q"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with session(as_role(place, role)) as connection:
        assert connection.execute("SELECT count(*) AS n FROM pg_stat_statements").fetchone() is not None
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM orders")
    with session(as_role(place, role), read_only=False) as connection:
        connection.execute("INSERT INTO golive.heartbeat VALUES (1, now(), 'n')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE golive.more (id int)")


def test_apply_makes_the_role_twice_alike_and_keeps_its_url_as_a_secret(place: Place) -> None:
    role = f"kept_{place.name}"
    arguments = ["db", "connect", "--project", place.project.slug, "--role", role, "--advice", "--apply"]
    place.run("CREATE TABLE orders (id int)")
    for _ in range(2):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    url = secrets.get(f"{place.project.slug}.database.url")
    assert "password" not in done.output
    with session(url) as connection:
        assert connection.execute("SELECT count(*) AS n FROM orders").fetchone() == {"n": 0}


def test_apply_takes_nothing_from_the_role_that_it_logs_in_with(place: Place) -> None:
    admin = str(conninfo_to_dict(place.url)["user"])
    told = CliRunner().invoke(app, ["db", "connect", "--project", place.project.slug, "--role", admin, "--apply"])
    assert isinstance(told.exception, NotConfigured)
    assert "--role" in str(told.exception)
    with session(place.url) as connection:
        connection.execute("SELECT 1")


def test_hostile_names_stay_names() -> None:
    server = script.Server(HOSTILE)
    text = script.printed(server, script.steps(server, HOSTILE), HOSTILE)
    assert 'CREATE ROLE "it""s; DROP TABLE x --\n"' in text
    assert text.splitlines()[0].startswith("-- golive's role on database it\"s; DROP TABLE x --.")


def test_a_server_that_is_not_there_is_said_in_a_sentence_without_the_password() -> None:
    with pytest.raises(DatabaseAway) as told, session(f"postgresql://u:hush@127.0.0.1:{free_port()}/acme"):
        pass
    assert "127.0.0.1" in str(told.value)
    assert "hush" not in str(told.value)


def test_refusals_say_what_to_do(place: Place) -> None:
    for url, words in (
        (place.url.replace(place.server.password, "wrong"), "refuses the password"),
        (place.url.replace(place.name, "nosuch"), "no such role or database"),
    ):
        with pytest.raises(DatabaseRefuses, match=words), session(url):
            pass
    with (
        pytest.raises(DatabaseRefuses, match="longer than golive lets itself"),
        session(place.url, settings={"statement_timeout": "50ms"}) as connection,
    ):
        connection.execute("SELECT pg_sleep(5)")


def test_a_session_waits_for_no_lock(place: Place) -> None:
    place.run("CREATE TABLE orders (id int)")
    with psycopg.connect(place.url) as holder:
        holder.execute("LOCK orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseRefuses, match="lock"), session(place.url) as connection:
            connection.execute("SELECT * FROM orders")
