"""What can go wrong between golive and somebody's database, in one sentence with the way out."""

import re

import psycopg
from psycopg import errors


class DatabaseTrouble(Exception):
    """The database cannot be asked, or refuses; no message holds a password. `exit_code` is the command line's."""

    exit_code = 2


class DatabaseAway(DatabaseTrouble):
    """It does not answer now: stopped, starting, restarting, or cut off. Asking again later may help."""


class DatabaseRefuses(DatabaseTrouble):
    """It answers, but golive's role or the server lacks something; the message says what and how to get it."""


class NotConfigured(DatabaseTrouble):
    """golive.toml names no database, or something that a command needs."""

    exit_code = 3


_AWAY: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.CannotConnectNow, "is starting, stopping or recovering; ask again in a moment"),
    (errors.AdminShutdown, "was stopped or restarted while golive asked; ask again"),
    (errors.CrashShutdown, "crashed while golive asked; its log says why"),
    (errors.TooManyConnections, "has no connection left; `golive db look connections` says who holds them"),
)
_REFUSES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.InvalidPassword, "refuses the password; correct the reference in [database], or run `golive db connect`"),
    (errors.InvalidAuthorizationSpecification, "refuses the login; pg_hba.conf has to let golive's host in"),
    (errors.InvalidCatalogName, "has no such database; correct the reference in [database]"),
    (errors.InsufficientPrivilege, "lets golive's role do too little; `golive db connect` prints the grants it needs"),
    (errors.ReadOnlySqlTransaction, "is read-only: it is a replica, or golive's role may only read"),
    (errors.QueryCanceled, "needed longer than golive lets itself take; nothing was changed"),
    (errors.DiskFull, "has no disk left for this; make room and run it again"),
    (errors.LockNotAvailable, "holds a lock that golive does not wait for; nothing was changed, try again later"),
    (errors.UndefinedFile, "lacks the extension; install the server's contrib package"),
)


_TOO_LARGE = re.compile(
    r"invalid memory alloc request size|enlarge string buffer|string buffer exceeds|array size exceeds"
)


def too_large(error: BaseException) -> bool:
    """Whether PostgreSQL could not hand out a value or row because it is larger than a gigabyte as text."""
    if not isinstance(error, psycopg.Error) or error.diag is None:
        return False
    words = f"{error.diag.message_primary} {error.diag.message_detail}"
    return bool(_TOO_LARGE.search(words)) or isinstance(error, errors.ProgramLimitExceeded)


def said(error: psycopg.Error) -> str:
    """The server's own words in one line."""
    primary = error.diag.message_primary if error.diag else None
    return " ".join((primary or str(error) or type(error).__name__).split())[:300]


def explain(error: psycopg.Error, place: str) -> DatabaseTrouble:
    """The trouble that an error of the driver stands for; `place` names the server without credentials."""
    words = said(error)
    if "unsupported startup parameter" in words:
        return DatabaseRefuses(f"{place} is a pooler, not the server; give [database] url the server's own address.")
    if too_large(error):
        return DatabaseRefuses(
            f"The database at {place} holds a row that is larger as text than the gigabyte which PostgreSQL hands out "
            f"in one piece; nothing was changed. Split the value, or leave the row out. ({words})"
        )
    if isinstance(error, errors.ObjectNotInPrerequisiteState) and "shared_preload_libraries" in words:
        return DatabaseRefuses(
            f"The database at {place} has the extension, but its library is not loaded: add it to "
            f"shared_preload_libraries (managed: the parameter group) and restart. ({words})"
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedFunction) and "pg_stat_statements" in words:
        return DatabaseRefuses(
            f"The database at {place} has no pg_stat_statements that golive's role can use: it is missing, or its "
            "schema is closed to the role; `golive db connect` prints both statements."
        )
    for kind, way in _AWAY:
        if isinstance(error, kind):
            return DatabaseAway(f"The database at {place} {way}. ({words})")
    for kind, way in _REFUSES:
        if isinstance(error, kind):
            return DatabaseRefuses(f"The database at {place} {way}. ({words})")
    if isinstance(error, psycopg.OperationalError):
        return _at_the_door(words, place)
    return DatabaseTrouble(f"The database at {place} refuses a statement: {words}")


def _at_the_door(words: str, place: str) -> DatabaseTrouble:
    """A failed login carries no code in the driver, only the server's words."""
    known = (
        ("password authentication failed", "refuses the password; correct the reference in [database]"),
        ("no encryption", "wants TLS, or does not let golive's host in; add ?sslmode=require to the address"),
        ("does not support SSL", "offers no TLS, which the address demands; switch it on there, or lower sslmode"),
        ("root certificate file", "is to be verified, but its authority is not here; name it by sslrootcert"),
        (
            "certificate verify failed",
            "shows a certificate of an authority golive does not know; name it by sslrootcert",
        ),
        ("server certificate for", "shows a certificate of another name; use the name that it holds as the host"),
        ("no pg_hba.conf entry", "does not let golive's host in; pg_hba.conf needs a line for it"),
        ("does not exist", "has no such role or database; correct the reference in [database]"),
        ("not permitted to log in", "has this role without LOGIN; `golive db connect` prints one that has it"),
        ("permission denied", "does not let this role connect; `golive db connect` prints the grants it needs"),
    )
    for sign, way in known:
        if sign in words:
            return DatabaseRefuses(f"The database at {place} {way}. ({words})")
    for sign, way in (
        ("too many clients", "has no connection left; `golive db look connections` says who holds them"),
        ("too many connections", "has no connection left for this role or database"),
        ("remaining connection slots", "has only its reserved connections left; a pool is what it needs"),
        ("server closed the connection unexpectedly", "was stopped or crashed while golive asked; ask again"),
        ("the connection is lost", "was stopped or crashed while golive asked; ask again"),
        ("is starting up", "is starting; ask again in a moment"),
        ("is shutting down", "is shutting down"),
        ("recovery mode", "is recovering; ask again in a moment"),
    ):
        if sign in words:
            return DatabaseAway(f"The database at {place} {way}. ({words})")
    return DatabaseAway(f"The database at {place} does not answer: {words}")
