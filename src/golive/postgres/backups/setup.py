"""What backing up needs on the database's machine: pgBackRest's configuration, archiving, the stanza."""

import os
import secrets as random
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from golive.kit.folders import data_folder
from golive.people import secrets
from golive.people.models import AuditEntry
from golive.people.secrets import SecretError
from golive.postgres.backups import pgbackrest
from golive.postgres.backups.complaint import busy, complaint
from golive.postgres.backups.hold import BackupBusy
from golive.postgres.backups.plan import BackupPlan, BucketPlan
from golive.postgres.backups.reach import place_of as service_of
from golive.postgres.backups.reach import reach
from golive.postgres.backups.tools import BackupTrouble, ProgramFailed, own, owner_of, program, run
from golive.postgres.choice import admin_url_of
from golive.postgres.connect import script
from golive.postgres.models import Database
from golive.postgres.session import Connection, one, session
from golive.postgres.trouble import NotConfigured

CONFIG = "pgbackrest.conf"
EXPORTED = "database.backup.passphrase"


@dataclass(frozen=True)
class Place:
    """Everything that a pgBackRest command needs."""

    plan: BackupPlan
    cluster: pgbackrest.Cluster
    work: Path
    account: struct_passwd | None
    environment: dict[str, str]
    file: str = CONFIG

    @property
    def where(self) -> str:
        """The repository in words."""
        bucket = self.plan.bucket
        return f"bucket {bucket.name} at {bucket.endpoint}" if bucket else f"the repository in {self.plan.folder}"

    @property
    def config(self) -> Path:
        return self.work / self.file

    def call(self, *words: str, what: str, timeout: float | None = None, allow: tuple[int, ...] = (0,)) -> str:
        """Run pgBackRest as the owner of the data."""
        if self.plan.bucket is not None:
            reach(self.plan.bucket)
        line = pgbackrest.command(program("pgbackrest"), self.config, *words)
        try:
            return run(line, self.account, what, environment=self.environment, timeout=timeout, allow=allow)
        except ProgramFailed as error:
            kind = BackupBusy if busy(error.output) else BackupTrouble
            raise kind(f"{what} failed: {complaint(error.output, self.where)}") from error


def plan_of(database: Database) -> BackupPlan:
    return BackupPlan.model_validate(database.topic("backup"))


def passphrase(database: Database) -> str:
    """What backups are encrypted with, made once. Whoever loses it loses them: keep it elsewhere too."""
    name = f"{database.project.slug}.backup.passphrase"
    try:
        return secrets.get(name)
    except SecretError:
        secrets.put(name, random.token_urlsafe(48))
        return secrets.get(name)


def exported(database: Database) -> bool:
    """Whether the passphrase was ever given out, so that it can be somewhere else."""
    return AuditEntry.objects.filter(project=database.project, action=EXPORTED).exists()


def work_of(database: Database) -> Path:
    """The folder of what backing up and drills need beside the repository."""
    return Path(plan_of(database).folder) / "golive" / database.project.slug


def is_set_up(database: Database) -> bool:
    """Whether there is what a backup needs, so that a schedule may begin."""
    return plan_of(database).with_ == "pg_dump" or (work_of(database) / CONFIG).exists()


def scratch_of(database: Database) -> Path:
    """Where drills restore to."""
    if plan_of(database).with_ == "pg_dump" and os.geteuid() != 0:
        return data_folder() / "drills" / database.project.slug  # the plan's folder may not even exist
    return work_of(database) / "drills"


def place_of(database: Database) -> Place:
    """Where and how this database is backed up. Raises DatabaseTrouble."""
    plan = plan_of(database)
    url = admin_url_of(database)
    parts = conninfo_to_dict(url)
    with session(url) as connection:
        data = Path(plan.data or one(connection, "SELECT current_setting('data_directory') AS folder")["folder"])
        socket = plan.socket or _socket(connection)
    if not data.is_dir():
        raise BackupTrouble(
            f"{data} is not on this machine: pgBackRest runs where the data are. Run golive there, or write "
            '[database.backup] with = "pg_dump".'
        )
    cluster = pgbackrest.Cluster(data, int(parts.get("port") or 5432), socket, str(parts.get("user") or "postgres"))
    work = work_of(database)
    environment = {"PGPASSWORD": str(parts["password"])} if parts.get("password") else {}
    return Place(plan, cluster, work, owner_of(data), environment)


