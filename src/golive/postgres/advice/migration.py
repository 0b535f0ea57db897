"""Advice written as a migration: CREATE INDEX CONCURRENTLY that waits for nobody long, tries again, cleans up.

A build that failed leaves an invalid index behind, which costs every write and serves no read: it is dropped first.
"""

import re
from collections.abc import Sequence

from psycopg import sql

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.plan import Framework

LOCK_TIMEOUT = "2s"


def statements(adds: Sequence[Candidate], drops: Sequence[Index]) -> list[str]:
    """Each statement in order; none may run inside a transaction."""
    found = [f"SET lock_timeout = '{LOCK_TIMEOUT}'", "SET statement_timeout = 0"]
    for one in adds:
        found.append(_drop(one.schema, one.name))  # what a failed attempt left
        found.append(one.create(concurrently=True))
    return found + [_drop(one.schema, one.name) for one in drops]


def undo(adds: Sequence[Candidate], drops: Sequence[Index]) -> list[str]:
    """How to take it back."""
    again = [one.definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1) for one in drops]
    return [_drop(one.schema, one.name) for one in adds] + again


def _drop(schema: str, name: str) -> str:
    return f"DROP INDEX CONCURRENTLY IF EXISTS {sql.Identifier(schema, name).as_string()}"


def written(framework: Framework, adds: Sequence[Candidate], drops: Sequence[Index], app: str = "app") -> str:
    """The migration's text."""
    forth, back = statements(adds, drops), undo(adds, drops)
    if framework is Framework.DJANGO:
        return _django(forth, back, app)
    if framework is Framework.ALEMBIC:
        return _alembic(forth, back)
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
                if statement.startswith("CREATE"):
                    execute(statements[number - 1])  # drops the invalid index that the attempt left
'''


def _django(forth: Sequence[str], back: Sequence[str], app: str) -> str:
    return f'''"""Indexes advised by golive, proved on a copy of production."""

import random
import time

from django.db import migrations

FORTH = {_list(forth)}
BACK = {_list(back)}

{_RETRY}

def forth(apps, schema_editor):
    run(FORTH, schema_editor.execute)


def back(apps, schema_editor):
    run(BACK, schema_editor.execute)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("{_word(app)}", "__latest__")]  # put the name of your app's newest migration here
    operations = [migrations.RunPython(forth, back)]
'''


def _alembic(forth: Sequence[str], back: Sequence[str]) -> str:
    return f'''"""Indexes advised by golive, proved on a copy of production.

Copy `upgrade` and `downgrade` into a revision made with `alembic revision`.
"""

import random
import time

from alembic import op

FORTH = {_list(forth)}
BACK = {_list(back)}

{_RETRY}

def upgrade():
    with op.get_context().autocommit_block():
        run(FORTH, op.execute)


def downgrade():
    with op.get_context().autocommit_block():
        run(BACK, op.execute)
'''


def _list(statements_: Sequence[str]) -> str:
    return "[\n" + "".join(f"    {each!r},\n" for each in statements_) + "]"


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text)
