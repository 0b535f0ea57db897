"""One rotation: the idle role gets a new password, the application is led to it, and the other is shut when unused."""

import os
import secrets as random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.people import secrets
from golive.people.secrets import SecretError
from golive.postgres.rotate.plan import RotatePlan
from golive.postgres.rotate.pooled import Pooled
from golive.postgres.session import Connection, Statement, one, rows, session
from golive.postgres.trouble import DatabaseRefuses, DatabaseTrouble, NotConfigured

TAKES_OVER = "golive: takes over from "
ADMITTED_SECONDS = 10.0
QUIET_SECONDS = 3.0  # the old role is shut after this long without anybody: a client may just be connecting


class RotateTrouble(DatabaseTrouble):
    """A rotation stopped; the message says where. The credentials in use still work."""

    exit_code = 1


@dataclass(frozen=True)
class Turn:
    """Who hands over to whom. `old` is "" before the first rotation."""

    old: str
    new: str


def turn(roles: list[str], in_use: str) -> Turn:
    """The role that is not in use comes next."""
    if in_use == roles[0]:
        return Turn(roles[0], roles[1])
    return Turn(in_use, roles[0])


def steps(admin: str, plan: RotatePlan) -> list[tuple[str, str]]:
    """What a rotation does, each with its way back."""
    now = turn(plan.roles, role_in(plan.target))
    return [
        (
            f"role {now.new} (made when missing) acts as {plan.owner} and gets a new password",
            "it is used by nobody yet",
        ),
        (f"log in as {now.new} and read", "nothing to undo"),
        (f"{plan.target} names {now.new}", f"the old URL is kept in memory and put back if {now.new} cannot log in"),
        (f"wait until no session of {now.old or 'the old role'} is left", "stop waiting: both work"),
        (f"shut {now.old or 'the old role'}: NOLOGIN", f"ALTER ROLE {now.old} LOGIN;"),
    ]


def role_in(target: str) -> str:
    """The role that the application's URL names now; empty when there is none yet."""
    try:
        return str(conninfo_to_dict(secrets.resolve(target)).get("user") or "")
    except SecretError:
        return ""


def prepare(connection: Connection, plan: RotatePlan, now: Turn, word: str) -> None:
    """Make or open the role: it logs in, becomes the owner, and has the new password.

    A comment says from whom it takes over, until that one is shut: by it a rotation that was killed is known.
    """
    name = now.new
    found = one(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = %(name)s", {"name": plan.owner})
    if not found:
        raise RotateTrouble(f"There is no role {plan.owner}; [database.rotate] owner is the one that owns the tables.")
    role, owner = sql.Identifier(name), sql.Identifier(plan.owner)
    exists = one(connection, "SELECT 1 AS yes FROM pg_roles WHERE rolname = %(name)s", {"name": name})
    statements: list[Statement] = [
        sql.SQL("{} {} LOGIN INHERIT PASSWORD {}").format(
            sql.SQL("ALTER ROLE" if exists else "CREATE ROLE"), role, sql.Literal(word)
        ),
        sql.SQL("GRANT {} TO {}").format(owner, role),
        sql.SQL("ALTER ROLE {} SET role = {}").format(role, sql.Literal(plan.owner)),
        sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(TAKES_OVER + now.old if now.old else None)),
    ]
    for statement in statements:
        connection.execute(statement)


def put(target: str, url: str) -> None:
    """Write the application's URL, all of it or nothing; a file keeps its owner and mode."""
    if target.startswith("secret:"):
        secrets.put(target.removeprefix("secret:"), url)
        return
    path = Path(target.removeprefix("file:"))
    try:
        kept = path.stat() if path.exists() else None
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as out:
            out.write(url + "\n")
            out.flush()
            os.fsync(out.fileno())
        if kept is not None:
            Path(draft).chmod(kept.st_mode & 0o777)
            os.chown(draft, kept.st_uid, kept.st_gid)
        Path(draft).replace(path)
    except OSError as error:
        raise RotateTrouble(f"{path} cannot be written: {error.strerror}. Nothing was rotated.") from error


