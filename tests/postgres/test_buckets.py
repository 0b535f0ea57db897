"""The story of backups in a bucket, behind TLS and checked signatures; and each way in which one does not serve."""

import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.models import F
from django.utils import timezone
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from golive.postgres.backups import setup, tasks
from golive.postgres.backups.commands import app
from golive.postgres.backups.run import info, make
from golive.postgres.backups.scratch import Scratch
from golive.postgres.backups.tools import BackupTrouble, owner_of
from golive.postgres.base import Database
from golive.sandbox.servers import PostgresServer, free_port
from tests.postgres.backing_up import outcome, run_jobs
from tests.postgres.buckets import Bucket, tls_bucket

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    folder = Path(tempfile.mkdtemp(prefix="golive-bucket-"))
    folder.chmod(0o755)  # pgBackRest runs as the data's owner
    with tls_bucket("backups", folder) as at:
        yield at
    shutil.rmtree(folder)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command line that golive runs here, with its environment."""
    seen: list[str] = []
    real = subprocess.run

    def run(command: Any, **options: Any) -> Any:
        seen.append(f"{command} {options.get('env')}")
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def declare(database: Database, tmp_path: Path, at: Bucket, **changed: str) -> None:
    """[database.backup.bucket] of golive.toml, its keys as references."""
    for name, value in (("key", at.key), ("secret", at.secret)):
        (tmp_path / name).write_text(value)
    database.plan["backup"]["bucket"] = {
        "name": at.name, "endpoint": at.endpoint, "ca": str(at.ca),
        "key": f"file:{tmp_path}/key", "secret": f"file:{tmp_path}/secret", **changed,
    }  # fmt: skip
    database.save()


def a_day_later(database: Database) -> None:
    database.backups.update(began_at=F("began_at") - timedelta(hours=25))


def test_a_bucket_holds_backups_and_gives_them_back(
    bucket: Bucket, database: Database, tmp_path: Path, commands: list[str], archiving: PostgresServer
) -> None:
    database.plan["backup"] |= {"keep": 1, "full_every": "40h"}
    declare(database, tmp_path, bucket)
    said = CliRunner().invoke(app, ["backup", "setup", "--project", database.project.slug, "--apply"])
    assert "the archive takes WAL" in said.output
    place = setup.place_of(database)
    assert stat.S_IMODE(place.config.stat().st_mode) == 0o600
    labels = []
    for _ in range(3):
        tasks.schedule()
        run_jobs()
        labels.append([each["label"] for each in info(place)])
        a_day_later(database)
    full, incremental = labels[1]
    assert [full] == labels[0]
    assert incremental.startswith(f"{full}_")
    assert len(labels[2]) == 1  # the next full one, whose retention took both away
    assert labels[2] != labels[0]
    assert database.backups.filter(expired=True).count() == 2
    names = bucket.names()
    assert not [name for name in names if full in name and "backup.history" not in name]
    assert [name for name in names if labels[2][0] in name]

    with psycopg.connect(Path(database.url.removeprefix("file:")).read_text(), autocommit=True) as connection:
        connection.execute("INSERT INTO orders (note) VALUES ('after the backup')")
    found = outcome(database)
    assert found["ok"], found
    assert found["archive"]
    ran = database.drills.latest("began_at")
    assert ran.target_at is not None
    assert ran.rpo_seconds is not None
    assert not (Path(setup.plan_of(database).folder) / database.project.slug).exists()  # nothing lies in the folder
    _restored_without_the_server(database, ran.target_at)
    word = setup.passphrase(database)
    for secret in (bucket.secret, word, archiving.password):
        assert not [line for line in commands if secret in line.split(" {")[0]]
        assert secret not in said.output
    assert not [line for line in commands if bucket.secret in line or word in line]  # nor in the environment


def _restored_without_the_server(database: Database, at: datetime) -> None:
    """The machine burnt down: another one, with golive's state and keys, restores from the bucket alone."""
    reference = Path(database.url.removeprefix("file:"))
    url, folder = reference.read_text(), reference.parent / "another machine"
    reference.write_text(make_conninfo(url, port=free_port()))
    backup = {**database.plan["backup"], "folder": str(folder), "data": "", "socket": ""}
    Database.objects.filter(pk=database.pk).update(plan={**database.plan, "backup": backup})
    to, port = reference.parent / "restored", free_port()
    words = ["--at", at.isoformat(), "--to", str(to), "--port", str(port), "--project", database.project.slug]
    done = CliRunner().invoke(app, ["restore", *words, "--apply"])
    assert done.exit_code == 0, (done.output, done.exception)
    server = Scratch(to, 15, owner_of(to), port)
    try:
        with psycopg.connect(server.url(url)) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() in ((5000,), (5001,))
    finally:
        server.stop()
    reference.write_text(url)
    Database.objects.filter(pk=database.pk).update(plan=database.plan)


