"""Restoring the newest scheduled backup to a scratch server, and proving what is on it."""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.postgres.backups import pgbackrest, proofs
from golive.postgres.backups.beat import beat, expected
from golive.postgres.backups.dump import store_of, unseal
from golive.postgres.backups.hold import holding
from golive.postgres.backups.models import Backup, Beat, Drill
from golive.postgres.backups.proofs import Proof
from golive.postgres.backups.run import info, stopped_at
from golive.postgres.backups.scratch import Scratch, folder
from golive.postgres.backups.setup import Place, passphrase, place_of, plan_of, scratch_of
from golive.postgres.backups.tools import BackupTrouble, owner_of
from golive.postgres.backups.wal import gaps
from golive.postgres.choice import admin_url_of
from golive.postgres.models import Database
from golive.postgres.session import one, session, version_of
from golive.postgres.trouble import DatabaseTrouble
from golive.sandbox.servers import PostgresServer, ServerError, find_program

Tell = Callable[[float | None, str], None]
ARCHIVE_SECONDS = 180.0
GAP = timedelta(seconds=1)


class Phases:
    """How long each phase took, in seconds, in the order in which they ran."""

    def __init__(self, tell: Tell) -> None:
        self.seconds: dict[str, float] = {}
        self._tell = tell

    @contextmanager
    def __call__(self, name: str, share: float) -> Iterator[None]:
        self._tell(share, name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)


def newest(database: Database) -> Backup:
    """The newest scheduled backup that worked; without one the newest made by hand. Raises BackupTrouble."""
    good = database.backups.filter(ok=True, expired=False)
    found = good.filter(scheduled=True).first() or good.first()
    if found is None:
        raise BackupTrouble("There is no backup to restore yet; make one with `golive db backup now`.")
    return found


def drill(database: Database, tell: Tell = lambda share, note: None) -> Drill:
    """Run a drill and keep its outcome; a drill that cannot run has failed. Nothing of the original is touched.

    Raises BackupBusy, and keeps nothing, while a backup or another drill is at work: retention could take away what is
    being restored.
    """
    with holding(database, "A drill", scratch_of(database)):
        return _drill(database, tell)


def _drill(database: Database, tell: Tell) -> Drill:
    record = Drill.objects.create(database=database, began_at=timezone.now())
    phases = Phases(tell)
    found: list[Proof] = []
    try:
        backup = newest(database)
        record.backup = backup
        if backup.kind == "dump":
            _from_dump(database, record, backup, phases, found)
        else:
            _from_pgbackrest(database, record, backup, phases, found)
    except (DatabaseTrouble, ServerError) as error:
        found.append(Proof("restore", False, str(error)[:400]))
    finally:
        record.ended_at = timezone.now()
        record.proofs = [proof.kept() for proof in found]
        record.phases = phases.seconds
        wrong = [proof for proof in found if proof.ok is False]
        proved = [proof for proof in found if proof.ok]
        record.ok = bool(proved) and not wrong
        record.reason = (
            f"{wrong[0].name}: {wrong[0].detail}"[:500] if wrong else f"{len(proved)} proofs" if proved else "stopped"
        )
        record.save()
    return record


def _from_pgbackrest(database: Database, record: Drill, backup: Backup, phases: Phases, found: list[Proof]) -> None:
    place, url = place_of(database), admin_url_of(database)
    listed = next((one_ for one_ in info(place) if one_["label"] == backup.label), None)
    if listed is None:
        raise BackupTrouble(f"Backup {backup.label} is gone from the repository.")
    with phases("choosing the instant", 0.05):
        # Before anything is written for the drill's sake: what a server lost at this moment could be brought back to.
        held = _reachable(database, url, stopped_at(listed))
        latest = held[0].at if held else stopped_at(listed)
        record.rpo_seconds = max(0.0, (record.began_at - latest).total_seconds())
        target, wanted = _target(database, url, stopped_at(listed))
    record.target_at = target
    with phases("counting the archive", 0.1):
        found.append(_continuity(place, listed["archive"]["start"]))
    with session(url) as connection:
        version = version_of(connection)
        preload = one(connection, "SELECT current_setting('shared_preload_libraries') AS it")["it"]
    began = time.monotonic()
    with folder(place.work / "drills", place.account) as data:
        with phases("restoring", 0.2):
            place.call(*pgbackrest.restore(data, target, backup.label), what="pgbackrest restore", timeout=24 * 3600)
        scratch = Scratch(data, version, place.account)
        try:
            with phases("recovering", 0.5):
                scratch.start(preload)
                scratch.wait_until_promoted(url)
            record.rto_seconds = round(time.monotonic() - began, 2)
            restored = scratch.url(url)
            with phases("proving", 0.6):
                found.append(proofs.nonce(restored, [wanted.nonce]))
                found.extend(proofs.contents(url, restored, backup.manifest))
                found.append(proofs.sequences(restored))
                found.extend(proofs.smoke(restored, place.plan.smoke))
            with phases("checking indexes", 0.8):
                found.append(proofs.amcheck(scratch, restored))
        finally:
            scratch.stop()
        with phases("checking pages", 0.9):
            found.append(proofs.checksums(scratch))


