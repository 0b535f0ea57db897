"""Statements from pg_stat_statements: what costs most. Their trends are in `trend.py`, their plans in `plans.py`."""

from collections.abc import Sequence

from psycopg import errors

from golive.postgres.look.collector import (
    Collector,
    Column,
    Finding,
    Given,
    Lacking,
    Level,
    Pace,
    Row,
    Server,
    statements,
)  # fmt: skip

SHOWN = 200


def read(server: Server) -> list[Row]:
    if "pg_stat_statements" not in server.extensions:
        raise Lacking("the extension pg_stat_statements is missing here; `golive db connect` prints how to add it")
    sql = statements("statements")
    try:
        found = server.rows(sql["counters"])
    except errors.ObjectNotInPrerequisiteState as error:
        raise Lacking("pg_stat_statements is created but not loaded: add it to shared_preload_libraries") from error
    ids = [int(row["query_id"]) for row in found[:SHOWN]]
    texts = {row["query_id"]: row["text"] for row in server.rows(sql["texts"], ids=ids)}
    lost = server.rows(sql["lost"])[0] if server.version >= 14 else {"lost": None, "most": None}
    return [
        {**row, **lost, "mean_ms": row["total_ms"] / max(row["calls"], 1), "text": texts.get(row["query_id"], "")}
        for row in found
    ]


def grown(found: Sequence[Row], before: Sequence[Row], truncated: bool) -> list[Row]:
    """What each statement did since the last look. A counter that fell was reset and counts from zero.

    One that was not seen before is new - unless the last look was cut off, when it may have been below the cut.
    """
    old = {(row["query_id"], row["role"]): row for row in before}
    done = []
    for row in found:
        was = old.get((row["query_id"], row["role"]))
        if was is None and (truncated or not before):
            continue
        if was is None or was["calls"] > row["calls"]:
            was = {}
        names = ("calls", "total_ms", "row_count", "hit", "read", "temp", "wal")
        change = {name: row[name] - was.get(name, 0.0) for name in names}
        if change["calls"] > 0:
            done.append({**row, **change})
    return done


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    if not found:
        return []
    said = []
    total = sum(row["total_ms"] for row in found)
    top = found[0]
    if total and top["total_ms"] / total >= 0.3 and top["total_ms"] > 10_000:
        reason = (
            f"takes {top['total_ms'] / total * 100:.0f} % of all statements' time "
            f"({top['calls']:.0f} calls of {top['mean_ms']:.1f} ms): {_short(top['text'])}"
        )
        said.append(Finding(Level.WARNING, f"statement {top['query_id']}", reason, "golive db advise"))
    for row in found[:SHOWN]:
        pages = (row["hit"] + row["read"]) / row["calls"]
        if row["calls"] >= 10 and pages > 10_000 and pages > 100 * max(row["row_count"] / row["calls"], 1):
            reason = (
                f"reads {pages:.0f} pages a call for {row['row_count'] / row['calls']:.0f} rows: {_short(row['text'])}"
            )
            said.append(Finding(Level.WARNING, f"statement {row['query_id']}", reason, "golive db advise"))
        if row["temp"] / row["calls"] > 1000:
            reason = (
                f"sorts on disk: {row['temp'] / row['calls'] * 8192 / 1024**2:.0f} MB a call: {_short(row['text'])}"
            )
            said.append(Finding(Level.INFO, f"statement {row['query_id']}", reason))
    if found[0]["lost"] and given.before and given.before[0].get("lost") is not None:
        lost = found[0]["lost"] - given.before[0]["lost"]
        if lost > 10:
            reason = f"{lost:.0f} times statements were forgotten since the last look: the numbers have holes"
            advice = "ALTER SYSTEM SET pg_stat_statements.max = 10000;  -- needs a restart"
            said.append(
                Finding(
                    Level.WARNING, "pg_stat_statements", reason, advice, "ALTER SYSTEM RESET pg_stat_statements.max;"
                )
            )
    return said


def _short(text: str) -> str:
    return " ".join(text.split())[:120] or "(its text is hidden: grant pg_read_all_stats)"


COLLECTOR = Collector(
    "statements",
    "Statements",
    "What costs most?",
    Pace.STEADY,
    read,
    judge,
    (
        Column("text", "Statement", "code"),
        Column("calls", "Calls", "number"),
        Column("total_ms", "In all", "ms"),
        Column("mean_ms", "Each", "ms"),
        Column("max_ms", "Slowest", "ms"),
        Column("row_count", "Rows", "number"),
        Column("read", "Pages read", "number"),
    ),
    order=10,
    of_others=True,
    empty="No statement has been counted yet.",
)