def test_a_bucket_holds_dumps_of_a_server_elsewhere(bucket: Bucket, database: Database, tmp_path: Path) -> None:
    """A managed server: pg_dump, encrypted on its way, kept, drilled and restored."""
    database.plan["backup"] |= {"with": "pg_dump", "keep": 1, "data": "/not/here"}
    declare(database, tmp_path, bucket)
    first = make(database, "full", scheduled=True)
    time.sleep(1.1)  # dumps are named by the second
    second = make(database, "full", scheduled=True)
    names = [name for name in bucket.names() if name.endswith(".dump")]
    assert names == [f"golive/{database.project.slug}/dumps/{second.label}"]
    assert database.backups.get(pk=first.pk).expired
    found = outcome(database)
    assert found["ok"], found
    _restored_from_a_dump(database)
    bucket.rewrite(names[0], lambda content: content[:-40])
    assert "cut short" in outcome(database)["reason"]
    bucket.remove(names[0])
    assert "is gone from bucket" in outcome(database)["reason"]
    (tmp_path / "secret").write_text("wrong")
    with pytest.raises(BackupTrouble, match="refuses golive's key"):
        make(database, "full", scheduled=True)


def _restored_from_a_dump(database: Database) -> None:
    folder, port, at = Path(tempfile.mkdtemp(prefix="golive-restored-")), free_port(), timezone.now().isoformat()
    folder.chmod(0o755)
    words = ["--at", at, "--to", str(folder / "here"), "--port", str(port), "--project", database.project.slug]
    done = CliRunner().invoke(app, ["restore", *words, "--apply"])
    assert done.exit_code == 0, (done.output, done.exception)
    server = PostgresServer(folder / "here", port=port)
    try:
        with psycopg.connect(server.url("restored")) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (5000,)
    finally:
        Scratch(server.data, 15, server.account, port).stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"secret": "file:{tmp}/wrong"}, "refuses golive's key"),
        ({"name": "nowhere"}, "bucket nowhere at .* does not exist"),
        ({"endpoint": "127.0.0.1:{port}"}, "cannot be reached: .*: Connection refused"),
        ({"ca": ""}, "is not to be trusted .self-signed certificate"),
        ({"ca": "/nowhere.pem"}, "ca cannot be read: No such file"),
    ],
)
def test_a_bucket_that_does_not_serve_is_one_clear_sentence_and_pages(
    bucket: Bucket, database: Database, tmp_path: Path, changed: dict[str, str], sentence: str
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    port = free_port()
    declare(
        database, tmp_path, bucket, **{name: text.format(tmp=tmp_path, port=port) for name, text in changed.items()}
    )
    tried = CliRunner().invoke(app, ["backup", "setup", "--project", database.project.slug, "--apply"])
    assert tried.exception is not None
    tasks.schedule()
    with pytest.raises(Exception, match=sentence) as caught:
        run_jobs()
    for words in (str(tried.exception), str(caught.value)):
        assert len(words) < 400
        assert bucket.secret not in words
        assert "***" not in words
    tasks.schedule()
    condition = database.conditions.get(kind="backup")
    assert (condition.state, condition.severity) == ("firing", "critical")
