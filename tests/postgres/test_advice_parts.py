"""The advisor's decisions one by one: traps, removals, statistics, sizes, the two searches."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.postgres.advice import upkeep
from golive.postgres.advice.access import ParseError, parse, read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.candidate import Candidate, Key, covers, serves, size_bytes
from golive.postgres.advice.catalog import Catalog, Column, Index, Table
from golive.postgres.advice.choose import Terms, best, exact, grow
from golive.postgres.advice.matrix import Atom, Option, Row, pruned
from golive.postgres.advice.traps import Repetition, deepest, repeated, traps
from golive.postgres.advice.trigger import reads_too_much
from golive.postgres.advice.workload import Query, Statement

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TYPES = {
    "id": "integer",
    "user_id": "bigint",
    "name": "text",
    "placed": "timestamp without time zone",
    "paid": "boolean",
}


def table(name: str = "orders", rows: float = 1e6, indexes: tuple[Index, ...] = ()) -> Table:
    columns = {key: Column(key, kind, 8, 5000, bounds=("1", "5", "9")) for key, kind in TYPES.items()}
    return Table(name, rows=rows, pages=int(rows // 50), columns=columns, indexes=indexes)


def catalog(*tables: Table) -> Catalog:
    return Catalog({each.key: each for each in tables or (table(), table("users"))})


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("SELECT * FROM orders ORDER BY id LIMIT 20 OFFSET 50000", ["offset"]),
        ("SELECT * FROM orders ORDER BY id LIMIT 20 OFFSET 20", []),
        ("SELECT * FROM orders ORDER BY id LIMIT 20", []),
        ("SELECT * FROM users WHERE id NOT IN (SELECT user_id FROM orders)", ["not_in"]),
        ("SELECT * FROM users WHERE id NOT IN (1, 2)", []),
        ("SELECT * FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)", []),
        ("SELECT * FROM orders WHERE date(placed) = '2024-01-01'", ["function_on_column"]),
        ("SELECT * FROM orders WHERE placed >= '2024-01-01' AND placed < '2024-01-02'", []),
        ("SELECT * FROM orders WHERE lower(name) = 'x'", []),
        ("SELECT * FROM orders WHERE user_id = 5.0", ["implicit_cast"]),
        ("SELECT * FROM orders WHERE user_id = 5", []),
        ("SELECT * FROM orders WHERE user_id::text = $1", ["implicit_cast"]),
        ("SELECT * FROM orders WHERE user_id = $1::bigint", []),
        ("SELECT count(*) FROM orders", ["count"]),
        ("SELECT count(*) FROM orders WHERE user_id = 4", []),
        ("SELECT * FROM orders ORDER BY random() LIMIT 1", ["order_by_random"]),
    ],
)
def test_traps(text: str, kinds: list[str]) -> None:
    found = traps(read(text, catalog()), catalog())
    assert [trap.kind for trap in found] == kinds
    assert all(trap.problem and trap.instead for trap in found)


@pytest.mark.parametrize(
    ("recorded", "kinds"),
    [((), ["offset"]), ((("20", "40"), ("20", "60")), []), ((("20", "0"), ("20", "50000")), ["offset"])],
)
def test_offset_pagination_is_told_when_pages_are_deep(recorded: tuple[tuple[str, ...], ...], kinds: list[str]) -> None:
    reading = read("SELECT * FROM orders ORDER BY id LIMIT $1 OFFSET $2", catalog())
    assert [trap.kind for trap in traps(reading, catalog(), 0, deepest(reading, recorded))] == kinds


def test_small_tables_have_no_traps() -> None:
    small = catalog(table(rows=200), table("users", rows=50))
    assert traps(read("SELECT * FROM orders ORDER BY id LIMIT 20 OFFSET 50000", small), small) == []
    assert traps(read("SELECT count(*) FROM orders", small), small) == []


def test_n_plus_one_is_joined_with_traces() -> None:
    reading = read("SELECT * FROM users WHERE id = $1", catalog())
    assert repeated(reading, Repetition("GET /orders", 25))[0].kind == "n_plus_one"
    assert repeated(reading, Repetition("GET /orders", 1.2)) == []
    assert repeated(reading, None) == []


@pytest.mark.parametrize("text", ["SELECT * FROM orders WHERE (a =", "SELECT 1; SELECT 2", "VACUUM orders", "", "'"])
def test_text_that_cannot_be_read_says_why(text: str) -> None:
    with pytest.raises(ParseError, match=r"it\b|its"):
        parse(text)


def index(name: str, *keys: str, scans: int = 0, size: int = 9 << 20, **more: object) -> Index:
    down = tuple(False for _ in keys)
    return Index(name, keys, scans=scans, size_bytes=size, descending=down, **more)  # type: ignore[arg-type]


SEASON_AGO, WEEK_AGO = NOW - timedelta(days=60), NOW - timedelta(days=7)


@pytest.mark.parametrize(
    ("indexes", "options", "advised"),
    [
        ((index("a", "name"),), {}, {"a"}),
        ((index("a", "name", scans=3),), {}, set()),
        ((index("a", "name"),), {"since": WEEK_AGO}, set()),
        ((index("a", "name"),), {"since": None}, set()),
        ((index("a", "name"),), {"replica_scans": {"a": 4}, "replicas": 1}, set()),
        ((index("a", "name"),), {"replica_scans": None, "replicas": 1}, set()),
        ((index("a", "name"),), {"replica_scans": {}, "replicas": 1}, {"a"}),
        ((index("a", "name", unique=True),), {}, set()),
        ((index("a", "name", constrained=True),), {}, set()),
        ((index("a", "name", size=8192),), {}, set()),
        ((index("a", "user_id"),), {"foreign_keys": [("public", "orders", "user_id")]}, set()),
        ((index("a", "name", scans=9), index("b", "name", scans=9)), {}, {"b"}),
        ((index("a", "name", scans=9), index("b", "name", "id", scans=9)), {}, {"a"}),
        ((index("a", "name", scans=9), index("b", "id", "name", scans=9)), {}, set()),
        ((index("a", "name", scans=9), index("b", "name", scans=9, predicate="paid")), {}, set()),
        ((index("a", "name", scans=9, unique=True), index("b", "name", scans=9)), {}, {"b"}),
        ((index("a", "name", scans=9, valid=False),), {}, {"a"}),
    ],
)
def test_removal_is_careful(indexes: tuple[Index, ...], options: dict[str, object], advised: set[str]) -> None:
    found = upkeep.removals(
        catalog(table(indexes=indexes)),
        **{"since": SEASON_AGO, "now": NOW, **options},  # type: ignore[arg-type]
    )
    assert {one.index.name for one in found if one.advised} == advised
    assert all(one.reason for one in found)


@pytest.mark.parametrize(
    ("text", "guessed", "actual", "expected"),
    [
        ("SELECT * FROM orders WHERE user_id = 1 AND name = 'x'", 3, 40_000, "CREATE STATISTICS"),
        ("SELECT * FROM orders WHERE lower(name) = 'x'", 5000, 400_000, "ON (LOWER(name))"),
        ("SELECT * FROM orders WHERE name = 'x'", 100, 90_000, "SET STATISTICS 1000"),
        ("SELECT * FROM orders WHERE name = 'x'", 80_000, 90_000, ""),
        ("SELECT * FROM orders WHERE name = 'x'", 1, 30, ""),
    ],
)
def test_statistics_only_where_the_planner_is_far_off(text: str, guessed: float, actual: float, expected: str) -> None:
    reading = read(text, catalog())
    said = list(upkeep.statistics(Query(Statement("1", text, 1), reading), [("orders", guessed, actual)]))
    assert (expected in said[0].statements[0]) if expected else not said
    assert all(one.undo and len(one.name.encode()) <= 63 for one in said)


def test_the_ten_percent_rule_tells_what_was_read() -> None:
    plan = {"Node Type": "Seq Scan", "Relation Name": "orders", "Actual Rows": 10, "Rows Removed by Filter": 999_990}
    found = reads_too_much(plan, catalog())
    assert found is not None
    assert str(found) == "reads 1,000,000 of the 1,000,000 rows of orders (100%) and returns 10"
    assert reads_too_much({**plan, "Rows Removed by Filter": 90_000}, catalog()) is None
    assert reads_too_much(plan, catalog(table(rows=500))) is None


def test_what_exists_already_is_not_advised_again() -> None:
    want = Candidate("public", "orders", (Key("user_id"), Key("placed")))
    assert serves(index("a", "user_id", "placed"), want)
    assert serves(index("a", '"user_id"', "placed", "id"), want)
    assert not serves(index("a", "placed", "user_id"), want)
    assert not serves(index("a", "user_id"), want)
    assert not serves(index("a", "user_id", "placed", predicate="paid"), want)
    assert not serves(index("a", "user_id", "placed", valid=False), want)
    assert covers(want.widened(Key("id")), want)
    assert not covers(want, want.widened(Key("id")))


def test_sizes_know_deduplication() -> None:
    few, many = Column("a", "integer", 4, 10), Column("b", "integer", 4, 1e6)
    place = Table("t", rows=1e6, pages=10_000, columns={"a": few, "b": many})
    small = size_bytes(Candidate("public", "t", (Key("a"),)), place)
    large = size_bytes(Candidate("public", "t", (Key("b"),)), place)
    assert 6.5e6 < small < 7.5e6  # PostgreSQL 15 builds 6.9 MB
    assert 21e6 < large < 23.5e6  # and 22.5 MB
    assert size_bytes(Candidate("public", "t", (Key("a"),), method="brin"), place) < 100_000


def test_parameters_are_taken_from_the_log_before_the_statistics() -> None:
    text = "SELECT * FROM orders WHERE user_id = $1 AND placed > now() - interval $2 LIMIT $3"
    reading = read(text, catalog())
    guessed = samples(text, reading)
    assert {one.origin for one in guessed} == {"from column statistics"}
    assert sum(one.share for one in guessed) == pytest.approx(1)
    assert "interval '7 days' LIMIT '20'" in guessed[0].text
    recorded = samples(text, reading, (("7", "1 day", "5"), ("8", "2 days", None)))
    assert [one.origin for one in recorded] == ["recorded", "recorded"]
    assert "user_id = '7'" in recorded[0].text
    assert "LIMIT NULL" in recorded[1].text


ROWS = [
    Row("q", "", 10, [Atom(frozenset(), 100), Atom(frozenset("a"), 60), Atom(frozenset("ab"), 5)]),
    Row("r", "", 1, [Atom(frozenset(), 100), Atom(frozenset("c"), 1)]),
]


def options(**upkeep_of: float) -> list[Option]:
    return [Option(name, 10 << 20, upkeep_of.get(name, 1.0)) for name in "abc"]


@pytest.mark.parametrize(
    ("budget_mb", "expected"),
    [(0, set()), (10, {"a"}), (20, {"a", "b"}), (30, {"a", "b", "c"})],
)
def test_the_exact_search_finds_what_trying_all_finds(budget_mb: int, expected: set[str]) -> None:
    terms = Terms(budget_mb << 20)
    found = exact(ROWS, options(), terms)
    assert found.options == expected
    assert found.gap is not None
    assert found.gap < 0.001
    assert best(ROWS, options(), terms).cost <= grow(ROWS, options(), terms).cost


def test_what_a_proof_refused_is_not_chosen_again() -> None:
    terms = Terms(100 << 20, banned=frozenset({"c"}))
    assert grow(ROWS, options(), terms).options == exact(ROWS, options(), terms).options == {"a", "b"}
    table = [Option(n, 1 << 20, 1.0, Candidate("public", "orders", (Key(n),))) for n in "abc"]
    for most in range(4):
        narrow = Terms(100 << 20, most={("public", "orders"): most})
        assert len(exact(ROWS, table, narrow).options) == most
        assert len(grow(ROWS, table, narrow).options) == most
    assert len(exact(ROWS, table, Terms(100 << 20, most={("public", "users"): 0})).options) == 3


def test_greed_is_caught_out() -> None:
    """Two indexes that help only together: growing one by one never begins."""
    rows = [Row("q", "", 1, [Atom(frozenset(), 100), Atom(frozenset("ab"), 1)])]
    terms = Terms(100 << 20)
    assert grow(rows, options(), terms).options == frozenset()
    assert best(rows, options(), terms).options == {"a", "b"}


def test_upkeep_drops_an_index_that_exists() -> None:
    rows = [Row("q", "", 1, [Atom(frozenset(), 10), Atom(frozenset("x"), 8)])]
    idle = Option("x", 1 << 20, 500.0, index=index("x", "name"))
    assert exact(rows, [idle], Terms(0)).options == frozenset()
    cheap = Option("x", 1 << 20, 0.5, index=index("x", "name"))
    assert exact(rows, [cheap], Terms(0)).options == {"x"}


def test_atoms_that_cost_more_for_more_are_forgotten() -> None:
    kept = pruned([Atom(frozenset("ab"), 9), Atom(frozenset("a"), 9), Atom(frozenset(), 10), Atom(frozenset("b"), 11)])
    assert kept == [Atom(frozenset(), 10), Atom(frozenset("a"), 9)]
