"""Cache: the share of pages found in shared buffers. Misses may still be in the system's cache."""

from collections.abc import Sequence

from golive.postgres.look.collector import Collector, Column, Finding, Given, Level, Pace, Row, Server, size, statements

LOW, ENOUGH_PAGES = 0.95, 100_000


def read(server: Server) -> list[Row]:
    return [{**row, "hit": share(row)} for row in server.rows(statements("health")["cache"])]


def share(row: Row) -> float | None:
    """Hits of all reads of a table and its indexes; None when it was never read."""
    hits, reads = row["heap_hit"] + row["index_hit"], row["heap_read"] + row["index_read"]
    return hits / (hits + reads) if hits + reads else None


def _since(found: Sequence[Row], given: Given) -> tuple[float, float]:
    """Hits and reads since the last look, or since the statistics began."""
    old = {(row["schema"], row["relation"]): row for row in given.before}
    hits = reads = 0.0
    for row in found:
        before = old.get((row["schema"], row["relation"]), {})
        for name in ("heap", "index"):
            hits += max(0.0, row[f"{name}_hit"] - before.get(f"{name}_hit", 0.0))
            reads += max(0.0, row[f"{name}_read"] - before.get(f"{name}_read", 0.0))
    return hits, reads


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    hits, reads = _since(found, given)
    if hits + reads < ENOUGH_PAGES or hits / (hits + reads) >= LOW:
        return []
    worst = max(found, key=lambda row: row["heap_read"] + row["index_read"])
    reason = (
        f"{hits / (hits + reads) * 100:.1f} % of pages come from shared buffers (95 % is usual); most others are read "
        f"from {worst['schema']}.{worst['relation']} ({size(worst['bytes'])})"
    )
    return [Finding(Level.WARNING, "shared buffers", reason, "golive db look statements")]


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    hits, reads = _since(found, given)
    return {"cache.hit": hits / (hits + reads)} if hits + reads else {}


COLLECTOR = Collector(
    "cache",
    "Cache",
    "Does what is read fit in memory?",
    Pace.STEADY,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("relation", "Table"),
        Column("bytes", "Size", "size"),
        Column("hit", "From buffers", "percent"),
        Column("heap_read", "Table pages read", "number"),
        Column("index_read", "Index pages read", "number"),
    ),
    measures=measures,
    order=40,
)
