"""Advice as a migration, really applied by Django, Alembic and psql, in spite of locks and a failed build, and back."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from golive.postgres.advice.candidate import Candidate, Key
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.migration import added, dropped, kept, written
from golive.postgres.advice.plan import Framework
from golive.sandbox.servers import find_program
from tests.postgres.conftest import Place

NEW = Candidate("public", "orders", (Key("customer_id"),), predicate="note LIKE 'a%' AND note <> 'x :b'::text")
OLD = Index("orders_old", ("note",), definition="CREATE INDEX orders_old ON public.orders USING btree (note)")
GUESS = kept(
    "statistics",
    "CREATE STATISTICS public.two (mcv) ON customer_id, note FROM public.orders;\nANALYZE public.orders",
    "DROP STATISTICS IF EXISTS public.two",
)
STEPS = [added(NEW), dropped(OLD), GUESS]
Apply = Callable[[Place, Path, bool], None]


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def by_django(place: Place, folder: Path, forth: bool) -> None:
    migrations = folder / "shop" / "migrations"
    migrations.mkdir(parents=True, exist_ok=True)
    for package in (migrations.parent, migrations):
        (package / "__init__.py").touch()
    (migrations / "0001_initial.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    operations = []\n"
    )
    (migrations / "0002_indexes.py").write_text(written(Framework.DJANGO, STEPS, "shop", "0001_initial"))
    (folder / "conf.py").write_text(
        "INSTALLED_APPS = ['shop']\nUSE_TZ = True\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', "
        f"'NAME': {place.name!r}, 'HOST': '127.0.0.1', 'PORT': {place.server.port}, 'USER': {place.server.user!r}, "
        f"'PASSWORD': {place.server.password!r}}}}}\n"
    )
    to = [] if forth else ["0001"]
    run(folder, sys.executable, "-m", "django", "migrate", "shop", *to, "--settings", "conf", "--pythonpath", ".")


def by_alembic(place: Place, folder: Path, forth: bool) -> None:
    alembic = [sys.executable, "-m", "alembic"]
    if not (folder / "alembic.ini").exists():
        run(folder, *alembic, "init", "script")
        (folder / "script" / "versions" / "indexes.py").write_text(written(Framework.ALEMBIC, STEPS))
        ini, url = folder / "alembic.ini", place.url.replace("postgresql://", "postgresql+psycopg://")
        lines = [
            f"sqlalchemy.url = {url}" if line.startswith("sqlalchemy.url") else line
            for line in ini.read_text().splitlines()
        ]
        ini.write_text("\n".join(lines))
    run(folder, *alembic, *(["upgrade", "head"] if forth else ["downgrade", "base"]))


def by_psql(place: Place, folder: Path, forth: bool) -> None:
    """Its way out of a lock timeout is to be run again, as its first lines say."""
    text = written(Framework.SQL, STEPS)
    if not forth:
        text = text.partition("-- To undo:\n")[2].replace("-- ", "")
    (folder / "indexes.sql").write_text(text)
    psql = str(find_program("psql", "usr/lib/postgresql/*/bin"))
    for _ in range(20):
        command = [psql, "-v", "ON_ERROR_STOP=1", "-f", "indexes.sql", place.url]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return
        assert "lock timeout" in done.stderr
    raise AssertionError(done.stderr)


@pytest.fixture
def blocked(place: Place) -> Iterator[threading.Thread]:
    """A table whose last build failed, and which a forgotten transaction holds for longer than the lock timeout."""
    place.run("CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text)")
    place.run("INSERT INTO orders SELECT n, 1, 'a' FROM generate_series(1, 100) n")
    place.run("CREATE INDEX orders_old ON orders (note)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        place.run(f"CREATE UNIQUE INDEX CONCURRENTLY {NEW.name} ON orders (customer_id)")
    ready = threading.Event()

    def hold() -> None:
        with psycopg.connect(place.url) as connection:
            connection.execute("LOCK orders IN ACCESS EXCLUSIVE MODE")
            ready.set()
            time.sleep(3)

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait()
    yield holder
    holder.join()


@pytest.mark.parametrize("apply", [by_django, by_alembic, by_psql])
def test_applied_in_spite_of_locks_and_taken_back(
    place: Place, blocked: threading.Thread, apply: Apply, tmp_path: Path
) -> None:
    def indexes() -> dict[str, bool]:
        found = place.run(
            "SELECT c.relname, i.indisvalid AND NOT i.indisunique FROM pg_index i "
            "JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'orders'::regclass AND NOT indisprimary"
        )
        return dict(found)  # type: ignore[arg-type]

    assert indexes() == {"orders_old": True, NEW.name: False}
    assert blocked.is_alive()
    apply(place, tmp_path, True)
    assert indexes() == {NEW.name: True}
    assert place.run("SELECT stxname FROM pg_statistic_ext WHERE stxrelid = 'orders'::regclass") == [("two",)]
    apply(place, tmp_path, False)
    assert indexes() == {"orders_old": True}
    assert place.run("SELECT 1 FROM pg_statistic_ext WHERE stxrelid = 'orders'::regclass") == []
