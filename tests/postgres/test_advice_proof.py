"""Advice proved on a clone: built, measured before and after, refused when it slows something."""

import re
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from golive.postgres.advice import keep, migration
from golive.postgres.advice.access import read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.candidate import Candidate, Key
from golive.postgres.advice.catalog import Catalog, Column, Table
from golive.postgres.advice.catalog import read as read_catalog
from golive.postgres.advice.choose import Terms
from golive.postgres.advice.clone import scratch, sweep
from golive.postgres.advice.models import Advice, Stage
from golive.postgres.advice.plan import Framework
from golive.postgres.advice.prove import Proof, Prover, objection, prove
from golive.postgres.advice.rounds import Course, Lessons, learn, settle
from golive.postgres.advice.search import search
from golive.postgres.advice.trial import Built, Clone, Run, Trial, trial
from golive.postgres.advice.verdict import Judgement, Verdict, judge, turns
from golive.postgres.advice.workload import Query, Statement, from_log, joined
from golive.postgres.trouble import DatabaseTrouble
from tests.postgres.conftest import Place

ROWS = 30_000


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([10, 11, 10, 12, 10], [1, 1, 2, 1, 1], Verdict.FASTER),
        ([10, 11, 10, 12, 10], [10, 11, 10, 12, 10], Verdict.SAME),
        ([10, 11, 10, 12, 10], [12, 13, 12, 14, 12], Verdict.SLOWER),
        ([10, 30, 10, 30, 10], [9, 31, 9, 29, 12], Verdict.SAME),  # noise hides it
        ([0.02, 0.02, 0.02], [0.04, 0.04, 0.04], Verdict.SAME),  # nobody's trouble
        ([10, 10, 10], [10.5, 10.5, 10.5], Verdict.SAME),  # within the bound
        ([], [1], Verdict.UNSURE),
    ],
)
def test_faster_beyond_noise(before: list[float], after: list[float], expected: Verdict) -> None:
    found = judge(before, after, bound=0.1)
    assert found.verdict is expected
    assert found.reason


def test_slow_statements_are_repeated_less() -> None:
    assert turns(0.1).each > 1, "short ones run in blocks"
    assert turns(5).count > turns(500).count > turns(10_000).count >= 3


def fill(place: Place) -> None:
    place.run(
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text, tags text[], "
        "pad text DEFAULT repeat('x', 60))"
    )
    place.run(
        "INSERT INTO orders SELECT n, n %% 4500, 'note ' || md5(n::text), ARRAY['t' || n %% 3000] "
        "FROM generate_series(1, %s) n",
        ROWS,
    )
    place.run("CREATE INDEX orders_old ON orders (note)")
    place.run("VACUUM (ANALYZE) orders")


def query(catalog: Catalog, text: str, calls: float = 100.0) -> Query:
    reading = read(text, catalog)
    return Query(Statement(text, text, calls), reading, samples(text, reading))


def test_proof_keeps_what_helps_and_refuses_what_does_not(place: Place) -> None:
    fill(place)
    with scratch(place.url) as url, psycopg.connect(url, autocommit=True) as connection:
        catalog = read_catalog(connection)
        good = Candidate("public", "orders", (Key("customer_id"),))
        useless = Candidate("public", "orders", (Key("pad"),))
        hopeless = Candidate("public", "orders", (Key("no_such_column"),))
        queries = [query(catalog, "SELECT * FROM orders WHERE customer_id = $1")]
        proof = prove(connection, queries, [good, useless, hopeless])
        assert [built.candidate for built in proof.kept] == [good]
        assert proof.kept[0].size_bytes > 0
        assert "no statement got faster" in proof.refused[useless.body()]
        assert "cannot be built" in proof.refused[hopeless.body()]
        assert {one.judgement.verdict for one in proof.trials} == {Verdict.FASTER}


def made_up(catalog: Catalog, text: str, verdict: Verdict, index: str) -> Trial:
    """A made-up result: 10 ms before; the plan after uses the index."""
    after = {Verdict.FASTER: 1.0, Verdict.SLOWER: 15.0}.get(verdict, 10.0)
    run = Run(after, 1, frozenset([index]), index)
    return Trial(query(catalog, text), text, 1.0, Judgement(verdict, 10.0, after, verdict.value), run, run)


