"""Two weeks in some minutes: real PostgreSQL and pgbench's load each day, golive's looks dated as those days.

python -m bench.review [--seconds 3] [--html FOLDER]

The first week lacks an index on events, which its review advises and whose migration is then applied. On the tenth
day release 2 is deployed: it drops the index on orders by mistake, and asks a new, costly question. The second
week's review must tell that: what got slower since which deploy, what is new, what to do, what the advice brought.
"""

import argparse
import re
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from golive.changes.models import Change, Kind
from golive.notify.models import OutboxMessage
from golive.people.models import Project, Role, User
from golive.postgres.advice import keep, migration, record
from golive.postgres.advice.plan import Framework
from golive.postgres.look import review, run, sampling
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.models import Database
from golive.postgres.section import DatabaseSection, apply
from golive.sandbox.servers import PostgresServer, find_program
from golive.telemetry import facts
from tests.telemetry.stores import running_store

SCHEMA = """
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int, state text, total int, pad text DEFAULT repeat('x', 60));
INSERT INTO orders (customer_id, state, total) SELECT n % 20000, 'paid', n FROM generate_series(1, 200000) n;
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE events (id serial PRIMARY KEY, account int, pad text DEFAULT repeat('y', 60));
INSERT INTO events (account) SELECT n % 9000 FROM generate_series(1, 150000) n;
VACUUM (ANALYZE)
"""
ALWAYS = """
\\set c random(1, 20000)
\\set a random(1, 9000)
SELECT * FROM orders WHERE customer_id = :c;
SELECT count(*) FROM events WHERE account = :a;
UPDATE orders SET total = total + 1 WHERE id = :c;
"""
NEW = "SELECT state, sum(total) FROM orders WHERE total > :c GROUP BY state;\n"
DEPLOYED = 10


def load(server: PostgresServer, seconds: int, script: str) -> None:
    program = find_program("pgbench", "usr/lib/postgresql/*/bin")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(program), "-n", "-f", file.name, "-T", str(seconds), server.url("shop")]
        subprocess.run(command, check=True, capture_output=True)


def day(server: PostgresServer, database: Database, at: datetime, seconds: int, script: str) -> None:
    """A day's load between two looks, and the plans of that day."""
    run.look(database, at, COLLECTORS.values())
    load(server, seconds, script)
    run.look(database, at + timedelta(minutes=5), COLLECTORS.values())
    sampling.sample(database, at + timedelta(minutes=5))


def execute(url: str, text: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in re.sub("(?m)^--.*$", "", text).split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())


def advised(server: PostgresServer, database: Database, at: datetime) -> str:
    """Asked the day before the review, proved on a copy; the migration of what is proved."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop_copy")
    copy = server.create_database("shop_copy", template="shop")
    kept = keep.save(database, keep.look(database, at, clone=copy), "golive", at)
    return migration.written(Framework.SQL, record.steps(kept))


def deployed(project: Project, at: datetime, name: str) -> None:
    """A deploy on record, a minute before."""
    Change.objects.create(
        project=project, kind=Kind.DEPLOY, at=at - timedelta(minutes=1), subject=name, release=f"r{name}",
        title=f"release {name}",
    )  # fmt: skip


def weeks(server: PostgresServer, seconds: int) -> Database:
    url = server.create_database("shop")
    execute(url, "CREATE EXTENSION pg_stat_statements;\nCREATE EXTENSION hypopg;\n" + SCHEMA)
    project = Project.objects.create(slug="shop", name="Shop")
    secret = server.folder / "golive_url"
    secret.write_text(url)
    apply(project.pk, DatabaseSection(url=f"file:{secret}", admin=f"file:{secret}"), "bench")
    database = Database.objects.select_related("project").get(project=project)
    User.objects.create_person("ada@shop.example", "correct horse battery", Role.OWNER)
    end = timezone.now()
    begin, script = end - timedelta(days=14), ALWAYS
    for number in range(14):
        at = begin + timedelta(days=number, hours=1)
        if number == 0:
            deployed(project, at, "1")
        if number == DEPLOYED:
            deployed(project, at, "2")
            execute(url, "DROP INDEX orders_customer;\n")
            script = ALWAYS + NEW
        day(server, database, at, seconds, script)
        if number in (6, 13):
            asked = at + timedelta(hours=1)
            text = advised(server, database, asked)
            facts.flush()
            review.make(database, asked.date(), asked + timedelta(hours=1))
            if number == 6:
                execute(url, text)
        if number in (7, 8, 9):
            keep.follow(database, at + timedelta(hours=2))
    return database


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=3, help="of load a day")
    options.add_argument("--html", type=Path, help="a folder, to keep the pages")
    chosen = options.parse_args()
    call_command("migrate", verbosity=0)
    settings = {"shared_preload_libraries": "pg_stat_statements", "jit": "off", "max_parallel_workers_per_gather": "0"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_store(Path(folder)),
        PostgresServer(settings=settings) as server,
    ):
        call_command("migrate", verbosity=0)
        database = weeks(server, chosen.seconds)
        for mail in OutboxMessage.objects.filter(about="database").order_by("id"):
            print(f"{mail.subject}\n\n{mail.text}\n{'-' * 80}")
        if chosen.html:
            client = Client(headers={"host": "localhost"})
            client.force_login(User.objects.get())
            slow = database.statements.get(text__startswith="SELECT * FROM orders WHERE customer_id")
            pages = {"reviews": "reviews/", "advice": "advice/", "statement": f"statements/{slow.query_id}/?window=30d"}
            for name, path in pages.items():
                (chosen.html / f"{name}.html").write_bytes(client.get(f"/p/shop/database/{path}").content)


if __name__ == "__main__":
    main()
