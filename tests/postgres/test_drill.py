"""The story of a backup: set up, scheduled, restored, proved; and each way in which it is found to be worthless."""

import stat
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts.models import Flip
from golive.jobs.models import Job
from golive.people.models import AuditEntry
from golive.postgres.backups import drill as drills
from golive.postgres.backups import setup, tasks
from golive.postgres.backups.commands import app
from golive.postgres.backups.models import Backup
from golive.postgres.backups.run import make
from golive.postgres.base import Database
from golive.sandbox.servers import free_port
from tests.postgres.backing_up import outcome, run_jobs

pytestmark = pytest.mark.story


def test_a_backup_is_scheduled_restored_and_proved_and_damage_is_found(database: Database) -> None:
    assert setup.apply(database) == ""
    tasks.schedule()
    run_jobs()
    tasks.schedule()
    assert [job.kind for job in Job.objects.order_by("id")] == [tasks.BACKUP, tasks.DRILL]
    url = database.url.removeprefix("file:")
    with psycopg.connect(Path(url).read_text(), autocommit=True) as connection:
        connection.execute("INSERT INTO orders (note) VALUES ('after the backup')")
    run_jobs()
    ran = database.drills.get()
    found = {proof["name"]: proof["ok"] for proof in ran.proofs}
    assert found == {
        "archive": True, "nonce": True, "cluster": True, "roles": True, "tables": True, "sequences": True,
        "smoke 1": True, "amcheck": True, "checksums": None,
    }  # fmt: skip
    assert ran.ok
    assert ran.rto_seconds is not None
    assert ran.rpo_seconds is not None
    assert list(ran.phases)[:4] == ["choosing the instant", "counting the archive", "restoring", "recovering"]
    tasks.schedule()
    assert database.conditions.get(kind="backup").state == "ok"
    assert database.conditions.get(kind="drill").state == "ok"
    _restored_to_a_time(database)
    _damage(database)


def _restored_to_a_time(database: Database) -> None:
    """`golive db restore --at` brings back what was deleted since."""
    with psycopg.connect(Path(database.url.removeprefix("file:")).read_text(), autocommit=True) as connection:
        (at,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
        connection.execute("SELECT pg_sleep(0.2)")
        connection.execute("DELETE FROM orders")
        connection.execute("SELECT pg_switch_wal()")
    place, port = setup.place_of(database), free_port()
    to = place.work / "by hand"
    words = [
        "restore",
        "--project",
        database.project.slug,
        "--at",
        at.isoformat(),
        "--to",
        str(to),
        "--port",
        str(port),
    ]
    assert "Nothing of production is touched" in CliRunner().invoke(app, words).output
    assert not to.exists()
    done = CliRunner().invoke(app, [*words, "--apply"])
    assert done.exit_code == 0, done.output
    server = drills.Scratch(to, 15, place.account, port)
    try:
        with psycopg.connect(server.url(Path(database.url.removeprefix("file:")).read_text())) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (5001,)
    finally:
        server.stop()


def _damage(database: Database) -> None:
    """A table that lost its rows unseen, a segment that is gone from the archive: each fails the drill and pages."""
    backup = drills.newest(database)
    kept = backup.manifest
    backup.manifest = {
        **kept,
        "tables": {**kept["tables"], '"odd ""name"': {**kept["tables"]['"odd ""name"'], "rows": 7}},
    }
    backup.save()
    found = outcome(database)
    assert (found["ok"], found["tables"]) == (False, False)
    backup.manifest = kept
    backup.save()
    archive = Path(setup.plan_of(database).folder) / database.project.slug / "archive" / "main"
    segments = sorted(archive.glob("*/*/*.zst"))
    segments[len(segments) - 2].unlink()
    found = outcome(database)
    assert (found["ok"], found["archive"]) == (False, False)
    tasks.schedule()
    flip = Flip.objects.filter(project=database.project, source="database:drill").latest("id")
    assert (flip.new, flip.severity) == ("firing", "critical")
    assert "missing" in flip.reason


def test_from_cron_the_due_backup_counts_as_scheduled_and_its_passphrase_is_given_out(
    database: Database, tmp_path: Path
) -> None:
    """What `golive check backups` wants, by three commands and without the jobs process."""
    database.plan["backup"]["socket"] = ""  # the server is asked for it
    database.save()
    with psycopg.connect(Path(database.url.removeprefix("file:")).read_text(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA golive CASCADE")  # setting up makes it
    words = ["--project", database.project.slug]
    run = partial(CliRunner().invoke, app)
    assert run(["backup", "setup", "--apply", *words]).exit_code == 0
    assert "Scheduled backup" in run(["backup", "due", *words]).output
    assert "Nothing is due" in run(["backup", "due", *words]).output
    assert "nowhere but here" in run(["backup", "status", *words]).output
    done = run(["drill", *words])
    assert (done.exit_code, "The backup restores" in done.output) == (0, True), done.output
    assert database.drills.get().backup.scheduled
    file = tmp_path / "passphrase"
    assert run(["backup", "passphrase", "--to", str(file), *words]).exit_code == 0
    assert file.read_text().strip() == setup.passphrase(database)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run(["backup", "passphrase", "--to", str(file), *words]).exit_code == 3
    assert AuditEntry.objects.filter(action="database.backup.passphrase").count() == 1
    assert "nowhere but here" not in run(["backup", "status", *words]).output


def test_a_dump_is_encrypted_restored_and_proved(database: Database) -> None:
    database.plan["backup"]["with"] = "pg_dump"
    database.save()
    made = make(database, "full", scheduled=True)
    assert made.kind == "dump"
    file = Path(setup.plan_of(database).folder) / database.project.slug / "dumps" / made.label
    assert b"orders" not in file.read_bytes()
    found = outcome(database)
    assert found["reason"] == "5 proofs", found
    file.write_bytes(file.read_bytes()[:-40])
    assert "cut short" in outcome(database)["reason"]


def test_a_backup_that_fails_says_why_and_pages(database: Database) -> None:
    database.plan["backup"]["socket"] = "/nowhere"
    database.save()
    Backup.objects.create(
        database=database, kind="full", scheduled=True, began_at=timezone.now() - timedelta(days=3), ok=True
    )
    tasks.schedule()
    with pytest.raises(Exception, match="pgbackrest"):
        run_jobs()
    tasks.schedule()
    flip = Flip.objects.filter(project=database.project, source="database:backup").latest("id")
    assert flip.severity == "critical"
    assert "pgbackrest" in database.conditions.get(kind="backup").reason


def test_a_server_elsewhere_is_told_to_use_pg_dump(database: Database) -> None:
    database.plan["backup"]["data"] = "/nowhere"
    database.save()
    with pytest.raises(Exception, match="is not on this machine"):
        make(database, "full", scheduled=False)
