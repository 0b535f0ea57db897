"""Advice kept: a run saved, and later what production made of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from golive.people.secrets import SecretError, resolve
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice import elsewhere, repeats
from golive.postgres.advice.advise import advise
from golive.postgres.advice.clone import sweep
from golive.postgres.advice.models import Advice, AdviceRun, AdviceUnderWay, Stage
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.prove import Tell, silently
from golive.postgres.advice.report import Report, finding_dict
from golive.postgres.advice.rounds import Course, Lessons
from golive.postgres.advice.traps import Repetition
from golive.postgres.advice.workload import Statement, from_log, from_statistics, joined
from golive.postgres.base import Database
from golive.postgres.choice import replica_urls_of, url_of
from golive.postgres.look import logfile
from golive.postgres.look.plan import PlansPlan
from golive.postgres.session import Connection, sees_others, session
from golive.postgres.trouble import DatabaseTrouble, NotConfigured
from golive.telemetry.store import StoreError

LEAST_CALLS_AFTER = 20
REMEMBERED = timedelta(days=1)
_STATISTICS = """
SELECT stxname AS name FROM pg_catalog.pg_statistic_ext
UNION ALL
SELECT c.relname || '.' || a.attname
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND a.attstattarget > 0
"""


def plan_of(database: Database) -> AdvicePlan:
    """`[database.advice]` as applied."""
    return AdvicePlan.model_validate(database.topic("advice"))


def look(
    database: Database, now: datetime, log: Path | None = None, clone: str | None = None, tell: Tell = silently
) -> Report:
    """Advise for a database. `clone` is a URL that goes before golive.toml's; "" means no proof.

    Saved is only what proofs teach on the way, so that a run that is cut off need not learn it again.
    """
    plan = plan_of(database)
    clone_url = _clone(plan) if clone is None else clone
    if clone_url:
        sweep(clone_url)
    logged = from_log(log.read_text(errors="replace") if log else _kept_log(database))
    with session(url_of(database)) as connection:
        statements = _statements(connection, plan, logged)
        since = _since(connection)
        around = elsewhere.look(connection, replica_urls_of(database))
        repetitions = _repetitions(database, statements, now)
        course = Course(
            tell, lessons(database, now) if clone_url else Lessons(), lambda new: learned(database, new, now)
        )
        report = advise(connection, statements, plan, now, clone_url, repetitions, since, around, course)
        if not sees_others(connection):
            report.notes.append(
                f"The statements of other roles are hidden from {connection.info.user} and not considered: grant it "
                "pg_monitor (`golive db connect` prints the statement)."
            )
    if course.lessons:
        report.notes.append("it went on from what an earlier run, which was cut off, had measured")
    AdviceUnderWay.objects.filter(database=database).delete()
    return report


def lessons(database: Database, now: datetime) -> Lessons:
    """What a run of the last day learned that did not end."""
    found = AdviceUnderWay.objects.filter(database=database, at__gt=now - REMEMBERED).first()
    if found is None:
        return Lessons()
    return Lessons(dict(found.refused), {(schema, table): most for schema, table, most in found.most})


def learned(database: Database, new: Lessons, now: datetime) -> None:
    """Keep what a proof taught."""
    most = [[schema, table, count] for (schema, table), count in new.most.items()]
    values = {"at": now, "refused": dict(new.refused), "most": most}
    AdviceUnderWay.objects.update_or_create(database=database, defaults=values)


def _kept_log(database: Database) -> str:
    """The end of the log that `[database.plans]` names: what really came is better than what statistics suggest."""
    pattern = PlansPlan.model_validate(database.topic("plans")).log
    return logfile.of_file(pattern, "", 0).text if pattern else ""


def _repetitions(database: Database, statements: list[Statement], now: datetime) -> dict[str, Repetition]:
    """What the traces say of N+1; nothing when there are none or the store is away."""
    try:
        return repeats.matched(statements, repeats.seen(database.project.slug, now))
    except StoreError:
        return {}


def _clone(plan: AdvicePlan) -> str:
    try:
        return resolve(plan.clone) if plan.clone else ""
    except SecretError as error:
        raise NotConfigured(f"[database.advice] clone cannot be resolved here. {error}") from error


def _statements(connection: Connection, plan: AdvicePlan, logged: list[Statement]) -> list[Statement]:
    """From the statistics, with the log's arguments; from the log alone where there are no statistics."""
    try:
        return joined(from_statistics(connection, plan.statements), logged)
    except psycopg.errors.UndefinedTable as error:
        if logged:
            return logged
        raise DatabaseTrouble(
            "pg_stat_statements is not in this database, so nobody knows what it is asked: `golive db connect` prints "
            "what to do, or give a server log with --log."
        ) from error
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        if logged:
            return logged
        raise DatabaseTrouble(
            "pg_stat_statements must be in shared_preload_libraries; add it and restart, or give a log with --log."
        ) from error


