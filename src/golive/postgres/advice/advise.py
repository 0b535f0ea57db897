"""The advisor's story: read the workload, search, prove on a clone, report."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection
from sqlglot import exp

from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice import guesses, migration, trigger, upkeep
from golive.postgres.advice.access import ParseError, parse, read
from golive.postgres.advice.arguments import samples
from golive.postgres.advice.candidate import Candidate, covers
from golive.postgres.advice.candidates import as_candidate, too_small
from golive.postgres.advice.catalog import Catalog, Index
from golive.postgres.advice.choose import Terms
from golive.postgres.advice.clone import FOREVER, scratch
from golive.postgres.advice.elsewhere import NOWHERE, Elsewhere
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.prove import Proof, Prover
from golive.postgres.advice.really import Really
from golive.postgres.advice.report import Change, Finding, Report
from golive.postgres.advice.rounds import ALONE, Course, Settled, settle
from golive.postgres.advice.search import Found, search
from golive.postgres.advice.traps import Repetition, deepest, repeated, traps
from golive.postgres.advice.trial import Trial
from golive.postgres.advice.verdict import Verdict
from golive.postgres.advice.whatif import CannotPrice, WhatIf
from golive.postgres.advice.workload import Query, Statement
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble

LEAST_BUDGET = 64 << 20
WORTH = 0.002  # of the workload's cost, for which alone no index is added
MOST_UNPRICED = 4
_WITHOUT = (
    "Index advice asks the planner with the extension HypoPG, which is not there ({}). Name a copy of the database as "
    "[database.advice] clone: there the indexes are really built and need no extension. Or install HypoPG (Debian: "
    "postgresql-15-hypopg; managed servers offer it) and run CREATE EXTENSION hypopg."
)


def advise(
    connection: Connection[Any],
    statements: Sequence[Statement],
    plan: AdvicePlan,
    now: datetime,
    clone_url: str = "",
    repetitions: Mapping[str, Repetition] | None = None,
    since: datetime | None = None,
    elsewhere: Elsewhere = NOWHERE,
    course: Course = ALONE,
) -> Report:
    """Advise for a workload. With `clone_url` it is proved on a copy of that database, without it is predicted only."""
    began = time.monotonic()
    findings = {one.key: Finding(one.key, one.text, one.calls, one.total_ms) for one in statements[: plan.statements]}
    known = catalogs.read(connection, _tables(statements[: plan.statements]))
    queries = _queries(statements[: plan.statements], known, findings, repetitions or {})
    report = Report(list(findings.values()), [], bool(clone_url))
    with ExitStack() as stack:
        if clone_url:
            url = stack.enter_context(scratch(clone_url))
            here: Connection[Any] = stack.enter_context(
                session(url, read_only=False, statement_timeout=FOREVER, lock_timeout=timedelta(seconds=10))
            )
            missing = _hypopg(here)
            pricer = Really(here) if missing else WhatIf(here)
            catalog = catalogs.read(here, [table.name for table in known.tables.values()])
            report.notes += _differences(known, catalog)
        else:
            here, catalog = connection, known
            if missing := _hypopg(here):
                raise DatabaseTrouble(_WITHOUT.format(missing))
            pricer = WhatIf(here)
        removals = upkeep.removals(known, since, now, elsewhere.scans, elsewhere.replicas, elsewhere.foreign_keys)
        report.budget_bytes = max(round(_size(here) * plan.storage), LEAST_BUDGET)
        course.tell(f"asks the planner about {len(queries)} statements")
        found = search(
            here,
            queries,
            catalog,
            Terms(report.budget_bytes),
            _droppable(catalog, removals, queries) if clone_url else (),
            WORTH,
            pricer=pricer,
            provable=bool(clone_url),
        )
        report.notes += [found.note] if found.note else []
        report.cost_before, report.cost_after = found.before, found.after
        report.gap, report.explains = found.choice.gap, found.explains
        pricer.reset()
        _reads(pricer, queries, catalog, findings)
        if clone_url:
            found = _proved(here, queries, found, catalog, plan, report, findings, course)
        else:
            _predicted(found, report)
        _silences(queries, found, report, findings)
    report.changes += [_removal(one) for one in removals if one.advised and not _mentioned(report, one.index.name)]
    report.seconds = time.monotonic() - began
    return report


def _tables(statements: Sequence[Statement]) -> list[str]:
    names: set[str] = set()
    for one in statements:
        try:
            names |= {table.name for table in parse(one.text).find_all(exp.Table)}
        except ParseError:
            continue
    return sorted(names)


def _queries(
    statements: Sequence[Statement],
    catalog: Catalog,
    findings: Mapping[str, Finding],
    repetitions: Mapping[str, Repetition],
) -> list[Query]:
    queries = []
    for one in statements:
        finding = findings[one.key]
        try:
            reading = read(one.text, catalog)
        except ParseError as error:
            finding.silence = str(error)
            continue
        rows = one.rows / one.calls if one.calls else 0.0
        found = traps(reading, catalog, rows, deepest(reading, one.recorded))
        finding.traps = [*found, *repeated(reading, repetitions.get(one.key))]
        if not reading.accesses and reading.target is None:
            finding.silence = "it touches no table of this database"
            continue
        queries.append(Query(one, reading, samples(one.text, reading, one.recorded)))
    return queries


def _hypopg(connection: Connection[Any]) -> str:
    """Make HypoPG ready; what stands against it, or ""."""
    try:
        row = connection.execute("SELECT 1 FROM pg_catalog.pg_extension WHERE extname = 'hypopg'").fetchone()
        if row is None:
            connection.execute("CREATE EXTENSION hypopg")
        connection.execute("SELECT hypopg_reset()")
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    return ""


def _size(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT pg_catalog.pg_database_size(current_database())").fetchone()
    return int(next(iter(row.values())) if isinstance(row, dict) else row[0]) if row else 0


def _differences(production: Catalog, clone: Catalog) -> list[str]:
    """Where the clone is so unlike production that its word counts less."""
    said = []
    for key, table in production.tables.items():
        copy = clone.tables.get(key)
        if copy is None:
            said.append(f"{table.name} is not on the clone: statements on it were not proved")
        elif table.rows > 1000 and not 0.5 <= (copy.rows + 1) / table.rows <= 2:
            said.append(f"{table.name} has {copy.rows:,.0f} rows on the clone and {table.rows:,.0f} in production")
    return said


def _droppable(catalog: Catalog, removals: Sequence[upkeep.Removal], queries: Sequence[Query]) -> list[Index]:
    """Indexes that may go: unused for a season, or the beginning of one that could take their place."""
    unused = {one.index.name for one in removals if one.advised}
    found = []
    for key in {access.table.key for query in queries for access in query.reading.accesses}:
        table = catalog.tables.get(key)
        for index in table.indexes if table else ():
            plain = not index.unique and not index.constrained and index.valid
            if index.name in unused and plain:
                found.append(index)
    return found


def _reads(whatif: WhatIf, queries: Sequence[Query], catalog: Catalog, findings: Mapping[str, Finding]) -> None:
    for query in queries:
        for sample in query.samples[:1]:
            try:
                worst = trigger.reads_too_much(whatif.plan(sample.text).tree, catalog)
            except CannotPrice:
                continue
            if worst is not None:
                findings[query.key].reads = str(worst)


def _proved(
    connection: Connection[Any],
    queries: Sequence[Query],
    found: Found,
    catalog: Catalog,
    plan: AdvicePlan,
    report: Report,
    findings: Mapping[str, Finding],
    course: Course,
) -> Found:
    """Prove the choice, and make it again without what the proof refuses; the choice that it ended with."""
    extra = _unpriced(found, findings)
    prover = Prover(connection, queries, plan.bound, course.tell)
    settled = settle(prover, found, extra, lambda adds: _replaced(catalog, adds), course)
    proof, found = settled.proof, settled.found
    report.rounds, report.cost_after, report.gap = settled.rounds, found.after, found.choice.gap
    report.changes += _refusals(settled, extra)
    for one in proof.trials:
        if one.before and (worst := trigger.measured(one.before.worst, catalog)):
            findings[one.query.key].reads = str(worst)
    for built in proof.kept:
        trials = _helped(proof, built.candidate)
        change = _add(built.candidate, built.size_bytes, _because(trials, findings), "proved", _ratio(found))
        change.before_ms = sum(one.weight * one.judgement.before_ms for one in trials)
        change.after_ms = sum(one.weight * one.judgement.after_ms for one in trials)
        change.keys = sorted({one.query.key for one in trials})
        report.changes.append(change)
    for index in proof.drops:
        report.changes.append(_drop(index, catalog, "no statement needs it any more; writes get cheaper", "proved"))
    for one in proof.trials:
        finding = findings[one.query.key]
        if not finding.verdict or one.judgement.verdict is Verdict.FASTER:
            finding.verdict = one.judgement.verdict.value
            finding.before_ms, finding.after_ms = one.judgement.before_ms, one.judgement.after_ms
    guessed = guesses.mended(prover.clone, queries, proof.trials, plan.bound, course.tell)
    report.changes += [_statistics(one) for one in guessed]
    return found


def _statistics(one: guesses.Guessed) -> Change:
    """Statistics to gather, or why not."""
    wanted, faster = one.statistics, one.faster
    return Change(
        "statistics",
        wanted.name,
        wanted.table,
        ";\n".join(wanted.statements),
        ";\n".join(wanted.undo),
        one.refused or wanted.reason,
        "refused" if one.refused else "proved",
        before_ms=sum(each.weight * each.judgement.before_ms for each in faster),
        after_ms=sum(each.weight * each.judgement.after_ms for each in faster),
        keys=sorted({each.query.key for each in faster}),
    )


def _refusals(settled: Settled, extra: Sequence[Candidate]) -> list[Change]:
    """What was tried and is not advised, with the objection."""
    sizes = {one.name: (one.candidate, one.size_bytes) for one in settled.found.options if one.candidate}
    sizes |= {one.body(): (one, 0) for one in extra}
    known = [(*sizes[body], reason) for body, reason in settled.refused.items() if body in sizes]
    return [_add(one, size, reason, "refused", _ratio(settled.found)) for one, size, reason in known if one]


def _unpriced(found: Found, findings: Mapping[str, Finding]) -> list[Candidate]:
    """Kinds that HypoPG cannot imagine (GIN), for statements that read far too much: only building them tells."""
    wanted = [
        one
        for key, many in found.candidates.items()
        if findings[key].reads
        for one in many
        if one.method == "gin" and one in found.unpriced
    ]
    return list(dict.fromkeys(wanted))[:MOST_UNPRICED]


def _replaced(catalog: Catalog, adds: Sequence[Candidate]) -> list[Index]:
    """Existing plain indexes that a new one begins with: it takes their place."""
    found = []
    for one in adds:
        table = catalog.tables[one.schema, one.table]
        for index in table.indexes:
            plain = not index.unique and not index.constrained and index.valid and index.method == "btree"
            if plain and covers(one, as_candidate(index, table)) and index not in found:
                found.append(index)
    return found


def _helped(proof: Proof, candidate: Candidate) -> list[Trial]:
    return [
        one
        for one in proof.trials
        if one.judgement.verdict is Verdict.FASTER and one.after and candidate.name in one.after.indexes
    ]


def _because(trials: Sequence[Trial], findings: Mapping[str, Finding]) -> str:
    best = max(trials, key=lambda one: one.weight * (one.judgement.before_ms - one.judgement.after_ms), default=None)
    if best is None:
        return ""
    reads = findings[best.query.key].reads
    pages = f", {best.before.pages:,} pages to {best.after.pages:,}" if best.before and best.after else ""
    said = f"{best.judgement.before_ms:.2f} ms to {best.judgement.after_ms:.2f} ms{pages} for: "
    return said + " ".join(best.text.split())[:160] + (f" (it {reads})" if reads else "")


def _predicted(found: Found, report: Report) -> None:
    for option in found.adds:
        if option.candidate:
            keys = sorted({row.key for row in found.rows if any(option.name in atom.options for atom in row.atoms)})
            change = _add(
                option.candidate, option.size_bytes, "the planner expects it to pay", "predicted", _ratio(found)
            )
            report.changes.append(replace(change, keys=keys))


def _silences(queries: Sequence[Query], found: Found, report: Report, findings: Mapping[str, Finding]) -> None:
    """Why a statement has no advice; every statement without one has a reason."""
    helped = {key for change in report.changes if change.stage != "refused" for key in change.keys}
    refused = {one.candidate: one.reason for one in report.changes if one.stage == "refused"}
    for query in queries:
        finding = findings[query.key]
        if query.key in helped or finding.silence:
            continue
        wanted = found.candidates.get(query.key, [])
        tables = [access.table for access in query.reading.accesses]
        objection = next((reason for one, reason in refused.items() if one in wanted and reason), "")
        if query.key in found.silent:
            finding.silence = found.silent[query.key]
        elif tables and all(too_small(table) for table in tables):
            finding.silence = "its tables are small: reading them whole is as good"
        elif not tables:
            finding.silence = "it only writes: no index can help"
        elif objection:
            finding.silence = f"an index was tried and refused: {objection}"
        elif not wanted:
            finding.silence = "the indexes it needs are there already, or it filters by nothing that one serves"
        else:
            finding.silence = f"none of {len(wanted)} possible indexes saves enough for what it costs"


def _ratio(found: Found) -> float | None:
    return found.after / found.before if found.before else None


def _add(one: Candidate, size: int, reason: str, stage: str, ratio: float | None) -> Change:
    return Change(
        "add",
        one.name,
        f"{one.schema}.{one.table}",
        one.create(concurrently=True),
        migration.undo([one], [])[0],
        reason,
        stage,
        size,
        ratio,
        candidate=one,
    )


def _drop(index: Index, catalog: Catalog, reason: str, stage: str) -> Change:
    owner = next((table for table in catalog.tables.values() if index in table.indexes), None)
    return Change(
        "drop",
        index.name,
        f"{owner.schema}.{owner.name}" if owner else "",
        migration.statements([], [index])[-1],
        index.definition,
        reason,
        stage,
        index.size_bytes,
        index=index,
    )


def _removal(one: upkeep.Removal) -> Change:
    return _drop(one.index, Catalog({one.table.key: one.table}), one.reason, "predicted")


def _mentioned(report: Report, name: str) -> bool:
    return any(change.name == name for change in report.changes)
