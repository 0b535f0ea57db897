"""Restoring beside production, or in its place when it is gone: `golive db restore`."""

import re
from datetime import datetime
from pathlib import Path

from golive.postgres.backups import pgbackrest, setup
from golive.postgres.backups.drill import restore_dump
from golive.postgres.backups.run import info, stopped_at
from golive.postgres.backups.scratch import Scratch
from golive.postgres.backups.tools import BackupTrouble, own
from golive.postgres.choice import admin_url_of
from golive.postgres.models import Database
from golive.postgres.session import one, session
from golive.postgres.trouble import DatabaseTrouble
from golive.sandbox.servers import PostgresServer, find_program

_PRELOAD = re.compile(r"^\s*shared_preload_libraries\s*=\s*'([^']*)'", re.M)


def place(database: Database) -> setup.Place:
    """Where backups lie. The server need not run, nor its data be there: that is when a restore is wanted."""
    try:
        return setup.place_of(database)
    except DatabaseTrouble:
        found = setup.place_without_server(database)
        setup.write(database, found)
        return found


def label_before(place: setup.Place, target: datetime) -> str:
    """The newest backup that ended by then. Raises BackupTrouble."""
    known = info(place)
    good = [each for each in known if stopped_at(each) <= target and not each.get("error")]
    if not good:
        first = f"; the oldest backup ended {stopped_at(known[0]).isoformat()}" if known else ""
        raise BackupTrouble(f"No backup had ended by {target.isoformat()}{first}.")
    return str(good[-1]["label"])


def dump_before(database: Database, target: datetime) -> str:
    """The newest dump that began by then. Raises BackupTrouble."""
    there = database.backups.filter(kind="dump", ok=True, expired=False)
    found = there.filter(began_at__lte=target).first()
    if found is None:
        last = there.last()
        first = f"; the oldest one began {last.began_at.isoformat()}" if last else ""
        raise BackupTrouble(f"No dump had begun by {target.isoformat()}{first}.")
    return found.label


def from_pgbackrest(
    database: Database, place: setup.Place, label: str, target: datetime, to: Path, port: int
) -> tuple[Path, str]:
    """Restore, start there, wait until it is at the instant. The data's folder, and in which state it answers."""
    url = admin_url_of(database)
    data = own(to, place.account)
    place.call(*pgbackrest.restore(data, target, label), what="pgbackrest restore", timeout=24 * 3600)
    server = Scratch(data, int((data / "PG_VERSION").read_text()), place.account, port)
    server.start(_preload(url, data))
    server.wait_until_promoted(url)
    return data, f"as of {target.isoformat()}, with the roles and passwords of then"


def _preload(url: str, data: Path) -> str:
    """The libraries that the server loads: asked, or read from the restored settings when it is gone."""
    try:
        with session(url) as connection:
            return str(one(connection, "SELECT current_setting('shared_preload_libraries') AS it")["it"])
    except DatabaseTrouble:
        files = (data / name for name in ("postgresql.auto.conf", "postgresql.conf"))
        texts = (file.read_text(errors="replace") for file in files if file.is_file())
        return next((found[-1] for text in texts if (found := _PRELOAD.findall(text))), "")


def from_dump(database: Database, label: str, to: Path, port: int) -> tuple[Path, str]:
    """Decrypt a dump into a server of its own; it goes on running."""
    newest = find_program("pg_restore", "usr/lib/postgresql/*/bin")
    version = int(newest.parent.parent.name) if newest.parent.parent.name.isdigit() else 0
    server = PostgresServer(to, port=port, durable=True, version=str(version or "*"))
    if server.folder != to.resolve():
        server.remove()
        raise BackupTrouble(f"{to} is closed to the account that PostgreSQL runs as; give a folder that it may enter.")
    server.start()
    restore_dump(database, label, server.create_database("restored"), version)
    words = f"in database restored, role {server.user}, password in {server.folder}/password; roles are not in a dump"
    return server.data, words
