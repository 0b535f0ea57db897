"""Advice written as a migration: CREATE INDEX CONCURRENTLY that waits for nobody long, tries again, cleans up.

A build that failed leaves an invalid index behind, which costs every write and serves no read: it is dropped first.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.plan import Framework

LOCK_TIMEOUT = "2s"


BEGIN = (f"SET lock_timeout = '{LOCK_TIMEOUT}'", "SET statement_timeout = 0")
END = ("RESET lock_timeout", "RESET statement_timeout")


@dataclass(frozen=True)
class Step:
    """One change: what clears the way for it (what a failed attempt left), the change, and its way back."""

    statements: tuple[str, ...]
    undo: tuple[str, ...]
    clear: tuple[str, ...] = ()


def added(one: Candidate) -> Step:
    drop = _drop(one.schema, one.name)
    return Step((one.create(concurrently=True),), (drop,), (drop,))


def dropped(one: Index) -> Step:
    return Step((_drop(one.schema, one.name),), (one.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1),))


def kept(kind: str, statement: str, undo_: str) -> Step:
    """A change as it was kept in words."""
    forth, back = tuple(statement.split(";\n")), tuple(undo_.split(";\n"))
    if kind == "drop":
        return Step(
            forth, tuple(re.sub(r"^CREATE INDEX (?!CONCURRENTLY)", "CREATE INDEX CONCURRENTLY ", each) for each in back)
        )
    return Step(forth, back, back if statement.startswith("CREATE") else ())


def statements(adds: Sequence[Candidate], drops: Sequence[Index]) -> list[str]:
    """Each statement in order; none may run inside a transaction."""
    return _forth([*map(added, adds), *map(dropped, drops)])


def _forth(steps: Iterable[Step]) -> list[str]:
    return [*BEGIN, *(each for step in steps for each in (*step.clear, *step.statements)), *END]


def _back(steps: Iterable[Step]) -> list[str]:
    return [each for step in steps for each in step.undo]


def undo(adds: Sequence[Candidate], drops: Sequence[Index]) -> list[str]:
    """How to take it back."""
    return _back([*map(added, adds), *map(dropped, drops)])


def _drop(schema: str, name: str) -> str:
    return f"DROP INDEX CONCURRENTLY IF EXISTS {sql.Identifier(schema, name).as_string()}"


def written(framework: Framework, steps: Sequence[Step], app: str = "", after: str = "") -> str:
    """The migration's text. `app` and `after`: the Django app and the migration (or Alembic revision) it follows."""
    forth, back = _forth(steps), [*BEGIN, *_back(steps), *END]
    if framework is Framework.DJANGO:
        return _django(forth, back, app, after)
    if framework is Framework.ALEMBIC:
        return _alembic(forth, back, after)
    return _plain(forth, back)


def _plain(forth: Sequence[str], back: Sequence[str]) -> str:
    head = "-- Run with psql, statement by statement, outside a transaction. A statement that fails with a lock\n"
    head += "-- timeout has changed nothing that matters: run the file again, it begins by cleaning up.\n"
    return (
        head + "".join(f"{each};\n" for each in forth) + "\n-- To undo:\n" + "".join(f"-- {each};\n" for each in back)
    )


_RETRY = '''
def run(statements, execute):
    """Each statement again after a lock timeout, up to ten times: an old transaction may hold the table."""
    for number, statement in enumerate(statements):
        for attempt in range(10):
            try:
                execute(statement)
                break
            except Exception as error:
                cause = error.__cause__ or getattr(error, "orig", error)
                if getattr(cause, "sqlstate", getattr(cause, "pgcode", "")) != "55P03" or attempt == 9:
                    raise
                time.sleep(2**attempt / 10 * random.uniform(1, 2))
                if statement.startswith("CREATE INDEX"):
                    run([statements[number - 1]], execute)  # drops the invalid index that the attempt left
'''


def _django(forth: Sequence[str], back: Sequence[str], app: str, after: str) -> str:
    needs = f'("{_word(app)}", "{_word(after)}")' if app and after else ""
    hint = "" if needs else "  # put ('your app', 'its newest migration') here"
    return f'''"""Indexes advised by golive, proved on a copy of production."""

import random
import time

from django.db import migrations

FORTH = {_list(forth)}
BACK = {_list(back)}

{_RETRY}

def forth(apps, schema_editor):
    run(FORTH, lambda statement: schema_editor.execute(statement, params=None))


def back(apps, schema_editor):
    run(BACK, lambda statement: schema_editor.execute(statement, params=None))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [{needs}]{hint}
    operations = [migrations.RunPython(forth, back)]
'''


def _alembic(forth: Sequence[str], back: Sequence[str], after: str) -> str:
    mark = hashlib.sha256("".join(forth).encode()).hexdigest()[:12]
    hint = "" if after else "  # put your newest revision here"
    return f'''"""Indexes advised by golive, proved on a copy of production."""

import random
import re
import time

from alembic import op
from sqlalchemy import text

revision = "{mark}"
down_revision = {after or None!r}{hint}
branch_labels = None
depends_on = None

FORTH = {_list(forth)}
BACK = {_list(back)}

{_RETRY}

def execute(statement):
    op.execute(text(re.sub(r"(?<![:\\w]):(?=\\w)", r"\\:", statement)))  # a colon is no parameter here


def upgrade():
    with op.get_context().autocommit_block():
        run(FORTH, execute)


def downgrade():
    with op.get_context().autocommit_block():
        run(BACK, execute)
'''


def _list(statements_: Sequence[str]) -> str:
    return "[\n" + "".join(f"    {each!r},\n" for each in statements_) + "]"


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text)
