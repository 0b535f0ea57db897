"""Ask a database the questions of a pace: read, judge, keep, record what is measured, flip what must be heard."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from psycopg import errors, sql

from golive.alerts.models import Severity, State
from golive.changes.models import Change, Kind
from golive.postgres import conditions
from golive.postgres.choice import url_of
from golive.postgres.conditions import Judged
from golive.postgres.look import history
from golive.postgres.look.collector import Alarm, Collector, Finding, Given, Lacking, Level, Pace, Row, Server
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.collectors.statements import grown
from golive.postgres.look.machine import machine_of
from golive.postgres.look.models import Snapshot, StatementText
from golive.postgres.look.plan import MachinePlan
from golive.postgres.models import Database
from golive.postgres.session import place, rows, sees_others, session, version_of
from golive.postgres.trouble import DatabaseAway, DatabaseTrouble, explain, said
from golive.telemetry import facts

log = logging.getLogger(__name__)
KEPT_ROWS = 2000
AWAY_AFTER = timedelta(seconds=60)


def look(database: Database, now: datetime, wanted: Iterable[Collector]) -> list[Snapshot]:
    """Ask the wanted questions over one connection; a database that does not answer is a condition of its own."""
    try:
        url = url_of(database)
        with session(url, application="golive look") as connection:
            extensions = frozenset(row["extname"] for row in rows(connection, "SELECT extname FROM pg_extension"))
            recovering = rows(connection, "SELECT pg_is_in_recovery() AS it")[0]["it"]
            server = Server(connection, extensions, recovering, sees_others(connection))
            machine = machine_of(database, url)
            done = [_ask(database, server, machine, collector, now) for collector in wanted]
    except DatabaseTrouble as error:
        _answers(database, str(error), now)
        raise
    _answers(database, "", now)
    return done


def _answers(database: Database, trouble: str, now: datetime) -> None:
    state = State.FIRING if trouble else State.OK
    title = "The database does not answer golive" if trouble else "The database answers golive"
    reason = trouble or "it answers"
    conditions.settle(database, Judged("answers", state, Severity.CRITICAL, reason, title, after=AWAY_AFTER), now)


def _ask(database: Database, server: Server, machine: MachinePlan, collector: Collector, now: datetime) -> Snapshot:
    kept = Snapshot.objects.filter(database=database, collector=collector.name).first()
    began = time.perf_counter()
    try:
        if server.in_recovery and not collector.on_replica:
            raise Lacking("this server is a replica; only its primary can be asked this")
        found = [plain(row) for row in collector.read(server)][:KEPT_ROWS]
    except Lacking as error:
        return _keep(database, collector, now, None, [Finding(Level.UNKNOWN, collector.title, str(error))], str(error))
    except errors.InsufficientPrivilege as error:
        why = f"golive's role may not see this ({said(error)}); `golive db connect` prints the grants"
        return _keep(database, collector, now, None, [Finding(Level.UNKNOWN, collector.title, why)], why)
    except (errors.QueryCanceled, errors.LockNotAvailable, errors.UndefinedTable, errors.UndefinedColumn) as error:
        why = f"could not be asked this time: {said(error)}"
        return _keep(database, collector, now, None, [Finding(Level.UNKNOWN, collector.title, why)], why)
    except psycopg.Error as error:
        trouble = explain(error, place(url_of(database)))
        if server.connection.closed or isinstance(trouble, DatabaseAway):
            raise trouble from error
        why = f"could not be asked this time: {trouble}"[:500]  # the other questions may well have answers
        return _keep(database, collector, now, None, [Finding(Level.UNKNOWN, collector.title, why)], why)
    given = _given(database, collector, server, machine, kept, now)
    findings = [*collector.judge(found, given), *_hidden(server, collector)]
    snapshot = _keep(database, collector, now, found, findings, "", (time.perf_counter() - began) * 1000)
    if collector.alarms is not None:
        _alarm(database, collector, collector.alarms(found, given), now)
    _record(database, collector.measures(found, given), now)
    if collector.name == "statements":
        _record_statements(database, found, kept, given)
    return snapshot


def _hidden(server: Server, collector: Collector) -> list[Finding]:
    """What is not seen is said: a role without pg_monitor would find all well."""
    if server.sees_others or not collector.of_others:
        return []
    role = sql.Identifier(server.connection.info.user).as_string()
    why = "what other roles do here is hidden from golive's role, so that nothing wrong with it can be seen"
    return [
        Finding(Level.UNKNOWN, collector.title, why, f"GRANT pg_monitor TO {role};", f"REVOKE pg_monitor FROM {role};")
    ]


def plain(row: Row) -> Row:
    """A row as JSON can keep it; times become text."""
    loaded: Row = orjson.loads(orjson.dumps(row, default=str, option=orjson.OPT_UTC_Z))
    return loaded


def _given(
    database: Database, collector: Collector, server: Server, machine: MachinePlan, kept: Snapshot | None, now: datetime
) -> Given:
    usable = kept is not None and not kept.trouble
    return Given(
        now=now,
        version=version_of(server.connection),
        cores=machine.cores,
        memory_bytes=machine.memory,
        disk_bytes=machine.disk,
        before=revived(kept.rows) if kept is not None and usable else (),
        before_at=kept.at if kept is not None and usable else None,
        history=history.daily(database, collector.history, now) if collector.history else (),
    )


def revived(found: Sequence[Row]) -> list[Row]:
    """Rows as they were before they were kept: fields that end in `_at`, and `since`, are instants again."""
    return [{name: _instant(name, value) for name, value in row.items()} for row in found]


def _instant(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name.endswith("_at") or name == "since"):
        try:
            return datetime.fromisoformat(value.replace(" ", "T", 1))
        except ValueError:
            return value
    return value


def _keep(
    database: Database,
    collector: Collector,
    now: datetime,
    found: list[Row] | None,
    findings: Sequence[Finding],
    trouble: str,
    took_ms: float = 0.0,
) -> Snapshot:
    values: dict[str, Any] = {
        "at": now,
        "findings": [asdict(finding) for finding in findings],
        "trouble": trouble[:500],
        "took_ms": took_ms,
    }
    if found is not None:
        values["rows"] = found
    return Snapshot.objects.update_or_create(database=database, collector=collector.name, defaults=values)[0]


def _alarm(database: Database, collector: Collector, alarms: Sequence[Alarm], now: datetime) -> None:
    """Flip what fires; what fired before and is not among the alarms is well again."""
    link = f"/p/{database.project.slug}/database/look/{collector.name}/"
    firing = {alarm.key[:200]: alarm for alarm in alarms}
    known = set(database.conditions.filter(kind=collector.name).values_list("key", flat=True))
    for key in sorted(known | firing.keys() | {""}):
        alarm = firing.get(key)
        if alarm is None:
            well = f"{collector.title} is well" if not key else f"{key} is well"
            judged = Judged(collector.name, State.OK, Severity.INFO, "within its limits", well, key)
        else:
            judged = Judged(
                collector.name, State.FIRING, alarm.severity, alarm.reason, alarm.title, key, after=alarm.after
            )
        conditions.settle(database, judged, now, link)


def _record(database: Database, measures: Any, now: datetime) -> None:
    facts.record("metrics", [_metric(database, name, value, now) for name, value in measures.items()])


def _metric(database: Database, name: str, value: float, now: datetime) -> dict[str, Any]:
    return {
        **_common(database, now),
        "service": "postgresql",
        "name": f"golive.db.{name}",
        "type": "gauge",
        "unit": "1",
        "value": float(value),
        "attributes": {},
        "resource": {"service.name": "postgresql"},
    }


def _common(database: Database, now: datetime) -> dict[str, Any]:
    deploy = Change.objects.filter(project=database.project, kind=Kind.DEPLOY, at__lte=now).order_by("-at").first()
    return {
        "project": database.project.slug,
        "environment": "production",
        "release": deploy.release if deploy else "",
        "synthetic": False,
        "time": now,
    }


def _record_statements(database: Database, found: Sequence[Row], kept: Snapshot | None, given: Given) -> None:
    """What statements did since the last look goes to the store; new texts are kept."""
    before = kept.rows if kept is not None else []
    done = grown(found, before, truncated=len(before) >= KEPT_ROWS)
    common = _common(database, given.now)
    names = ("query_id", "role", "calls", "total_ms", "row_count", "hit", "read", "temp", "wal")
    facts.record(
        "statement_intervals",
        [{**common, "seconds": given.seconds or 0.0, **{name: row[name] for name in names}} for row in done],
    )
    texts = {row["query_id"]: row["text"] for row in found if row["text"]}
    have = set(StatementText.objects.filter(database=database, query_id__in=texts).values_list("query_id", flat=True))
    StatementText.objects.bulk_create(
        [
            StatementText(database=database, query_id=query_id, text=text, first_seen=given.now)
            for query_id, text in texts.items()
            if query_id not in have
        ],
        ignore_conflicts=True,
    )


def of_pace(*paces: Pace) -> list[Collector]:
    """The collectors that ask this often."""
    return [collector for collector in COLLECTORS.values() if collector.pace in paces]