def _target(database: Database, url: str, after: datetime) -> tuple[datetime, Beat]:
    """An instant between two beats that the archive holds, and the beat that a restore to it must show.

    Recovery needs a commit after its target, hence the second beat. Without two of them golive makes them now.
    """
    for attempt in (1, 2):
        for later, earlier in pairwise(_reachable(database, url, after)):
            if later.at - earlier.at >= GAP:
                share = random.uniform(0.3, 0.9)  # noqa: S311
                target = earlier.at + (later.at - earlier.at) * share
                wanted = expected(database, target)
                if wanted is not None:
                    return target, wanted
        if attempt == 1:
            _make_reachable(database, url)
    raise BackupTrouble("The archive took no WAL within three minutes; `golive db look wal` says why.")


def _reachable(database: Database, url: str, after: datetime) -> list[Beat]:
    """The beats since the backup that the archive holds, newest first."""
    with session(url) as connection:
        archived = one(connection, "SELECT coalesce(last_archived_wal, '') AS it FROM pg_stat_archiver")["it"][:24]
    beats = Beat.objects.filter(database=database, at__gt=after).order_by("-at")[:500]
    return [one_ for one_ in beats if one_.segment and one_.segment <= archived]


def _make_reachable(database: Database, url: str) -> None:
    """Two beats, and their WAL in the archive."""
    beat(database, url)
    time.sleep(GAP.total_seconds() * 2)
    last = beat(database, url)
    with session(url, read_only=False) as connection:
        connection.execute("SELECT pg_switch_wal()")
        deadline = time.monotonic() + ARCHIVE_SECONDS
        while time.monotonic() < deadline:
            archived = one(connection, "SELECT coalesce(last_archived_wal, '') AS it FROM pg_stat_archiver")["it"]
            if archived[:24] >= last.segment:
                return
            time.sleep(0.5)


def _continuity(place: Place, first: str) -> Proof:
    listing = place.call(
        "--output=json", "repo-ls", f"archive/{pgbackrest.STANZA}", "--recurse", what="pgbackrest repo-ls"
    )
    names = [Path(name).name[:24] for name in json.loads(listing or "{}") if len(Path(name).name) > 40]
    missing = gaps(names, first)
    detail = f"missing: {', '.join(missing[:5])}" if missing else f"{len(names)} segments from {first} on, none missing"
    return Proof("archive", not missing, detail)


def _from_dump(database: Database, record: Drill, backup: Backup, phases: Phases, found: list[Proof]) -> None:
    url = admin_url_of(database)
    with session(url) as connection:
        version = version_of(connection)
    record.rpo_seconds = (record.began_at - backup.began_at).total_seconds()
    began = time.monotonic()
    with (
        folder(scratch_of(database), owner_of(Path(plan_of(database).folder))) as data,
        PostgresServer(data, version=str(version)) as server,
    ):
        restored = make_conninfo(server.create_database("restored"))
        with phases("restoring", 0.2):
            restore_dump(database, backup.label, restored, version)
        record.rto_seconds = round(time.monotonic() - began, 2)
        with phases("proving", 0.6):
            since = backup.began_at - timedelta(hours=1)
            beats = Beat.objects.filter(database=database, at__gte=since, at__lte=backup.ended_at)
            found.append(proofs.nonce(restored, [one_.nonce for one_ in beats]))
            found.extend(proof for proof in proofs.contents(url, restored, backup.manifest) if proof.name == "tables")
            found.append(proofs.sequences(restored))
            found.extend(proofs.smoke(restored, plan_of(database).smoke))
        with phases("checking indexes", 0.8):
            found.append(proofs.amcheck(Scratch(server.data, version, server.account, server.port), restored))


def restore_dump(database: Database, label: str, into: str, version: int) -> None:
    """Decrypt a dump into pg_restore. Raises BackupTrouble."""
    tool = str(find_program("pg_restore", f"usr/lib/postgresql/{version}/bin"))
    parts = {name: value for name, value in conninfo_to_dict(into).items() if value is not None}
    word = str(parts.pop("password", ""))
    command = [tool, "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={make_conninfo('', **parts)}"]
    with (
        store_of(database).reading(label) as file,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_environment(word)
        ) as process,
    ):
        if process.stdin is None or process.stderr is None:
            raise BackupTrouble("pg_restore has no input")
        try:
            for chunk in unseal(file, passphrase(database)):
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why below
        except BackupTrouble:
            process.kill()
            raise
        words = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise BackupTrouble(f"pg_restore failed: {' '.join(words.split())[-400:]}")


def _environment(word: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PGPASSWORD": word, "LC_ALL": "C.UTF-8"}
