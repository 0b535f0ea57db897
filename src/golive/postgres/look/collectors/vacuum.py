"""Vacuum and analyze: do they keep up with what changes?"""

from collections.abc import Sequence

from golive.postgres.look.collector import Collector, Column, Finding, Given, Level, Pace, Row, Server, statements

ENOUGH_ROWS = 10_000


def read(server: Server) -> list[Row]:
    found = server.rows(statements("health")["vacuum"])
    return [{**row, "dead_share": row["dead"] / max(row["live"] + row["dead"], 1)} for row in found]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in found:
        name = f"{row['schema']}.{row['relation']}"
        if row["switched_off"]:
            reason = "autovacuum is switched off for this table: it bloats and its statistics grow old"
            said.append(
                Finding(
                    Level.WARNING, name, reason, f"ALTER TABLE {name} RESET (autovacuum_enabled);",
                    f"ALTER TABLE {name} SET (autovacuum_enabled = off);",
                )
            )  # fmt: skip
        elif row["dead"] > max(2 * row["vacuum_at"], ENOUGH_ROWS):
            reason = (
                f"{row['dead']} dead rows ({row['dead_share'] * 100:.0f} %), autovacuum should begin at "
                f"{row['vacuum_at']:.0f}: it does not keep up, or something holds it back"
            )
            advice = (
                f"VACUUM (VERBOSE) {name};  -- then: ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = 0.02);"
            )
            said.append(Finding(Level.WARNING, name, reason, advice))
        if row["live"] >= ENOUGH_ROWS and row["analyzed_at"] is None:
            said.append(Finding(Level.WARNING, name, "never analyzed: the planner guesses", f"ANALYZE {name};"))
        elif row["changed"] > max(3 * row["analyze_at"], ENOUGH_ROWS):
            reason = f"{row['changed']} rows changed since it was analyzed"
            said.append(Finding(Level.WARNING, name, reason, f"ANALYZE {name};"))
        if row["updates"] > 100_000 and row["hot_updates"] < 0.2 * row["updates"]:
            reason = (
                f"{row['hot_updates'] / row['updates'] * 100:.0f} % of {row['updates']} updates were HOT: each of the "
                "others writes every index"
            )
            advice = f"ALTER TABLE {name} SET (fillfactor = 85);  -- and look for indexes on columns that change"
            said.append(Finding(Level.INFO, name, reason, advice))
    return said


COLLECTOR = Collector(
    "vacuum",
    "Vacuum",
    "Do vacuum and analyze keep up?",
    Pace.STEADY,
    read,
    judge,
    (
        Column("schema", "Schema"),
        Column("relation", "Table"),
        Column("live", "Live rows", "number"),
        Column("dead", "Dead rows", "number"),
        Column("dead_share", "Dead", "percent"),
        Column("vacuumed_at", "Vacuumed", "ago"),
        Column("analyzed_at", "Analyzed", "ago"),
    ),
    order=62,
)