def test_what_slows_a_statement_is_refused_whatever_it_brings() -> None:
    """The veto stands above the gain: first for a read by its plan, then for a write by its table."""
    columns = {name: Column(name, "int") for name in ("id", "customer_id")}
    catalog = Catalog({("public", "orders"): Table("orders", rows=1e6, pages=9999, columns=columns)})
    index = Built(Candidate("public", "orders", (Key("customer_id"),)), 1, 1.0)
    name = index.candidate.name
    read_faster = made_up(catalog, "SELECT * FROM orders WHERE customer_id = $1", Verdict.FASTER, name)
    read_slower = made_up(catalog, "SELECT * FROM orders WHERE id = $1", Verdict.SLOWER, name)
    write_slower = made_up(catalog, "INSERT INTO orders VALUES ($1, $2)", Verdict.SLOWER, "")
    assert objection(Proof([read_faster], [index])) is None
    for slower in (read_slower, write_slower):
        found = objection(Proof([read_faster, slower], [index]))
        assert found is not None
        assert found[0] is index
        assert "slows a statement" in found[1]


def test_what_writes_lose_below_the_bound_is_added_up() -> None:
    """An insert that loses 0.04 ms is nobody's trouble; five million of them outweigh 1 000 reads that gain 9 ms."""
    columns = {name: Column(name, "int") for name in ("id", "customer_id")}
    catalog = Catalog({("public", "orders"): Table("orders", rows=1e6, pages=9999, columns=columns)})
    index = Built(Candidate("public", "orders", (Key("customer_id"),)), 1, 1.0)
    faster = made_up(catalog, "SELECT * FROM orders WHERE customer_id = $1", Verdict.FASTER, index.candidate.name)
    insert = made_up(catalog, "INSERT INTO orders VALUES ($1, $2)", Verdict.SAME, "")
    insert.judgement = Judgement(Verdict.SAME, 0.10, 0.14, "within noise")
    faster.weight = 1000
    for calls, refused in ((10_000, False), (5_000_000, True)):
        insert.weight = calls
        found = objection(Proof([faster, insert], [index]))
        assert (found is not None) == refused
        assert not found or "the writes of the workload lose 200,000 ms" in found[1]


def test_where_writes_object_the_number_is_learned_else_the_index() -> None:
    one, two = (Candidate("public", "orders", (Key(name),)) for name in ("a", "b"))
    elsewhere = Candidate("public", "users", (Key("c"),))
    refused = {one.body(): "it slows a statement", elsewhere.body(): "no statement got faster"}
    proof = Proof([], [Built(two, 1, 1.0)], refused, crowded={("public", "orders"): 1})
    found = learn(Lessons(most={("public", "orders"): 2}), proof, [one, two, elsewhere])
    assert set(found.refused) == {elsewhere.body()}
    assert found.most == {("public", "orders"): 1}


def test_after_a_refusal_another_index_takes_the_place(place: Place) -> None:
    """What an earlier run learned is not tried again: the search finds the next best, and proves it."""
    fill(place)
    with scratch(place.url) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION hypopg")
        catalog = read_catalog(connection)
        queries = [query(catalog, "SELECT id FROM orders WHERE customer_id = $1 AND note > 'note 5'", 1000)]
        found = search(connection, queries, catalog, Terms(64 << 20))
        first = [one.name for one in found.adds]
        assert first
        told: list[str] = []
        learned: list[Lessons] = []
        course = Course(told.append, Lessons(dict.fromkeys(first, "as an earlier run found")), learned.append)
        settled = settle(Prover(connection, queries), found, course=course)
        kept = [built.candidate.body() for built in settled.proof.kept]
        assert kept
        assert not set(kept) & set(first)
        assert set(first) <= settled.refused.keys()
        assert learned
        assert any("round 1" in one for one in told)
        none = settle(Prover(connection, queries), found.again(frozenset(), {("public", "orders"): 0}))
        assert none.proof.kept == []


def test_short_statements_are_not_charged_for_the_change_of_sides(place: Place) -> None:
    """Each side runs in blocks in one transaction, a write taken back each time; neither leaves anything behind."""
    fill(place)
    with scratch(place.url) as url, psycopg.connect(url, autocommit=True) as connection:
        clone = Clone(connection)
        catalog = read_catalog(connection)
        built = clone.build(Candidate("public", "orders", (Key("customer_id"),)))
        insert = query(catalog, "INSERT INTO orders (id, customer_id) VALUES (-1, 5)")
        found = trial(clone, insert, 0, lambda: clone.without([built.place]), lambda: clone.without(()), 0.1)
        assert found.note == ""
        assert found.judgement.before_ms > 0
        assert connection.execute("SELECT count(*) FROM orders WHERE id = -1").fetchone() == (0,)