def place_without_server(database: Database) -> Place:
    """The same for a restore when the server is gone, with a configuration of its own; perhaps on a new machine."""
    plan = plan_of(database)
    user = str(conninfo_to_dict(admin_url_of(database)).get("user") or "postgres")
    cluster = pgbackrest.Cluster(Path(plan.data or "/nonexistent"), 5432, "/tmp", user)  # noqa: S108 - never connected to
    work = work_of(database)
    return Place(plan, cluster, work, owner_of(Path(plan.data or plan.folder)), {}, "restore.conf")


def _socket(connection: Connection) -> str:
    found = str(one(connection, "SELECT current_setting('unix_socket_directories') AS folders")["folders"])
    first = found.split(",")[0].strip().strip('"')
    if not first.startswith("/"):
        raise BackupTrouble(
            "The server listens on no unix socket, and pgBackRest connects by nothing else: set "
            "unix_socket_directories and restart it."
        )
    return first


def write(database: Database, place: Place) -> None:
    """Put the configuration in place, for the data's owner only."""
    for folder in (Path(place.plan.folder), place.work.parent, place.work):
        own(folder, place.account)
    for name in ("log", "lock", "spool"):
        own(place.work / name, place.account)
    text = pgbackrest.configuration(_repository(database, place), place.cluster, place.work)
    draft = place.config.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    if place.account is not None:
        os.chown(draft, place.account.pw_uid, place.account.pw_gid)
    draft.replace(place.config)


def keys_of(bucket: BucketPlan) -> tuple[str, str]:
    """Access key and secret key. Raises NotConfigured."""
    try:
        return secrets.resolve(bucket.key), secrets.resolve(bucket.secret)
    except SecretError as error:
        raise NotConfigured(f"[database.backup.bucket] cannot be used here. {error}") from error


def _repository(database: Database, place: Place) -> pgbackrest.Repository:
    bucket = place.plan.bucket
    s3 = None
    if bucket is not None:
        key, secret = keys_of(bucket)
        host, port = service_of(bucket)
        s3 = {
            "s3-bucket": bucket.name, "s3-endpoint": host, "s3-region": bucket.region, "s3-key": key,
            "s3-key-secret": secret, "s3-uri-style": "path", "storage-port": str(port), "storage-ca-file": bucket.ca,
        }  # fmt: skip
    folder = f"{place.plan.folder}/{database.project.slug}"
    return pgbackrest.Repository(folder, passphrase(database), place.plan.keep, database.project.slug, s3)


def wanted_settings(place: Place) -> dict[str, str]:
    """What the server must be set to."""
    return {
        "archive_mode": "on",
        "archive_command": pgbackrest.archive_command(program("pgbackrest"), place.config),
        "archive_timeout": "60s",
    }


def missing_settings(place: Place, url: str) -> dict[str, tuple[str, str]]:
    """Settings that differ: name → (is, should be)."""
    with session(url) as connection:
        found = one(
            connection,
            "SELECT current_setting('archive_mode') AS archive_mode, current_setting('archive_command') AS "
            "archive_command, current_setting('archive_timeout') AS archive_timeout, "
            "current_setting('wal_level') AS wal_level",
        )
    if found["wal_level"] == "minimal":
        raise BackupTrouble("wal_level is minimal: set it to replica and restart the server, then run this again.")
    same = {"archive_timeout": ("1min", "60s", "60")}
    return {
        name: (found[name], value)
        for name, value in wanted_settings(place).items()
        if found[name] != value and found[name] not in same.get(name, ())
    }


def apply(database: Database) -> str:
    """Write the configuration, set the server up, create the stanza. What is left to do, empty when it is ready."""
    place, url = place_of(database), admin_url_of(database)
    write(database, place)
    # First of all: a repository that does not serve leaves the server as it is.
    place.call("stanza-create", what="pgbackrest stanza-create", timeout=120)
    with session(url, read_only=False) as connection:
        for step in script.heartbeat_table():
            connection.execute(step.statement)
        for name, (_, value) in missing_settings(place, url).items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
        pending = one(connection, "SELECT current_setting('archive_mode') = 'off' AS it")["it"]
    if pending:
        return "archive_mode takes effect with a restart of the server: restart it, then run `golive db backup now`."
    place.call("check", what="pgbackrest check", timeout=180)
    return ""
