"""Read what the script depends on, and carry it out."""

import secrets

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.postgres.connect import script
from golive.postgres.session import Connection, one, session, version_of
from golive.postgres.trouble import NotConfigured


def look(connection: Connection, role: str) -> script.Server:
    """What a server already has."""
    row = one(
        connection,
        """
        SELECT current_database() AS database,
               EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %(role)s) AS role_exists,
               EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements') AS has_statements,
               coalesce(current_setting('shared_preload_libraries', true), '') LIKE '%%pg_stat_statements%%'
                   AS preloads_statements,
               EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements')
                   AS may_create_extension,
               ARRAY(SELECT DISTINCT n.nspname::text FROM pg_extension AS e
                     JOIN pg_namespace AS n ON n.oid = e.extnamespace
                     WHERE e.extname IN ('pg_stat_statements', 'hypopg', 'pgstattuple')
                       AND NOT has_schema_privilege('public', n.oid, 'USAGE') ORDER BY 1) AS closed,
               ARRAY(SELECT nspname::text FROM pg_namespace
                     WHERE nspname NOT IN ('information_schema', 'golive') AND nspname !~ '^pg_' ORDER BY 1) AS schemas
        """,
        {"role": role},
    )
    closed, schemas = tuple(row.pop("closed")), tuple(row.pop("schemas"))
    return script.Server(version=version_of(connection), closed=closed, schemas=schemas, **row)


def carry_out(admin_url: str, role: str, *, reads_data: bool, heartbeat: bool) -> tuple[list[script.Step], str]:
    """Make or mend the role in one transaction; the steps done, and the URL that golive uses from now on.

    Raises NotConfigured where the role is the one that logs in: its rights and password would be taken from it.
    """
    word = secrets.token_urlsafe(24)
    with session(admin_url, read_only=False, autocommit=False) as connection:
        if role in (connection.info.user, one(connection, "SELECT session_user AS name")["name"]):
            raise NotConfigured(
                f"[database] admin itself logs in as {role}, which would lose its rights and password; "
                "give golive's role another name with --role."
            )
        todo = script.steps(look(connection, role), role, reads_data=reads_data, heartbeat=heartbeat)
        for step in todo:
            connection.execute(step.statement)
        connection.execute(script.password(role, word))
    parts = {name: value for name, value in conninfo_to_dict(admin_url).items() if name not in ("user", "password")}
    return todo, make_conninfo("", **parts, user=role, password=word)