def _since(connection: Connection) -> datetime | None:
    row = connection.execute(
        "SELECT COALESCE(stats_reset, pg_postmaster_start_time()) AS since FROM pg_stat_database "
        "WHERE datname = current_database()"
    ).fetchone()
    return row["since"] if row else None


def save(database: Database, report: Report, by: str, now: datetime) -> AdviceRun:
    """Keep a report."""
    run = AdviceRun.objects.create(
        database=database,
        at=now,
        by=by,
        statements=len(report.findings),
        proved=report.proved,
        budget_bytes=report.budget_bytes,
        cost_before=report.cost_before,
        cost_after=report.cost_after,
        gap=report.gap,
        seconds=report.seconds,
        note=" ".join(report.notes)[:500],
        findings=[finding_dict(finding) for finding in report.findings],
    )
    known = {finding.key: finding for finding in report.findings}
    for change in report.changes:
        mine = [known[key] for key in change.keys if key in known]
        calls = sum(finding.calls for finding in mine)
        Advice.objects.create(
            run=run,
            kind=change.kind,
            name=change.name,
            table=change.table,
            statement=change.statement,
            undo=change.undo,
            reason=change.reason,
            stage=change.stage,
            size_bytes=change.size_bytes,
            predicted_ratio=change.predicted_ratio,
            proved_before_ms=change.before_ms,
            proved_after_ms=change.after_ms,
            seen_before_ms=sum(finding.total_ms for finding in mine) / calls if calls else None,
            keys=[{"key": finding.key, "calls": finding.calls, "total_ms": finding.total_ms} for finding in mine],
        )
    return run


def follow(database: Database, now: datetime) -> list[Advice]:
    """Look whether proved indexes are in production by now, and what their statements take since."""
    proved = Advice.objects.filter(run__database=database, stage=Stage.PROVED)
    waiting, leaving = proved.filter(kind__in=("add", "statistics")), proved.filter(kind="drop")
    if not proved.exists():
        return []
    with session(url_of(database)) as connection:
        have = {
            index.name
            for table in catalogs.read(connection, [one.table.rpartition(".")[2] for one in proved]).tables.values()
            for index in table.indexes
            if index.valid
        }
        gone = [one for one in leaving if one.name not in have]
        have |= {row["name"] for row in connection.execute(_STATISTICS)}
        current = {one.key: one for one in from_statistics(connection, 5000)}
    for one in gone:
        one.seen_at, one.stage = now, Stage.SEEN
        one.save()
    return [*gone, *(one for one in waiting if one.name in have and _seen(one, current, now))]


def _seen(one: Advice, current: Mapping[str, Statement], now: datetime) -> bool:
    """Count from when the index was first met; after enough calls say what they took."""
    if not all("met" in each for each in one.keys):
        for each in one.keys:
            found = current.get(each["key"])
            each["met"] = [found.calls, found.total_ms] if found else [0.0, 0.0]
        one.save()
        return False
    calls = total = 0.0
    for each in one.keys:
        found = current.get(each["key"])
        if found is not None and found.calls >= each["met"][0]:
            calls += found.calls - each["met"][0]
            total += found.total_ms - each["met"][1]
    if calls < LEAST_CALLS_AFTER:
        return False
    one.seen_after_ms, one.seen_at, one.stage = total / calls, now, Stage.SEEN
    one.save()
    return True
