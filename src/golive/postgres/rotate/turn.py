"""One rotation: the idle role gets a new password, the application is led to it, and the other is shut when unused."""

import os
import secrets as random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.people import secrets
from golive.people.secrets import SecretError
from golive.postgres.rotate.plan import RotatePlan
from golive.postgres.session import Connection, Statement, one, rows, session
from golive.postgres.trouble import DatabaseTrouble, NotConfigured


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


def prepare(connection: Connection, plan: RotatePlan, name: str, word: str) -> None:
    """Make or open the role: it logs in, becomes the owner, and has the new password."""
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
    admin: str, plan: RotatePlan, wait: timedelta, tell: Callable[[str], None] = lambda note: None
) -> tuple[Turn, bool]:
    """Rotate once. Whether the old role was shut too: it is not while sessions of it last beyond `wait`."""
    if not plan.roles:
        raise NotConfigured("Nothing is to be rotated: write [database.rotate] with roles, owner and target.")
    now, word = turn(plan.roles, role_in(plan.target)), random.token_urlsafe(32)
    parts = conninfo_to_dict(_present(plan.target) or admin)
    url = make_conninfo("", **{**{k: v for k, v in parts.items() if v is not None}, "user": now.new, "password": word})
    with session(admin, read_only=False, autocommit=False) as connection:
        prepare(connection, plan, now.new, word)
    with session(url) as connection:
        acts_as = one(connection, "SELECT current_user AS name")["name"]
    if acts_as != plan.owner:
        raise RotateTrouble(f"{now.new} logs in but acts as {acts_as}, not {plan.owner}. The old credentials stay.")
    tell(f"{now.new} logs in")
    put(plan.target, url)
    tell(f"{plan.target} names {now.new}")
    if not now.old or now.old == now.new:
        return now, True
    return now, _shut(admin, now.old, wait, tell)


def _present(target: str) -> str:
    try:
        return secrets.resolve(target)
    except SecretError:
        return ""


def _shut(admin: str, role: str, wait: timedelta, tell: Callable[[str], None]) -> bool:
    """Close the old role to new logins once nobody uses it; a session that is still open keeps it open."""
    deadline = time.monotonic() + wait.total_seconds()
    with session(admin, read_only=False) as connection:
        while True:
            found = rows(
                connection,
                "SELECT pid FROM pg_stat_activity WHERE usename = %(role)s",
                {"role": role},
            )
            if not found:
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
                late = rows(connection, "SELECT pid FROM pg_stat_activity WHERE usename = %(role)s", {"role": role})
                if not late:
                    tell(f"{role} is shut")
                    return True
                connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))  # somebody slipped in
            if time.monotonic() >= deadline:
                tell(f"{role} is still used")
                return False
            time.sleep(0.2)
