"""Making a replica on this machine: the steps as data, and what carries them out.

A slot first, so that the primary keeps what the copy will need; then pg_basebackup, which writes the standby's own
settings; then the server. Each step says how it is taken back.
"""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.postgres.session import one, session, version_of
from golive.postgres.trouble import DatabaseRefuses, DatabaseTrouble
from golive.sandbox.servers import find_program

ROLE = "golive_replica"
NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")


class ReplicaTrouble(DatabaseTrouble):
    """A replica cannot be made; what was begun has been taken back, and the message says why."""

    exit_code = 1


@dataclass(frozen=True)
class Wish:
    """What is asked for. `primary` is the admin's URL."""

    name: str
    folder: Path
    port: int
    primary: str
    delay: str = ""

    @property
    def slot(self) -> str:
        return f"golive_{self.name}"


@dataclass(frozen=True)
class Step:
    """One thing that will be done, in words, and the way back."""

    what: str
    undo: str


def steps(wish: Wish) -> list[Step]:
    """What making the replica comes to."""
    return [
        Step(f"role {ROLE}: LOGIN REPLICATION, with a password of its own", f"DROP ROLE {ROLE};"),
        Step(f"replication slot {wish.slot}", f"SELECT pg_drop_replication_slot('{wish.slot}');"),
        Step(f"pg_basebackup into {wish.folder}, streaming WAL through the slot", f"rm -r {wish.folder}"),
        Step(f"a standby server on port {wish.port}", f"golive db replica remove {wish.name}"),
    ]


def check(wish: Wish) -> int:
    """Whether it can be made; the primary's major version. Raises DatabaseTrouble with what is missing."""
    if not NAME.fullmatch(wish.name):
        raise ReplicaTrouble("A replica's name is small letters, digits and _, at most 51.")
    if wish.folder.exists() and any(wish.folder.iterdir()):
        raise ReplicaTrouble(f"{wish.folder} is not empty; a replica needs a folder of its own.")
    with session(wish.primary) as connection:
        version = version_of(connection)
        found = one(
            connection,
            """
            SELECT current_setting('wal_level') AS wal_level, pg_is_in_recovery() AS standby,
                   current_setting('max_wal_senders')::int AS senders,
                   current_setting('max_replication_slots')::int AS slots,
                   (SELECT count(*)::int FROM pg_replication_slots) AS used,
                   (SELECT count(*)::int FROM pg_stat_replication) AS sending,
                   (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                   (SELECT sum(pg_database_size(oid))::float8 FROM pg_database) AS bytes
            """,
        )
    if found["standby"]:
        raise DatabaseRefuses("[database] admin leads to a replica; give it the primary's URL.")
    if found["wal_level"] == "minimal":
        raise DatabaseRefuses("wal_level is minimal: set it to replica in postgresql.conf and restart the server.")
    if found["senders"] - found["sending"] < 2 or found["slots"] <= found["used"]:
        raise DatabaseRefuses(
            "There is no room for another replica: raise max_wal_senders and max_replication_slots and restart."
        )
    room = shutil.disk_usage(_existing(wish.folder)).free
    if room < found["bytes"] * 1.1:
        raise ReplicaTrouble(
            f"{wish.folder} has {room / 1e9:.1f} GB free; the copy needs {found['bytes'] / 1e9:.1f} GB."
        )
    find_program("pg_basebackup", f"usr/lib/postgresql/{version}/bin")
    return version


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def make(wish: Wish) -> str:
    """Make it and start it; the URL by which an application reads from it, with the admin's login."""
    version = check(wish)
    word = secrets.token_urlsafe(24)
    _prepare(wish, word)
    try:
        _copy(wish, version, word)
        _configure(wish)
        start(wish.folder, version)
    except DatabaseTrouble:
        with contextlib.suppress(DatabaseTrouble):
            stop(wish.folder, version)
        _drop_slot(wish)
        shutil.rmtree(wish.folder, ignore_errors=True)
        raise
    return make_conninfo(wish.primary, host="127.0.0.1", port=wish.port)


