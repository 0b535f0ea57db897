"""The script that makes golive's role: data first, so that it can be printed, reviewed and carried out alike."""

from dataclasses import dataclass

from psycopg import sql

from golive.postgres.session import Statement


@dataclass(frozen=True)
class Server:
    """What is known of a server before the script is written; the defaults are those of one never seen."""

    database: str
    version: int = 15
    role_exists: bool = False
    has_statements: bool = False
    preloads_statements: bool = True
    may_create_extension: bool = True
    closed: tuple[str, ...] = ()  # schemas that hold extensions golive calls, and are not open to everybody
    schemas: tuple[str, ...] = ("public",)


@dataclass(frozen=True)
class Step:
    """One statement, why it is there, and how to take it back. `secret` marks the one that sets the password."""

    statement: Statement
    why: str
    undo: Statement | None = None
    secret: bool = False


def steps(server: Server, role: str = "golive", *, reads_data: bool = False, heartbeat: bool = True) -> list[Step]:
    """The statements in order. `reads_data` adds SELECT on all tables, which EXPLAIN and index advice need."""
    name, database = sql.Identifier(role), sql.Identifier(server.database)
    attributes = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 10"
    found = [
        Step(
            sql.SQL("{} {} " + attributes).format(sql.SQL("ALTER ROLE" if server.role_exists else "CREATE ROLE"), name),
            "a role of its own, with few connections and no power",
            sql.SQL("DROP ROLE {}").format(name),
        ),
        *(
            Step(sql.SQL("ALTER ROLE {} SET " + setting).format(name), why)
            for setting, why in (
                ("default_transaction_read_only = on", "it reads unless it says otherwise"),
                ("statement_timeout = '10s'", "it ends what takes long"),
                ("lock_timeout = '200ms'", "nobody waits for golive"),
                ("idle_in_transaction_session_timeout = '60s'", "it never holds back vacuum"),
            )
        ),
        Step(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, name), "it may come in"),
        Step(
            sql.SQL("GRANT pg_monitor TO {}").format(name),
            "it sees statistics, settings and statements of others, no data",
            sql.SQL("REVOKE pg_monitor FROM {}").format(name),
        ),
    ]
    if not server.has_statements and server.may_create_extension and server.preloads_statements:
        found.append(
            Step(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"),
                "which statements cost how much; without it golive cannot tell",
                sql.SQL("DROP EXTENSION pg_stat_statements"),
            )
        )
    for schema in server.closed:
        found.append(
            Step(
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), name),
                "extensions that golive asks are there",
            )
        )
    if reads_data:
        found += _reading(server, name)
    if heartbeat:
        found += _heartbeat(name)
    return found


def _reading(server: Server, name: sql.Identifier) -> list[Step]:
    why = "EXPLAIN and index advice need SELECT on the tables"
    if server.version >= 14:
        undo = sql.SQL("REVOKE pg_read_all_data FROM {}").format(name)
        return [Step(sql.SQL("GRANT pg_read_all_data TO {}").format(name), why, undo)]
    return [
        Step(sql.SQL(grant + " TO {}").format(sql.Identifier(schema), name), why)
        for schema in server.schemas
        for grant in ("GRANT USAGE ON SCHEMA {}", "GRANT SELECT ON ALL TABLES IN SCHEMA {}")
    ]


def heartbeat_table() -> list[Step]:
    """One row that golive writes again and again: replication lag and the freshness of backups are read from it."""
    return [
        Step(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS golive"),
            "a place of golive's own",
            sql.SQL("DROP SCHEMA golive CASCADE"),
        ),
        Step(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS golive.heartbeat (id smallint PRIMARY KEY CHECK (id = 1), "
                "at timestamptz NOT NULL, nonce text NOT NULL)"
            ),
            "the one row by which lag and backups are measured",
        ),
    ]


def _heartbeat(name: sql.Identifier) -> list[Step]:
    return [
        *heartbeat_table(),
        Step(sql.SQL("GRANT USAGE ON SCHEMA golive TO {}").format(name), "it sees its own place"),
        Step(
            sql.SQL("GRANT SELECT, INSERT, UPDATE ON golive.heartbeat TO {}").format(name),
            "the only thing that golive writes",
        ),
    ]


def password(role: str, value: str) -> Statement:
    """Set the role's password; never printed."""
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(value))


def printed(server: Server, found: list[Step], role: str = "golive") -> str:
    """The script for psql, with reasons beside statements and the way back at its end."""
    lines = [
        f"-- golive's role on database {_one_line(server.database)}. Read it, then run it as an owner of the server:",
        "--   psql -f THIS_FILE    (\\password asks for the password and sends only its hash)",
        "\\set ON_ERROR_STOP on",
        "",
    ]
    for step in found:
        lines.append(f"{step.statement.as_string()};  -- {step.why}")
    lines.append(f"\\password {sql.Identifier(role).as_string()}")
    if not server.preloads_statements:
        lines += [
            "",
            "-- pg_stat_statements is not loaded. In postgresql.conf (managed: the parameter group), then restart:",
            "--   shared_preload_libraries = 'pg_stat_statements'",
            "-- and then: CREATE EXTENSION IF NOT EXISTS pg_stat_statements;",
        ]
    undo = [step.undo.as_string() for step in reversed(found) if step.undo is not None]
    owned = sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)).as_string()
    lines += ["", "-- To take all of it back:", *(f"--   {line};" for line in [*undo[:-1], owned, undo[-1]])]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
