"""Locks: who waits for whom. The tree's roots are who to talk to, or to end."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from golive.alerts.models import Severity
from golive.postgres.look.collector import (
    Alarm,
    Collector,
    Column,
    Finding,
    Given,
    Level,
    Pace,
    Row,
    Server,
    statements,
)

PATIENCE_SECONDS = 5
PAGES_AFTER_SECONDS = 60


def read(server: Server) -> list[Row]:
    return tree(server.rows(statements("activity")["blocking"]))


def tree(found: Sequence[Row]) -> list[Row]:
    """The rows in the order of the tree, roots first, with `depth` and `victims` (how many wait behind). Cycles end."""
    by_pid = {row["pid"]: row for row in found}
    behind: dict[int, list[int]] = {pid: [] for pid in by_pid}
    for row in found:
        for blocker in row["blockers"]:
            behind.setdefault(blocker, []).append(row["pid"])
    ordered: list[Row] = []
    seen: set[int] = set()

    def walk(pid: int, depth: int) -> None:
        if pid in seen or pid not in by_pid:
            return
        seen.add(pid)
        row = by_pid[pid]
        ordered.append({**row, "depth": depth, "victims": len(_all_behind(pid, behind)), "tree": _branch(depth, pid)})
        for victim in sorted(behind.get(pid, [])):
            walk(victim, depth + 1)

    for pid in sorted(pid for pid, row in by_pid.items() if not row["blockers"]):
        walk(pid, 0)
    for pid in sorted(by_pid):  # a deadlock has no root
        walk(pid, 0)
    return ordered


def _branch(depth: int, pid: int) -> str:
    blank, branch = "\N{NO-BREAK SPACE}", "\N{BOX DRAWINGS LIGHT UP AND RIGHT} "
    return blank * 3 * depth + (branch if depth else "") + str(pid)


def _all_behind(pid: int, behind: Mapping[int, Sequence[int]]) -> set[int]:
    found: set[int] = set()
    todo = list(behind.get(pid, ()))
    while todo:
        one = todo.pop()
        if one not in found and one != pid:
            found.add(one)
            todo.extend(behind.get(one, ()))
    return found


def _roots(found: Sequence[Row]) -> list[Row]:
    return [row for row in found if not row["blockers"] and row["victims"]]


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    said = []
    for row in _roots(found):
        longest = _longest_wait(found, row)
        if longest < PATIENCE_SECONDS:
            continue
        doing = f"is {row['state']}" if row["state"] != "active" else "runs"
        reason = (
            f"{row['victims']} wait up to {longest:.0f} s behind {row['pid']} "
            f"({row['application'] or row['role']}), which {doing}: {row['query'][:120]}"
        )
        level = Level.CRITICAL if longest >= PAGES_AFTER_SECONDS else Level.WARNING
        said.append(Finding(level, f"process {row['pid']}", reason, f"SELECT pg_cancel_backend({row['pid']});"))
    return said


def _longest_wait(found: Sequence[Row], root: Row) -> float:
    """How long the oldest query behind a root has run; rows of one tree stand together."""
    start = found.index(root) + 1
    waits = []
    for row in found[start:]:
        if row["depth"] == 0:
            break
        waits.append(row["query_seconds"] or 0.0)
    return max(waits, default=0.0)


def alarms(found: Sequence[Row], given: Given) -> list[Alarm]:
    stuck = [(row, _longest_wait(found, row)) for row in _roots(found)]
    stuck = [(row, wait) for row, wait in stuck if wait >= PAGES_AFTER_SECONDS]
    if not stuck:
        return []
    row, wait = max(stuck, key=lambda pair: pair[0]["victims"])
    waiting = f"{row['victims']} sessions wait for process {row['pid']}, the longest {wait:.0f} s"
    reason = f"{waiting}; it runs {row['query'][:150]}"
    return [Alarm("", Severity.WARNING, reason, "Queries wait for a lock", timedelta(seconds=20))]


COLLECTOR = Collector(
    "locks",
    "Locks",
    "Who waits for whom?",
    Pace.FAST,
    read,
    judge,
    (
        Column("tree", "Process", "code"),
        Column("victims", "Wait behind it", "number"),
        Column("application", "Application"),
        Column("state", "State"),
        Column("query_seconds", "Query for", "duration"),
        Column("wants", "Wants"),
        Column("query", "Statement", "code"),
    ),
    alarms,
    order=30,
    of_others=True,
    empty="Nobody waits for a lock.",
)