def rotate(
    admin: str,
    plan: RotatePlan,
    wait: timedelta,
    tell: Callable[[str], None] = lambda note: None,
    pool: Pooled | None = None,
) -> tuple[Turn, bool]:
    """Rotate once. Whether the old role was shut too: it is not while it is used beyond `wait`.

    One that was killed or did not come to its end is ended first, and that is all then: to rotate again would change
    the password under those who still come as the old role.
    """
    if not plan.roles:
        raise NotConfigured("Nothing is to be rotated: write [database.rotate] with roles, owner and target.")
    in_use = role_in(plan.target)
    left = _left_open(admin, in_use)
    if left:
        tell(f"an earlier rotation from {left} to {in_use} was not ended")
        return Turn(left, in_use), _shut(admin, Turn(left, in_use), wait, tell, pool)
    now, word = turn(plan.roles, in_use), random.token_urlsafe(32)
    parts = conninfo_to_dict(_present(plan.target) or admin)
    url = make_conninfo("", **{**{k: v for k, v in parts.items() if v is not None}, "user": now.new, "password": word})
    with session(admin, read_only=False, autocommit=False) as connection:
        prepare(connection, plan, now, word)
    if pool is not None:
        pool.admit()
    with _logged_in(url) as connection:
        acts_as = one(connection, "SELECT current_user AS name")["name"]
    if acts_as != plan.owner:
        raise RotateTrouble(f"{now.new} logs in but acts as {acts_as}, not {plan.owner}. The old credentials stay.")
    tell(f"{now.new} logs in")
    put(plan.target, url)
    tell(f"{plan.target} names {now.new}")
    if not now.old or now.old == now.new:
        return now, True
    return now, _shut(admin, now, wait, tell, pool)


def _present(target: str) -> str:
    try:
        return secrets.resolve(target)
    except SecretError:
        return ""


def _left_open(admin: str, role: str) -> str:
    """Whom this role takes over from in a rotation that has not ended; "" when there is none."""
    with session(admin) as connection:
        found = one(
            connection,
            "SELECT shobj_description(oid, 'pg_authid') AS note FROM pg_roles WHERE rolname = %(role)s",
            {"role": role},
        )
        note = str((found or {}).get("note") or "")
        old = note.removeprefix(TAKES_OVER) if note.startswith(TAKES_OVER) else ""
        open_ = old and one(
            connection, "SELECT 1 AS yes FROM pg_roles WHERE rolname = %(old)s AND rolcanlogin", {"old": old}
        )
    return old if open_ else ""


@contextmanager
def _logged_in(url: str) -> Iterator[Connection]:
    """A first session of the new role; a pool takes a moment to know it."""
    deadline = time.monotonic() + ADMITTED_SECONDS
    while True:
        try:
            with session(url) as connection:
                yield connection
                return
        except DatabaseRefuses:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _shut(admin: str, now: Turn, wait: timedelta, tell: Callable[[str], None], pool: Pooled | None) -> bool:
    """Close the old role to new logins once nobody uses it; a session that is still open keeps it open."""
    try:
        with session(admin, read_only=False) as connection:
            return _shut_when_quiet(connection, now, time.monotonic() + wait.total_seconds(), tell, pool)
    finally:
        if pool is not None:
            pool.keep()


def _shut_when_quiet(
    connection: Connection, now: Turn, deadline: float, tell: Callable[[str], None], pool: Pooled | None
) -> bool:
    role, quiet_since = now.old, time.monotonic()
    while True:
        if _used(connection, role, pool):
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= QUIET_SECONDS:
            if one(connection, "SELECT 1 AS yes FROM pg_roles WHERE rolname = %(role)s", {"role": role}):
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            if not _used(connection, role, pool):
                connection.execute(sql.SQL("COMMENT ON ROLE {} IS NULL").format(sql.Identifier(now.new)))
                if pool is not None:
                    pool.admit()
                tell(f"{role} is shut")
                return True
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))  # somebody slipped in
        if time.monotonic() >= deadline:
            tell(f"{role} is still used")
            return False
        time.sleep(0.2)


def _used(connection: Connection, role: str, pool: Pooled | None) -> bool:
    """Whether anybody comes as this role, directly or through the pool."""
    if pool is not None and pool.clients(role):
        return True
    found = rows(connection, "SELECT pid FROM pg_stat_activity WHERE usename = %(role)s", {"role": role})
    if found and pool is not None:
        pool.let_go()  # kept by the pool for clients that have left
    return bool(found)
