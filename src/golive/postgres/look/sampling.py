"""Plans of the costliest statements, again and again: auto_explain's where it writes them, else planned with values.

Only what changed is kept, so that a statement shows since when it has which plan.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlglot import exp

from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.access import ParseError, parse, read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.workload import Logged, logged
from golive.postgres.advice.workload import shape as text_shape
from golive.postgres.choice import url_of
from golive.postgres.look import logfile, plans
from golive.postgres.look.models import Origin, PlanLog, PlanSample, StatementText
from golive.postgres.look.plan import PlansPlan
from golive.postgres.look.whose import asked_by_people
from golive.postgres.models import Database
from golive.postgres.session import Connection, one, session

COSTLIEST = 25
AGAIN = timedelta(hours=20)
KEPT = 20
SHORTEST_MS = 1.0


def sample(database: Database, now: datetime) -> int:
    """Read new plans from the log, then plan what has none of today; how many plans were seen."""
    with session(url_of(database), application="golive look") as connection:
        found = from_log(connection, database, now)
        wanted = [text for text in costliest(database) if not _fresh(text, now)]
        return found + sum(plan(connection, text, now) for text in wanted)


def costliest(database: Database) -> list[StatementText]:
    """The application's statements that took most time, as last counted."""
    snapshot = database.snapshots.filter(collector="statements").first()
    ids = [row["query_id"] for row in (snapshot.rows if snapshot else [])]
    known = {text.query_id: text for text in database.statements.all() if asked_by_people(text.text)}
    return [known[each] for each in ids if each in known][:COSTLIEST]


def _fresh(text: StatementText, now: datetime) -> bool:
    return text.plans.filter(last_at__gt=now - AGAIN).exists()


def from_log(connection: Connection, database: Database, now: datetime) -> int:
    """Plans that auto_explain logged since the last time, for statements that are known."""
    kept, _ = PlanLog.objects.get_or_create(database=database)
    pattern = PlansPlan.model_validate(database.topic("plans")).log
    if pattern:
        part = logfile.of_file(pattern, kept.place, kept.offset)
    else:
        part = logfile.of_server(connection, kept.place, kept.offset)
    PlanLog.objects.filter(pk=kept.pk).update(place=part.place, offset=part.offset, note=part.note)
    known = {text_shape(text.text): text for text in database.statements.all()}
    newest = matched(logged(part.text), known)
    for text, entry in newest:
        keep(text, Origin.LOGGED, entry.plan, now, took_ms=entry.ms)
    return len(newest)


def matched(entries: Any, known: Mapping[str, StatementText]) -> list[tuple[StatementText, Logged]]:
    """The last plan of each shape of plan of each known statement."""
    found: dict[tuple[str, str], tuple[StatementText, Logged]] = {}
    for entry in entries:
        if entry.plan and entry.ms >= SHORTEST_MS and (text := known.get(text_shape(entry.text))):
            found[text.query_id, plans.shape(entry.plan)] = text, entry
    return list(found.values())


def plan(connection: Connection, text: StatementText, now: datetime) -> int:
    """Plan a statement with values from the statistics of its columns; without, where that cannot be."""
    found = representative(connection, text.text)
    for note, written in found:
        keep(text, Origin.VALUES, written, now, note=note)
    if found:
        return len(found)
    tree, why = plans.sample(connection, text.text)
    if tree is None:
        return 0
    keep(text, Origin.GENERIC, "\n".join(plans.lines(tree)), now, note=why)
    return 1


def representative(connection: Connection, text: str) -> list[tuple[str, str]]:
    """(which values, plan) for each plan that the statement gets with common, middling and rare values."""
    try:
        tables = sorted({table.name for table in parse(text).find_all(exp.Table)})
        reading = read(text, catalogs.read(connection, tables))
    except ParseError:
        return []
    found: dict[str, tuple[str, str]] = {}
    tried = samples(text, reading)
    for number, each in enumerate(tried):
        try:
            tree = one(connection, b"EXPLAIN (FORMAT JSON) " + each.text.encode())["QUERY PLAN"][0]["Plan"]
        except psycopg.Error:
            continue
        written = "\n".join(plans.lines(tree))
        which = "as written" if len(tried) == 1 else "with a common value" if not number else "with a rarer value"
        found.setdefault(plans.shape(written), (which, written))
    return list(found.values())


def keep(
    text: StatementText, origin: Origin, written: str, now: datetime, note: str = "", took_ms: float | None = None
) -> PlanSample:
    """A plan that was seen: a new one, or the one that the statement has had from there lately."""
    written, shape = plans.masked(written), plans.shape(written)
    last = text.plans.filter(origin=origin, note=note[:200]).first()
    if last is not None and last.shape == shape:
        last.last_at, last.text, last.took_ms = now, written, took_ms
        last.save()
        return last
    made = text.plans.create(
        origin=origin, at=now, last_at=now, text=written, shape=shape, note=note[:200], took_ms=took_ms
    )
    old = list(text.plans.values_list("pk", flat=True)[KEPT:])
    PlanSample.objects.filter(pk__in=old).delete()
    return made
