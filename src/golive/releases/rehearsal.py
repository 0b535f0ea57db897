"""A migration tried on a copy of production's schema: what it says, which locks it takes, and what squawk thinks."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from golive.people.secrets import SecretError, resolve
from golive.releases import apart, databases, runtime, schema
from golive.releases.databases import DatabaseError
from golive.releases.errors import StepFailed
from golive.releases.models import Deploy, Environment
from golive.releases.sites import PRODUCTION
from golive.releases.target import Tell

REHEARSE_SECONDS = 300.0
STRONG = ("AccessExclusiveLock", "ExclusiveLock", "ShareRowExclusiveLock", "ShareLock")
# What takes away something that the release before still uses: after it no rollback is possible.
DESTRUCTIVE = {
    "ban-drop-column": "drops a column",
    "ban-drop-table": "drops a table",
    "ban-drop-database": "drops a database",
    "renaming-column": "renames a column",
    "renaming-table": "renames a table",
    "changing-column-type": "changes a column's type",
    "adding-required-field": "adds a column that must be given",
}
OURS = "require-lock-timeout,require-statement-timeout,prefer-robust-stmts"  # the deploy sees to these
_NOTE = """
CREATE TABLE public.golive_rehearsal (id bigserial PRIMARY KEY, statement text, locks jsonb);
CREATE FUNCTION public.golive_note() RETURNS event_trigger LANGUAGE plpgsql AS $note$
BEGIN
  INSERT INTO public.golive_rehearsal (statement, locks)
  SELECT current_query(), coalesce(jsonb_agg(DISTINCT jsonb_build_array(c.relname, l.mode)), '[]')
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
  WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p');
END $note$;
CREATE EVENT TRIGGER golive_note ON ddl_command_end EXECUTE FUNCTION public.golive_note();
"""


@dataclass(frozen=True)
class Finding:
    """What squawk says of a statement."""

    rule: str
    message: str
    line: int


@dataclass(frozen=True)
class Rehearsal:
    """`known` is whether the statements could be seen; locks are on tables that were there before."""

    known: bool
    said: str
    statements: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def destructive(self) -> list[str]:
        return sorted({DESTRUCTIVE[one.rule] for one in self.findings if one.rule in DESTRUCTIVE})

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "destructive": self.destructive}


def rehearse(deploy: Deploy, tell: Tell) -> Rehearsal:
    """Run the migration on a copy. Raises StepFailed when it fails there: production is then never touched.

    A preview's is tried on production's schema, copied to the previews' server: it learns no password of production's.
    """
    settings = runtime.settings_of(deploy.release)
    environment = runtime.deploy_environment(deploy)
    url, server = environment.get(settings.database, ""), None
    if deploy.environment.is_preview:
        url = _of_production(deploy, settings.database)
    if not url:
        return Rehearsal(False, f"not rehearsed: the variable {settings.database} is not set")
    try:
        server = resolve(settings.previews.database) if deploy.environment.is_preview else None
        with databases.schema_copy(url, server) as copy:
            noted, before = _prepare(copy)
            given = schema.patient({**environment, settings.database: copy}, settings.lock_timeout)
            ended = apart.run(
                deploy.environment, runtime.argv(settings.release, given), Path(deploy.release.folder), given, tell,
                timeout_seconds=REHEARSE_SECONDS,
            )  # fmt: skip
            if not ended.well:
                raise StepFailed(f"The migration failed in rehearsal, production was not touched: {ended.said}")
            if not noted:
                return Rehearsal(False, "it works on a copy; its statements could not be seen (needs a superuser)")
            return _read(copy, before)
    except (DatabaseError, SecretError) as error:
        return Rehearsal(False, f"not rehearsed: {error}")


def _of_production(deploy: Deploy, variable: str) -> str:
    found = Environment.objects.filter(project=deploy.environment.project, name=PRODUCTION).exclude(live=None).first()
    return runtime.deploy_environment(found.live).get(variable, "") if found and found.live else ""


def _prepare(url: str) -> tuple[bool, frozenset[str]]:
    with psycopg.connect(databases.plain(url), autocommit=True) as connection:
        rows = connection.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384")
        before = frozenset(str(name) for (name,) in rows)
        try:
            connection.execute(_NOTE)
        except psycopg.errors.InsufficientPrivilege:
            return False, before
    return True, before


def _read(url: str, before: frozenset[str]) -> Rehearsal:
    with psycopg.connect(databases.plain(url)) as connection:
        rows = connection.execute("SELECT statement, locks FROM public.golive_rehearsal ORDER BY id").fetchall()
    return judge([(str(text), [(str(t), str(m)) for t, m in locks]) for text, locks in rows], before)


def judge(rows: Sequence[tuple[str, Sequence[tuple[str, str]]]], before: frozenset[str]) -> Rehearsal:
    """The rehearsal's result from its statements and the locks held after each."""
    statements = tuple(dict.fromkeys(text.strip().rstrip(";") for text, _ in rows))
    locks = {
        f"{table}: {mode}" for _, held in rows for table, mode in held if table in before and mode in STRONG
    }  # fmt: skip
    findings = tuple(lint(statements)) if statements else ()
    said = f"{len(statements)} statements" if statements else "nothing to change"
    if locks:
        said += f"; locks {', '.join(sorted(locks))}"
    if findings:
        said += f"; squawk: {', '.join(sorted({one.rule for one in findings}))}"
    return Rehearsal(True, said, statements, tuple(sorted(locks)), findings)


def lint(statements: Sequence[str]) -> list[Finding]:
    """squawk's findings over the statements."""
    program = Path(sys.executable).with_name("squawk")
    if not program.exists():
        return []
    text = ";\n".join(statements) + ";\n"
    done = subprocess.run(
        [str(program), "--reporter", "json", "--exclude", OURS, "--stdin-filepath", "migration.sql"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    try:
        rows = json.loads(done.stdout)
    except ValueError:
        return []
    return [Finding(str(row["rule_name"]), str(row["message"])[:300], int(row["line"])) for row in rows]
