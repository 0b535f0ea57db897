"""What is proved on a restored server. Each proof says what it looked at; one that looked at nothing has not passed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from golive.postgres.backups import manifest
from golive.postgres.backups.dump import without_password
from golive.postgres.backups.scratch import Scratch
from golive.postgres.backups.tools import BackupTrouble, run
from golive.postgres.session import one, rows, session
from golive.postgres.trouble import said


@dataclass(frozen=True)
class Proof:
    """`ok` None means that it could not be proved here; `detail` says what was seen, or why not."""

    name: str
    ok: bool | None
    detail: str

    def kept(self) -> dict[str, Any]:
        return asdict(self)


def nonce(url: str, accepted: Sequence[str]) -> Proof:
    """The row that golive wrote just before the instant, and no later one."""
    with session(url) as connection:
        found = one(connection, "SELECT at, nonce FROM golive.heartbeat WHERE id = 1")
    if not found:
        return Proof("nonce", False, "golive.heartbeat is empty")
    ok = found["nonce"] in accepted
    return Proof(
        "nonce", ok, f"the beat of {found['at']:%Y-%m-%d %H:%M:%S}" + ("" if ok else " is not the expected one")
    )


def contents(original: str, restored: str, before: dict[str, Any]) -> list[Proof]:
    """The right cluster, its roles, and every table against the manifest of the backup."""
    there = manifest.take(restored)
    now = manifest.changes(original)
    wrong = manifest.compare(before, now, there)
    count = len(before["tables"])
    unchanged = sum(
        1
        for name, was in before["tables"].items()
        if name in now and all(now[name][key] == was[key] for key in ("inserted", "updated", "deleted"))
    )
    total = before.get("total", count)
    largest = f"the largest {count} of {total} tables" if total > count else f"{count} tables"
    detail = f"{largest}, {unchanged} of them to the last bit, the others by what changed since"
    if counted := sum(was["hash"] is None and was["rows"] > 0 for was in before["tables"].values()):
        detail += f"; {counted} too large to be hashed, by their number of rows only"
    if skipped := before.get("skipped"):
        detail += f"; not compared, for they were locked when the backup was made: {', '.join(skipped[:3])}"
    if wrong:
        detail = "; ".join(f"{one_.table} {one_.reason}" for one_ in wrong[:5])
    missing = sorted(set(before["roles"]) - set(there["roles"]))
    return [
        Proof("cluster", there["system"] == before["system"], f"system identifier {there['system']}"),
        Proof("roles", not missing, f"missing: {', '.join(missing)}" if missing else f"{len(before['roles'])} roles"),
        Proof("tables", not wrong if count else None, detail if count else "there is no table"),
    ]


SEQUENCES = """
SELECT n.nspname AS schema, c.relname AS sequence,
       tn.nspname AS table_schema, t.relname AS relation, a.attname AS attribute
FROM pg_depend AS d
JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS t ON t.oid = d.refobjid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
"""


def sequences(url: str) -> Proof:
    """No sequence is behind the column which it fills: the next INSERT would collide."""
    behind, count = [], 0
    with session(url, statement_timeout=timedelta(minutes=10)) as connection:
        for row in rows(connection, SEQUENCES):
            statement = sql.SQL("SELECT (SELECT max({})::numeric FROM {}) AS most, last_value AS last FROM {}").format(
                sql.Identifier(row["attribute"]),
                sql.Identifier(row["table_schema"], row["relation"]),
                sql.Identifier(row["schema"], row["sequence"]),
            )
            found = one(connection, statement)
            count += 1
            if found["most"] is not None and found["most"] > found["last"]:
                behind.append(f"{row['schema']}.{row['sequence']} is at {found['last']}, its column at {found['most']}")
    return Proof("sequences", not behind, "; ".join(behind[:5]) or f"{count} sequences")


def amcheck(scratch: Scratch, url: str) -> Proof:
    """Every B-tree against its table: what neither checksums nor pgBackRest's verify find."""
    clean, environment = without_password(url)
    try:
        program = scratch.program("pg_amcheck")
    except RuntimeError as error:
        return Proof("amcheck", None, str(error))
    parts = conninfo_to_dict(clean)
    options = ("--heapallindexed", "--install-missing", "--no-password", "--jobs=2")
    server = (f"--host={parts['host']}", f"--port={parts['port']}", f"--username={parts['user']}")
    command = [program, *options, *server]
    with session(url) as connection:
        name = one(connection, "SELECT current_database() AS name")["name"]
        count = one(connection, "SELECT count(*) AS n FROM pg_class WHERE relkind = 'i'")["n"]
    try:
        run([*command, f"--database={_literal(name)}"], scratch.account, "pg_amcheck", environment=environment)
    except BackupTrouble as error:
        return Proof("amcheck", False, str(error)[:400])
    return Proof("amcheck", True, f"{count} indexes against their tables")


def _literal(name: str) -> str:
    """A name as a pattern of pg_amcheck that matches nothing else."""
    return '"' + name.replace('"', '""') + '"'


def checksums(scratch: Scratch) -> Proof:
    """Pages against their checksums, on the stopped server."""
    control = run([scratch.program("pg_controldata"), str(scratch.data)], scratch.account, "pg_controldata")
    if "Data page checksum version:           0" in control:
        return Proof("checksums", None, "the cluster has no page checksums (pg_checksums --enable)")
    try:
        said_ = run(
            [scratch.program("pg_checksums"), "--check", "-D", str(scratch.data)], scratch.account, "pg_checksums"
        )
    except BackupTrouble as error:
        return Proof("checksums", False, str(error)[:400])
    blocks = next((line.partition(":")[2].strip() for line in said_.splitlines() if "Blocks scanned" in line), "all")
    return Proof("checksums", True, f"{blocks} pages")


def smoke(url: str, queries: Sequence[str]) -> list[Proof]:
    """The application's own queries: every value that they return must be true, and there must be one."""
    found = []
    for number, query in enumerate(queries, 1):
        try:
            with session(url, statement_timeout=timedelta(minutes=5)) as connection:
                values = [value for row in connection.execute(query).fetchall() for value in row.values()]
        except Exception as error:
            words = said(error) if isinstance(error, psycopg.Error) else str(error)
            found.append(Proof(f"smoke {number}", False, f"{query}: {words}"[:400]))
            continue
        ok = bool(values) and all(value is True for value in values)
        found.append(Proof(f"smoke {number}", ok, f"{query}: {'true' if ok else values[:3]}"[:400]))
    return found
