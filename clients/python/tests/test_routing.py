"""Routing's decisions: who answers, what is a read, how far behind a replica is."""

import pytest
from golive_client.routing.choose import PRIMARY, Policy, Reads, Replica, choose, pause
from golive_client.routing.lag import Positions
from golive_client.routing.lsn import Token, parse, written
from golive_client.routing.statement import is_read

NOW = 100.0


def replica(name: str = "one", **known: object) -> Replica:
    return Replica(name, **{"replayed": 50, "lag_seconds": 0.1, "checked_at": 99.9, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("replicas", "need", "options", "name", "words"),
    [
        ([replica()], None, {}, "one", "load 0"),
        ([replica()], 50, {}, "one", "load 0"),
        ([replica()], 51, {}, PRIMARY, "one has not replayed what the asker wrote"),
        ([replica(), replica("two", replayed=60, load=5)], 51, {}, "two", "load 5"),
        ([replica(load=3), replica("two", load=1)], None, {}, "two", "load 1"),
        ([replica(lag_seconds=3), replica("two")], None, {}, "two", "lag 0.1 s"),
        ([replica(lag_seconds=11)], None, {}, PRIMARY, "lags 11.0 s"),
        ([replica(lag_seconds=None)], None, {}, PRIMARY, "unknown"),
        ([replica(checked_at=90)], None, {}, PRIMARY, "not been heard of for 10 s"),
        ([replica(checked_at=None)], None, {}, PRIMARY, "not answered yet"),
        ([replica(closed_until=101.5)], None, {}, PRIMARY, "tried again in 1.5 s"),
        ([replica(in_recovery=False)], None, {}, PRIMARY, "it was promoted"),
        ([replica()], None, {"wrote": True}, PRIMARY, "this request wrote"),
        ([], None, {}, PRIMARY, "there is no replica"),
        ([replica(closed_until=200), replica("two")], None, {}, "two", "load"),
    ],
)
def test_choose(replicas: list[Replica], need: int | None, options: dict[str, bool], name: str, words: str) -> None:
    choice = choose(replicas, need, NOW, Policy(), **options)
    assert choice.name == name
    assert words in choice.reason


def test_only_declared_reads_move_when_so_wanted() -> None:
    policy = Policy(reads=Reads.DECLARED)
    assert choose([replica()], None, NOW, policy).is_primary
    assert choose([replica()], None, NOW, policy, declared=True).name == "one"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("SELECT 1", True),
        ("  (select 1) union select 2", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("/* note */ SELECT 1 -- for update", True),
        ("SELECT 'delete from x for update'", True),
        ('SELECT "update" FROM t', True),
        ("SELECT 1;", True),
        ("SELECT * FROM t FOR UPDATE", False),
        ("SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED", False),
        ("SELECT * FROM t for  share", False),
        ("SELECT nextval('s')", False),
        ("SELECT pg_advisory_xact_lock(1)", False),
        ("SELECT pg_notify('a', 'b')", False),
        ("SELECT * INTO x FROM t", False),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", False),
        ("INSERT INTO t VALUES (1)", False),
        ("SELECT 1; DELETE FROM t", False),
        ("EXPLAIN ANALYZE DELETE FROM t", False),
        ("CALL f()", False),
        ("", False),
    ],
)
def test_is_read(text: str, read: bool) -> None:
    assert is_read(text) is read


@pytest.mark.parametrize("text", ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"])
def test_positions_are_written_as_they_are_read(text: str) -> None:
    assert written(parse(text)) == text


@pytest.mark.parametrize("text", ["", "x", "16/", "16/B374D848/1", "-1/0"])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="no position"):
        parse(text)


def test_tokens_come_back_as_they_went_and_nothing_else_counts() -> None:
    token = Token(0x16B374D848, 1000)
    assert Token.read(str(token), 1001) == token
    assert Token.read(str(token), 1000 + 301 + 10) is None
    for forged in (None, "", "1.x.1", "2.1.1000", "1.1.1000; DROP", "1." + "f" * 17 + ".1000", "1.1.99999999999"):
        assert Token.read(forged, 1001) is None


def test_lag_is_the_age_of_the_data() -> None:
    positions = Positions()
    assert positions.lag(10, 0) is None
    for at, lsn in ((0.0, 10), (1.0, 20), (2.0, 30)):
        positions.note(at, lsn)
    assert positions.lag(30, 2.0) == 0
    assert positions.lag(25, 2.0) == 1.0  # it is as the primary was at the second 1
    assert positions.lag(5, 2.0) == 2.0
    for second in range(3, 60):
        positions.note(float(second), 30)
    assert positions.lag(30, 59.0) == 0  # an idle primary makes no lag
    assert positions.lag(30, 90.0) == 31.0  # unless nobody has seen it for a while


def test_a_breaker_waits_longer_each_time() -> None:
    assert [pause(failures) for failures in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]