def _prepare(wish: Wish, word: str) -> None:
    role = sql.Identifier(ROLE)
    with session(wish.primary, read_only=False) as connection:
        exists = one(connection, "SELECT 1 AS yes FROM pg_roles WHERE rolname = %(role)s", {"role": ROLE})
        verb = sql.SQL("ALTER ROLE" if exists else "CREATE ROLE")
        connection.execute(sql.SQL("{} {} LOGIN REPLICATION PASSWORD {}").format(verb, role, sql.Literal(word)))
        slot = one(
            connection, "SELECT active FROM pg_replication_slots WHERE slot_name = %(slot)s", {"slot": wish.slot}
        )
        if slot:
            raise ReplicaTrouble(f"There is a replica {wish.name} already: slot {wish.slot} exists.")
        connection.execute("SELECT pg_create_physical_replication_slot(%(slot)s, true)", {"slot": wish.slot})


def _copy(wish: Wish, version: int, word: str) -> None:
    parts = conninfo_to_dict(wish.primary)
    source = make_conninfo(
        "", host=parts.get("host") or "127.0.0.1", port=parts.get("port") or 5432, user=ROLE, password=word,
        application_name=wish.name,
    )  # fmt: skip
    wish.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wish.folder.chmod(0o700)
    account = _account()
    if account is not None:
        os.chown(wish.folder, account.pw_uid, account.pw_gid)
    program = find_program("pg_basebackup", f"usr/lib/postgresql/{version}/bin")
    command = [
        str(program), "--pgdata", str(wish.folder), "--write-recovery-conf", "--wal-method", "stream",
        "--slot", wish.slot, "--checkpoint", "fast", "--no-password", "--dbname", source,
    ]  # fmt: skip
    _run(command, "pg_basebackup")


def _configure(wish: Wish) -> None:
    """The standby's own port and manners, after what pg_basebackup wrote."""
    delay = f"recovery_min_apply_delay = '{wish.delay}'\n" if wish.delay else ""
    with (wish.folder / "postgresql.auto.conf").open("a") as out:
        out.write(
            f"port = {wish.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nhot_standby = on\n"
            f"hot_standby_feedback = off\nmax_standby_streaming_delay = '30s'\n{delay}"
        )


def start(folder: Path, version: int) -> None:
    """Start a server that outlives us. Raises ReplicaTrouble with the end of its log."""
    program = find_program("pg_ctl", f"usr/lib/postgresql/{version}/bin")
    log = folder / "golive.log"
    try:
        _run([str(program), "start", "-D", str(folder), "-l", str(log), "-w", "-t", "60"], "pg_ctl start")
    except ReplicaTrouble as error:
        words = " ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else ""
        raise ReplicaTrouble(f"{error} {words[-300:]}") from error


def stop(folder: Path, version: int) -> None:
    program = find_program("pg_ctl", f"usr/lib/postgresql/{version}/bin")
    _run([str(program), "stop", "-D", str(folder), "-m", "fast", "-w", "-t", "60"], "pg_ctl stop")


def remove(wish: Wish) -> None:
    """Stop the replica, drop its slot, delete its folder if it is a replica's."""
    marker = wish.folder / "standby.signal"
    if not marker.exists():
        raise ReplicaTrouble(f"{wish.folder} holds no standby (it has no standby.signal): nothing was removed.")
    with session(wish.primary) as connection:
        version = version_of(connection)
    with contextlib.suppress(ReplicaTrouble):
        stop(wish.folder, version)
    _drop_slot(wish)
    shutil.rmtree(wish.folder)


def _drop_slot(wish: Wish) -> None:
    with contextlib.suppress(DatabaseTrouble), session(wish.primary, read_only=False) as connection:
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %(slot)s",
            {"slot": wish.slot},
        )


def _run(command: Sequence[str], what: str) -> None:
    """Run as the account that PostgreSQL accepts. Output goes nowhere that a server could hold open."""
    account = _account()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        cwd="/",
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )
    if done.returncode:
        words = " ".join((done.stderr or b"").decode(errors="replace").split())[-300:]
        raise ReplicaTrouble(f"{what} failed: {words or f'exit code {done.returncode}'}")


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ReplicaTrouble("golive runs as root, and there is neither a user postgres nor nobody to run PostgreSQL as.")
