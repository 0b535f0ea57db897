"""The story of backups in a bucket, behind TLS and checked signatures; and each way in which one does not serve."""

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.models import F
from typer.testing import CliRunner

from golive.postgres.backups import setup, tasks
from golive.postgres.backups.commands import app
from golive.postgres.backups.run import info
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
    word = setup.passphrase(database)
    for secret in (bucket.secret, word, archiving.password):
        assert not [line for line in commands if secret in line.split(" {")[0]]
        assert secret not in said.output
    assert not [line for line in commands if bucket.secret in line or word in line]  # nor in the environment


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
