"""PgBouncer's files as text. Pure: what is written, and where, is decided elsewhere."""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from golive.postgres.pool.size import Size

STATS_ROLE = "golive_pool"
TRACKS_PREPARED = (1, 21)  # from here on prepared statements work in transaction mode


@dataclass(frozen=True)
class Upstream:
    """The server behind the pool."""

    host: str
    port: int
    database: str


def ini(
    upstream: Upstream, size: Size, folder: Path, *, host: str, port: int, max_clients: int, version: tuple[int, ...]
) -> str:
    """pgbouncer.ini. A waiting client is refused after two minutes, a dead server is noticed within seconds."""
    lines = [
        "; written by golive; changes are lost. golive.toml: [database.pool]",
        "[databases]",
        _database(upstream),
        "",
        "[pgbouncer]",
        f"listen_addr = {host}",
        f"listen_port = {port}",
        "unix_socket_dir =",
        f"auth_file = {folder}/userlist.txt",
        "auth_type = scram-sha-256",
        f"logfile = {folder}/pgbouncer.log",
        f"pidfile = {folder}/pgbouncer.pid",
        f"admin_users = {STATS_ROLE}",
        "pool_mode = transaction",
        f"default_pool_size = {size.each}",
        f"reserve_pool_size = {size.reserve}",
        "reserve_pool_timeout = 2",
        f"max_db_connections = {size.in_all}",
        f"max_client_conn = {max_clients}",
        "query_wait_timeout = 120",
        "server_connect_timeout = 5",
        "server_login_retry = 1",
        "server_idle_timeout = 300",
        "server_lifetime = 3600",
        "tcp_keepalive = 1",
        "ignore_startup_parameters = extra_float_digits,search_path,options",
        "log_connections = 0",
        "log_disconnections = 0",
        "stats_period = 60",
    ]
    if version >= TRACKS_PREPARED:
        lines.append("max_prepared_statements = 200")
    return "\n".join(lines) + "\n"


def userlist(secrets: Mapping[str, str]) -> str:
    """userlist.txt: a role and its SCRAM secret (or password) a line."""
    return "".join(f"{_quoted(role)} {_quoted(secret)}\n" for role, secret in sorted(secrets.items()))


def _quoted(text: str) -> str:
    if "\n" in text or "\0" in text:
        raise ValueError("PgBouncer's files cannot hold a name or password with a line break")
    return '"' + text.replace('"', '""') + '"'


def _database(upstream: Upstream) -> str:
    """The line of a database. A name that PgBouncer cannot spell stands as "*": whatever the client asks for."""
    place = f"host={_value(upstream.host)} port={upstream.port}"
    if re.fullmatch(r"[A-Za-z0-9_.-]+", upstream.database):
        return f"{upstream.database} = {place} dbname={_value(upstream.database)}"
    return f"* = {place}"


def _value(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def scram(password: str, *, iterations: int = 4096, salt: bytes | None = None) -> str:
    """A password's SCRAM-SHA-256 secret as PostgreSQL keeps it (RFC 5803)."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    first, second, third = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{first}${second}:{third}"
