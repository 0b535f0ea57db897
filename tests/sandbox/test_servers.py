"""Throwaway servers: they start, keep their data over a kill, and leave nothing behind."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from golive.sandbox.servers import PostgresServer, RedisServer, ServerError, find_program, free_port


def test_postgres_keeps_committed_rows_over_a_kill_and_a_new_start() -> None:
    with PostgresServer(durable=True, max_connections=17) as postgres:
        url = postgres.create_database("acme")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE note (body text)")
            connection.execute("INSERT INTO note VALUES ('kept')")
        postgres.kill()
        assert postgres.pid is None
        postgres.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT body FROM note").fetchall() == [("kept",)]
            assert connection.execute("SHOW max_connections").fetchone() == ("17",)
        clone = postgres.create_database("copy", template="acme")
        with psycopg.connect(clone) as connection:
            assert connection.execute("SELECT count(*) FROM note").fetchone() == (1,)
        assert {"acme", "copy"} <= set(postgres.databases())
        folder = postgres.folder
    assert not folder.exists()


def test_a_child_that_ended_by_itself_does_not_save_the_server_from_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisServer() as redis:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        child = psutil.Process(ended.pid)
        ended.wait()
        monkeypatch.setattr(psutil.Process, "children", lambda parent, recursive=False: [child])
        redis.kill()
        assert redis.pid is None
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", redis.port)):
            pass


def test_postgres_asks_for_its_password() -> None:
    with PostgresServer() as postgres:
        wrong = postgres.url().replace(postgres.password, "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_a_given_folder_is_used_again(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis, socket.create_connection(("127.0.0.1", redis.port)) as client:
        client.sendall(b"SET a 1\r\nGET a\r\n")
        assert b"+OK" in client.recv(64)
    assert redis.pid is None


def test_the_end_of_the_log_is_in_the_error() -> None:
    with pytest.raises(ServerError, match="unrecognized configuration parameter"):
        PostgresServer(settings={"no_such_setting": "1"}).__enter__()


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(ServerError, match="no-such-program is not installed"):
        find_program("no-such-program", "usr/lib/none")


def test_command_prints_the_url_and_stops_on_sigterm() -> None:
    command = [sys.executable, "-m", "golive.sandbox", "postgres", "--database", "acme", "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("acme",)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
