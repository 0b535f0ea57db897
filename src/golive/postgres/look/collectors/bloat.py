"""Bloat: space that holds nothing. Estimated from statistics, exact where pgstattuple is there."""

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
    size,
    statements,
)  # fmt: skip

EXACT_UP_TO = 5 * 1024**3  # pgstattuple_approx reads the pages that are not all visible
MOST_EXACT = 10
SHARE, BYTES = 0.4, 100 * 1024**2


def read(server: Server) -> list[Row]:
    sql = statements("bloat")
    found = server.rows(sql["tables"])
    if found and not any(row["known_columns"] for row in found):
        raise Lacking(
            "pg_stats hides the statistics of tables that golive's role may not read; "
            "`golive db connect --advice` grants SELECT"
        )
    exact = "pgstattuple" in server.extensions
    answered = []
    for number, row in enumerate(found):
        row = {**row, **estimate(row)}
        if exact and number < MOST_EXACT and row["bytes"] <= EXACT_UP_TO:
            row = {**row, **_exactly(server, row)}
        answered.append(row)
    return sorted(answered, key=lambda row: -row["wasted"])


def estimate(row: Row) -> Row:
    """Wasted bytes by rows and widths: 24 bytes of header and 4 of pointer a row, 24 a page. Unknown widths say so."""
    if not row["known_columns"] or row["known_columns"] < row["columns"] / 2:
        return {"wasted": 0.0, "share": None, "how": "unknown"}
    row_bytes = 28 + 8 * ((row["width"] + 7) // 8)  # rows are padded to eight bytes
    usable = (row["page"] - 24) * row["fillfactor"] / 100
    pages = row["tuples"] / max(usable // row_bytes, 1) if row_bytes <= usable else row["tuples"] * row_bytes / usable
    wasted = max(0.0, row["bytes"] - pages * row["page"])
    return {"wasted": wasted, "share": wasted / row["bytes"] if row["bytes"] else 0.0, "how": "estimated"}


def _exactly(server: Server, row: Row) -> Row:
    try:
        (measured,) = server.rows(statements("bloat")["exact"], name=row["name"])
    except (errors.InsufficientPrivilege, errors.LockNotAvailable, errors.QueryCanceled):
        return {}
    share = ((measured["free"] or 0) + (measured["dead"] or 0)) / 100
    return {"wasted": share * row["bytes"], "share": share, "how": "measured"}


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in found:
        if row["share"] is None or row["share"] < SHARE or row["wasted"] < BYTES:
            continue
        name = f"{row['schema']}.{row['relation']}"
        reason = (
            f"{size(row['wasted'])} of {size(row['bytes'])} hold nothing ({row['share'] * 100:.0f} %, {row['how']})"
        )
        advice = "pg_repack gives it back without a long lock; VACUUM FULL locks the table while it copies"
        said.append(Finding(Level.WARNING, name, reason, advice))
    return said


COLLECTOR = Collector(
    "bloat",
    "Bloat",
    "How much space holds nothing?",
    Pace.SLOW,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("relation", "Table"),
        Column("bytes", "Size", "size"),
        Column("wasted", "Holds nothing", "size"),
        Column("share", "Share", "percent"),
        Column("how", "How known"),
    ),
    order=63,
    on_replica=False,
    empty="No table is larger than a megabyte.",
)
