"""Bring the pool of a database into being: size it, write its files, start or reload it."""

import secrets as random
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from golive.kit.folders import data_folder
from golive.people import secrets
from golive.people.secrets import SecretError
from golive.postgres.choice import url_of
from golive.postgres.look.machine import machine_of
from golive.postgres.models import Database
from golive.postgres.pool import config
from golive.postgres.pool.plan import PoolPlan
from golive.postgres.pool.process import Pool, version
from golive.postgres.pool.size import Measured, Size, size
from golive.postgres.session import one, rows, session
from golive.postgres.trouble import DatabaseTrouble, NotConfigured


@dataclass(frozen=True)
class Prepared:
    """The files of a pool, ready to be written, and how its size came about."""

    plan: PoolPlan
    size: Size
    files: dict[str, str]


def plan_of(database: Database) -> PoolPlan:
    return PoolPlan.model_validate(database.topic("pool"))


def pool_of(database: Database) -> Pool:
    return Pool(folder_of(database))


def folder_of(database: Database) -> Path:
    return Path("/var/lib/golive-pool") / database.project.slug if _hidden() else _own(database)


def _own(database: Database) -> Path:
    return data_folder() / "pool" / database.project.slug


def _hidden() -> bool:
    """Whether the data folder lies where an unprivileged PgBouncer cannot enter (below /root, or mode 0700)."""
    pool = Pool(data_folder())
    return pool.account is not None and not all(
        parent.stat().st_mode & 0o001 or parent.stat().st_uid == pool.account.pw_uid
        for parent in (data_folder(), *data_folder().parents)
    )


def measure(database: Database, plan: PoolPlan, active: float | None = None) -> Measured:
    """What the server says of its limits, and who holds connections beside the pool's roles."""
    url = url_of(database)
    names = [str(conninfo_to_dict(_resolve(role)).get("user") or "") for role in plan.roles]
    with session(url) as connection:
        found = one(
            connection,
            """
            SELECT current_setting('max_connections')::int AS max_connections,
                   current_setting('superuser_reserved_connections')::int AS reserved,
                   (SELECT count(*)::int FROM pg_stat_activity
                    WHERE backend_type = 'client backend' AND usename <> ALL (%(names)s::text[])) AS others
            """,
            {"names": names},
        )
    return Measured(**found, cores=machine_of(database, url).cores, active=active, roles=max(1, len(set(names))))


def prepare(database: Database, active: float | None = None) -> Prepared:
    """Reckon the size and write the files' texts; nothing is changed. Raises DatabaseTrouble."""
    plan = plan_of(database)
    if not plan.roles:
        raise NotConfigured(
            'The pool needs to know who may come in: [database.pool] roles = ["env:DATABASE_URL"], references to the '
            "URLs that the application uses."
        )
    first = conninfo_to_dict(_resolve(plan.roles[0]))
    upstream = config.Upstream(
        str(first.get("host") or "127.0.0.1"), int(first.get("port") or 5432), str(first.get("dbname") or first["user"])
    )
    reckoned = size(measure(database, plan, active), plan.size)
    folder = folder_of(database)
    ini = config.ini(
        upstream, reckoned, folder, host=plan.host, port=plan.port, max_clients=plan.max_clients, version=version()
    )
    logins = {
        **_logins(database, plan),
        config.STATS_ROLE: config.scram(stats_password(database), salt=b"golive-pool-stat"),
    }
    return Prepared(plan, reckoned, {"pgbouncer.ini": ini, "userlist.txt": config.userlist(logins)})


def _logins(database: Database, plan: PoolPlan) -> dict[str, str]:
    """Each role's SCRAM secret where an admin may read it, so that no password lies on disk; else its password.

    The two roles of a rotation come in by turns, without being named here.
    """
    known = {}
    for reference in plan.roles:
        parts = conninfo_to_dict(_resolve(reference))
        known[str(parts["user"])] = str(parts.get("password") or "")
    turns = [str(role) for role in database.topic("rotate").get("roles", [])]
    if not database.admin:
        return known
    try:
        with session(_resolve(database.admin)) as connection:
            found = rows(
                connection,
                "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY (%(names)s::text[]) "
                "OR rolcanlogin AND rolname = ANY (%(turns)s::text[])",
                {"names": list(known), "turns": turns},
            )
    except DatabaseTrouble:
        return known
    kept = {row["rolname"]: row["rolpassword"] for row in found if str(row["rolpassword"]).startswith("SCRAM-")}
    return {**known, **kept}


def stats_password(database: Database) -> str:
    """The password of golive's own role in the pool, made once."""
    name = f"{database.project.slug}.pool.stats"
    try:
        return secrets.get(name)
    except SecretError:
        secrets.put(name, random.token_urlsafe(24))
        return secrets.get(name)


def console_url(database: Database) -> str:
    """The pool's own console, for SHOW POOLS."""
    plan = plan_of(database)
    host = "127.0.0.1" if plan.host in ("0.0.0.0", "*") else plan.host  # noqa: S104
    return f"postgresql://{config.STATS_ROLE}:{stats_password(database)}@{host}:{plan.port}/pgbouncer"


def bring_up(database: Database, active: float | None = None) -> tuple[Prepared, str]:
    """Write what is prepared, then start, reload or leave alone."""
    prepared = prepare(database, active)
    pool = pool_of(database)
    return prepared, pool.ensure(pool.write(prepared.files))


def _resolve(reference: str) -> str:
    try:
        return secrets.resolve(reference)
    except SecretError as error:
        raise NotConfigured(f"[database.pool] cannot be used here. {error}") from error