def test_a_database_in_use_is_not_copied(place: Place) -> None:
    with (
        psycopg.connect(place.url),
        pytest.raises(DatabaseTrouble, match="cannot be copied while others"),
        scratch(place.url),
    ):
        pass


def test_a_killed_run_leaves_nothing_for_long(place: Place) -> None:
    place.server.create_database("golive_scratch_dead")
    assert sweep(place.url) == ["golive_scratch_dead"]
    assert sweep(place.url) == []


def test_the_whole_story_is_kept_and_followed(place: Place) -> None:
    """Asked, proved on a copy, written as a migration, applied, and seen in production afterwards."""
    fill(place)
    copy = place.server.create_database(f"{place.name}_copy", template=place.name)
    ask = "SELECT * FROM orders WHERE customer_id = %s"
    with psycopg.connect(place.url, autocommit=True) as app:
        for number in range(60):
            app.execute(ask, [number])
            app.execute("SELECT count(*) FROM orders WHERE tags @> %s", [["t7"]])
        report = keep.look(place.database, timezone.now(), clone=copy)
        run = keep.save(place.database, report, "test", timezone.now())
        added = {change.name: change for change in report.advised if change.kind == "add"}
        assert "orders_customer_id_ix" in added
        assert any("gin" in name for name in added), report.as_dict()  # HypoPG cannot imagine it: only proved
        steps = [migration.added(change.candidate) for change in added.values() if change.candidate]
        text = migration.written(Framework.SQL, steps)
        for statement in re.sub("(?m)^--.*$", "", text).split(";\n"):
            if statement.strip():
                app.execute(statement.encode())
        assert keep.follow(place.database, timezone.now()) == []  # met just now
        for number in range(60):
            app.execute(ask, [number])
        seen = keep.follow(place.database, timezone.now() + timedelta(hours=1))
    assert "orders_customer_id_ix" in {one.name for one in seen}
    kept = Advice.objects.get(run=run, name="orders_customer_id_ix")
    assert kept.stage == Stage.SEEN
    assert kept.seen_before_ms is not None
    assert kept.seen_after_ms is not None
    assert kept.predicted_ratio is not None
    place.run(f'DROP DATABASE "{place.name}_copy"')


LOG = """\
2026-01-01 10:00:00 UTC [1] LOG:  duration: 12.5 ms  execute <unnamed>: SELECT * FROM orders WHERE customer_id = $1
2026-01-01 10:00:00 UTC [1] DETAIL:  parameters: $1 = '42'
2026-01-01 10:00:01 UTC [1] LOG:  duration: 2.5 ms  execute <unnamed>: SELECT * FROM orders
\tWHERE customer_id = $1
2026-01-01 10:00:01 UTC [1] DETAIL:  parameters: $1 = 'it''s'
2026-01-01 10:00:02 UTC [1] LOG:  duration: 1.0 ms  statement: SELECT 1
2026-01-01 10:00:03 UTC [1] LOG:  checkpoint starting: time
"""


def test_a_log_gives_statements_with_their_arguments() -> None:
    found = from_log(LOG)
    assert [(one.calls, one.total_ms, one.recorded) for one in found] == [(2, 15.0, (("42",), ("it's",))), (1, 1.0, ())]
    known = joined([Statement("7", "SELECT * FROM orders WHERE customer_id = $1", 9.0)], found)
    assert known[0].recorded == (("42",), ("it's",))


@pytest.mark.parametrize("framework", list(Framework))
def test_migrations_are_valid_and_can_be_undone(framework: Framework, tmp_path: Path) -> None:
    candidate = Candidate("public", 'odd "name', (Key("a"), Key("lower(b)", expression=True)), include=("c",))
    text = migration.written(framework, [migration.added(candidate)])
    assert "CREATE INDEX CONCURRENTLY" in text
    assert text.count("DROP INDEX CONCURRENTLY IF EXISTS") == 2  # what a failed attempt left, and to undo
    assert "lock_timeout" in text
    if framework is not Framework.SQL:
        compile(text, "migration.py", "exec")
