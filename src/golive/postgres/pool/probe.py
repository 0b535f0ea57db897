"""Does a driver fit a pooler? Tried out, not read from versions: two clients whose servers a pooler may swap."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from golive.postgres.session import CONNECT_SECONDS, place
from golive.postgres.trouble import explain


@dataclass(frozen=True)
class Outcome:
    """One thing tried: whether it worked, and what to do when it did not."""

    what: str
    works: bool
    detail: str
    way_out: str = ""


ROUNDS = 12


def probe(url: str) -> list[Outcome]:
    """Try what needs the same server connection twice. Raises DatabaseTrouble when the URL does not answer at all."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS, prepare_threshold=None).close()
    except psycopg.Error as error:
        raise explain(error, place(url)) from error
    return [_tried(url, *trial) for trial in _TRIALS]


Trial = tuple[str, Callable[[str], str], str]


def _tried(url: str, what: str, run: Callable[[str], str], way_out: str) -> Outcome:
    try:
        trouble = run(url)
    except psycopg.Error as error:
        trouble = " ".join(str(error).split())[:200]
    return Outcome(what, not trouble, trouble or "works", way_out if trouble else "")


def _two(url: str, stack: ExitStack, threshold: int | None) -> list["psycopg.Connection[tuple[object, ...]]"]:
    return [
        stack.enter_context(
            psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, prepare_threshold=threshold)
        )
        for _ in range(2)
    ]


def _prepared(url: str) -> str:
    """psycopg names its statements alike in every client, so two clients on one server connection collide."""
    with ExitStack() as stack:
        first, second = _two(url, stack, 0)
        for number in range(ROUNDS):
            for one in (first, second):
                with one.transaction():
                    one.execute("SELECT %s::int", [number])
                    one.execute("SELECT %s::text", [str(number)])
                    one.execute(f"SELECT {number % 3} + %s::int", [number])
            if number % 3 == 0:
                with first.transaction():  # holds a server, so that the second gets another
                    first.execute("SELECT 1")
                    second.execute("SELECT %s::int", [number])
    return ""


def _setting(url: str) -> str:
    with ExitStack() as stack:
        first, second = _two(url, stack, None)
        first.execute("SET statement_timeout = '77s'")
        for _ in range(ROUNDS):
            seen = {one: str(one.execute("SHOW statement_timeout").fetchone()[0]) for one in (first, second)}  # type: ignore[index]
            if seen[second] == "77s" or "1283" in seen[second]:
                first.execute("RESET statement_timeout")
                return "one client's SET is seen by another"
            if seen[first] != "77s":
                return "a SET is forgotten in the next transaction"
    return ""


def _advisory(url: str) -> str:
    with ExitStack() as stack:
        first, second = _two(url, stack, None)
        first.execute("SELECT pg_advisory_lock(715225739)")
        taken = second.execute("SELECT pg_try_advisory_lock(715225739)").fetchone()
        got = bool(taken and taken[0])
        for one in (first, second, first, second):
            one.execute("SELECT pg_advisory_unlock_all()")
    return "two clients hold the same advisory lock at once" if got else ""


def _listen(url: str) -> str:
    with ExitStack() as stack:
        first, second = _two(url, stack, None)
        first.execute("LISTEN golive_probe")
        second.execute("NOTIFY golive_probe, 'here'")
        heard = list(first.notifies(timeout=1.0, stop_after=1))
    return "" if heard else "a notice does not reach the client that listens"


def _temporary(url: str) -> str:
    with ExitStack() as stack:
        first, second = _two(url, stack, None)
        first.execute("CREATE TEMP TABLE golive_probe (n int)")
        try:
            with second.transaction():
                second.execute("SELECT 1")  # takes the server that the table is on, if it is free
                first.execute("SELECT * FROM golive_probe")
        finally:
            for one in (first, second):
                one.execute("DROP TABLE IF EXISTS pg_temp.golive_probe")
    return ""


_TRIALS: tuple[Trial, ...] = (
    (
        "prepared statements (psycopg 3 prepares by itself after five uses)",
        _prepared,
        "psycopg: prepare_threshold=None; or PgBouncer 1.21 with max_prepared_statements",
    ),
    ("SET for a session", _setting, "SET LOCAL inside a transaction, or ALTER ROLE … SET"),
    ("advisory locks of a session", _advisory, "pg_advisory_xact_lock, or a direct connection"),
    ("LISTEN and NOTIFY", _listen, "a direct connection for the listener"),
    ("temporary tables across transactions", _temporary, "ON COMMIT DROP inside a transaction"),
)
