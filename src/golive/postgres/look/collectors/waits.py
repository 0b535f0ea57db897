"""Waits: what active sessions are waiting for right now."""

from collections.abc import Sequence

from golive.postgres.look.collector import Collector, Column, Finding, Given, Level, Pace, Row, Server, statements


def read(server: Server) -> list[Row]:
    return server.rows(statements("activity")["waits"])


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    active = sum(row["sessions"] for row in found)
    running = sum(row["sessions"] for row in found if row["kind"] == "CPU")
    if given.cores and running > given.cores * 2:
        reason = f"{running} sessions compute on {given.cores} cores: they queue for the processor"
        return [Finding(Level.WARNING, "processor", reason, "golive db grow")]
    said = []
    for row in found:
        if row["kind"] in ("IO", "LWLock") and row["sessions"] >= 5 and row["sessions"] * 2 > active:
            reason = f"{row['sessions']} of {active} active sessions wait for {row['event']} ({row['kind']})"
            said.append(Finding(Level.WARNING, row["event"], reason, "golive db grow"))
    return said


def measures(found: Sequence[Row], given: Given) -> dict[str, float]:
    kinds: dict[str, float] = {}
    for row in found:
        kinds[f"waits.{row['kind'].lower()}"] = kinds.get(f"waits.{row['kind'].lower()}", 0) + row["sessions"]
    return {"waits.active": sum(row["sessions"] for row in found), **kinds}


COLLECTOR = Collector(
    "waits",
    "Waits",
    "What do running statements wait for?",
    Pace.FAST,
    read,
    judge,
    (
        Column("kind", "Kind"),
        Column("event", "Event"),
        Column("sessions", "Sessions", "number"),
        Column("longest_seconds", "Longest", "duration"),
        Column("example", "For example", "code"),
    ),
    measures=measures,
    order=31,
    of_others=True,
    empty="No statement runs at this moment.",
)
