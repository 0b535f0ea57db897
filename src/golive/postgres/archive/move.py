"""Moving old rows out: write a file, read it back, prove it in PostgreSQL, and delete the rows, batch by batch.

The rows' deletion and the log entry of their file are one transaction. Killed before it, the file has no entry and is
overwritten; killed after it, the entry writes the manifest anew. So nothing is lost and nothing is there twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.types.json import Jsonb

from golive.postgres.archive.cold import Cold, ColdTrouble
from golive.postgres.archive.layout import Field, Manifest, as_text, field_of, file_of, hashes, instant, table
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.partition.calm import lag_seconds
from golive.postgres.partition.locks import briefly, gently
from golive.postgres.partition.policy import ends
from golive.postgres.partition.shape import CannotPartition, Shape, look, weight
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import MOST_ROW_BYTES, at_once, portion, together, width

S, I = sql.SQL, sql.Identifier  # noqa: E741
LOG = I("golive_archive")
Tell = Callable[[str], None]
Row = tuple[Any, ...]
AS_WRITTEN = (  # what the text of values depends on
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1;"
    " SET bytea_output = 'hex'"
)


@dataclass
class Moved:
    """What one run moved. `kept` rows are old enough but still referenced by other tables."""

    rows: int = 0
    files: int = 0
    partitions: list[str] = field(default_factory=list)
    kept: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class Mover:
    """One archive. The connection may write and delete; its transactions are ours."""

    def __init__(self, connection: Connection, name: str, plan: ArchivePlan, cold: Cold, tell: Tell) -> None:
        self.connection, self.name, self.plan, self.cold, self.tell = connection, name, plan, cold, tell
        connection.execute(AS_WRITTEN)
        connection.execute("SET jit = off")
        gently(connection)
        try:
            self.shape = look(connection, plan.table)
        except CannotPartition as error:
            raise ColdTrouble(str(error)) from error
        if not self.shape.primary:
            raise ColdTrouble(f"{plan.table} has no primary key: rows could not be told apart.")
        self.shape.column(plan.by)
        self.fields = [field_of(each["name"], each["type"]) for each in self.shape.columns if not each["generated"]]
        self.moved = Moved()
        self.width = width([(each.name, each.type) for each in self.fields])
        self.batch = portion(plan.batch, *weight(connection, self.shape))

    def run(self, now: datetime, batches: int | None = None) -> Moved:
        """Move what is old enough; at most `batches` files. Raises ColdTrouble."""
        began = time.monotonic()
        edge = now - self.plan.older
        self._recover()
        if self.shape.kind == "p" and not self.plan.where:
            self._partitions(edge)
        while batches is None or self.moved.files < batches:
            started = time.monotonic()
            if not self._batch(edge):
                break
            self.tell(f"{self.moved.rows:,} rows in {self.moved.files} files")
            self._breathe(time.monotonic() - started)
        self.moved.kept = self._referenced(edge)
        self.moved.notes += filter(None, [self._too_wide(edge)])
        self.moved.seconds = time.monotonic() - began
        if self.moved.rows and not self.moved.partitions:
            self.moved.notes.append(
                f"the rows are gone, their disk is not: VACUUM makes it usable for {self.plan.table}, "
                "only partitions (golive db partition) or pg_repack give it back"
            )
        return self.moved

    def _too_wide(self, edge: datetime) -> str:
        """What is said of rows that stay because of their width."""
        condition = self._old(edge) + self._free() + S(" AND {} > {}").format(self.width, sql.Literal(MOST_ROW_BYTES))
        count = S("SELECT count(*) AS rows, min(ROW({})::text) AS key FROM {} t WHERE {}")
        found = one(self.connection, count.format(self._keys(), self.shape.where, condition))
        if not found["rows"]:
            return ""
        return (
            f"{found['rows']:,} rows stay, for each is wider than {MOST_ROW_BYTES // 1024**2} MB as text, such as the "
            f"one with the key {found['key']}: keep such values as files, or move these rows by hand with COPY"
        )

    def waiting(self, now: datetime) -> int:
        """How many rows are old enough and free."""
        condition = self._old(now - self.plan.older) + self._free()
        count = S("SELECT count(*) AS rows FROM {} t WHERE {}").format(self.shape.where, condition)
        found: int = one(self.connection, count)["rows"]
        return found

    def _recover(self) -> None:
        """Make the log where there is none; write manifests that a killed run did not come to."""
        self.connection.execute(
            S(
                "CREATE TABLE IF NOT EXISTS {} (archive text NOT NULL, number bigint NOT NULL, manifest jsonb NOT NULL,"
                " at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (archive, number))"
            ).format(LOG)
        )
        have = {manifest.number for manifest in self.cold.manifests()}
        found = rows(
            self.connection,
            S("SELECT number, manifest FROM {} WHERE archive = %(name)s").format(LOG),
            {"name": self.name},
        )
        for row in found:
            if row["number"] not in have:
                self.cold.put(Manifest(**row["manifest"]))

    def _next(self) -> int:
        row = one(
            self.connection,
            S("SELECT COALESCE(max(number), 0) + 1 AS number FROM {} WHERE archive = %(name)s").format(LOG),
            {"name": self.name},
        )
        number: int = row["number"]
        return number

    def _old(self, edge: datetime) -> sql.Composed:
        """The rows that may go. The further condition is the operator's own SQL from golive.toml."""
        condition = S("t.{} < {}").format(I(self.plan.by), sql.Literal(edge))
        return condition + (S(" AND (") + S(self.plan.where) + S(")") if self.plan.where else S(""))

    def _free(self) -> sql.Composed:
        """Rows that no other table refers to: whatever the foreign key would do, children go first."""
        found = S("").format()
        for key in inbound(self.connection, self.shape):
            same = S(" AND ").join(
                S("c.{} = t.{}").format(I(theirs), I(ours))
                for theirs, ours in zip(key["theirs"], key["ours"], strict=True)
            )
            found += S(" AND NOT EXISTS (SELECT FROM {} c WHERE {})").format(I(key["schema"], key["table"]), same)
        return found

    def _referenced(self, edge: datetime) -> int:
        if not inbound(self.connection, self.shape):
            return 0
        count = S("SELECT count(*) AS rows FROM {} t WHERE {}").format(self.shape.where, self._old(edge))
        found: int = one(self.connection, count)["rows"]
        return found

    def _batch(self, edge: datetime) -> int:
        number = self._next()
        with self.connection.transaction():
            keys, wanted = self._claim(edge)
            if not keys:
                return 0
            manifest = self._file(number, self.shape.where, keys)
            deleted = self._delete(keys)
            if deleted != manifest.rows:
                raise ColdTrouble(
                    f"{manifest.rows} rows were written, but {deleted} could be deleted; nothing was changed."
                )
            self._log(manifest)
        self.batch = wanted
        self.cold.put(manifest)
        self.moved.rows += deleted
        self.moved.files += 1
        return deleted

    def _claim(self, edge: datetime) -> tuple[list[Row], int]:
        """Keys of the next rows, locked, as many as fit in memory together; how many to look at next time."""
        found = self._fetched(
            S("SELECT {}, {} FROM {} t WHERE {}{} AND {} <= {} ORDER BY {} LIMIT {} FOR UPDATE SKIP LOCKED").format(
                self._keys(), self.width, self.shape.where, self._old(edge), self._free(), self.width,
                sql.Literal(MOST_ROW_BYTES), self._order(), sql.Literal(self.batch),
            )
        )  # fmt: skip
        count = together([row[-1] for row in found])
        return [row[:-1] for row in found[:count]], min(self.plan.batch, max(2 * count, 1))

    def _order(self) -> sql.Composed:
        return S(", ").join(S("t.") + I(name) for name in dict.fromkeys([self.plan.by, *self.shape.primary]))

    def _keys(self) -> sql.Composed:
        return S(", ").join(S("t.{}::text").format(I(name)) for name in self.shape.primary)

    def _columns(self, fields: Sequence[Field]) -> sql.Composed:
        """Columns as they are kept: what Parquet has no exact type for, as PostgreSQL's own text."""
        return S(", ").join(
            S("t.{}").format(I(each.name)) if each.native else S("t.{}::text").format(I(each.name)) for each in fields
        )

    def _fetched(self, statement: sql.Composed) -> list[Row]:
        with self.connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
            return cursor.execute(statement).fetchall()

    def _kept(self, where: sql.Composable, keys: Sequence[Row]) -> tuple[list[Field], pa.Table]:
        """The rows of these keys. Where one has a value that only PostgreSQL knows (infinity, NaN, BC), as text."""
        trouble: Exception | None = None
        for fields in (self.fields, as_text(self.fields)):
            try:
                taken = self._fetched(
                    S("SELECT {} FROM {} t WHERE {} ORDER BY {}").format(
                        self._columns(fields), where, self._in(keys), self._order()
                    )
                )
                return fields, table(fields, taken)
            except (psycopg.DataError, pa.ArrowException, ValueError, OverflowError) as error:
                if isinstance(error, psycopg.Error) and error.sqlstate:
                    raise  # the server's own
                trouble = error
        raise ColdTrouble(f"A value of {self.plan.table} cannot be kept: {trouble}") from trouble

    def _file(self, number: int, where: sql.Composable, keys: Sequence[Row]) -> Manifest:
        """Write, read back, and let PostgreSQL compare what came back with what it has."""
        fields, data = self._kept(where, keys)
        if data.num_rows != len(keys):
            raise ColdTrouble(f"{len(keys)} rows were taken, but {data.num_rows} can be read; nothing was changed.")
        times = [instant(each) for each in data.column(self.plan.by).to_pylist()]
        name = file_of(number, min(times))
        self.cold.write(name, data)
        back = self.cold.read(name)
        columns = hashes(data)
        if back.num_rows != len(keys) or hashes(back) != columns:
            raise ColdTrouble(f"{name} does not read back as it was written; nothing was deleted.")
        del data
        original = self._hash_of_rows(where, keys)
        staged = staged_hash(self.connection, self.shape, fields, back)
        if original != staged:
            raise ColdTrouble(f"{name} would not restore to the same rows; nothing was deleted.")
        kinds = [[each.name, each.type, "native" if each.native else "text"] for each in fields]
        return Manifest(number, name, len(keys), str(min(times)), str(max(times)), columns, original, kinds)

    def _hash_of_rows(self, where: sql.Composable, keys: Sequence[Row]) -> str:
        statement = S("SELECT {} AS hash FROM {} t WHERE {}").format(row_hash(self.fields), where, self._in(keys))
        return str(one(self.connection, statement)["hash"])

    def _in(self, keys: Sequence[Row]) -> sql.Composed:
        names = S(", ").join(S("t.") + I(name) for name in self.shape.primary)
        kinds = {each.name: each.type for each in self.fields}
        arrays = S(", ").join(
            S("{}::{}[]").format(sql.Literal([key[place] for key in keys]), S(kinds[name]))
            for place, name in enumerate(self.shape.primary)
        )
        return S("({}) IN (SELECT * FROM unnest({}))").format(names, arrays)

    def _delete(self, keys: Sequence[Row]) -> int:
        return self.connection.execute(S("DELETE FROM {} t WHERE {}").format(self.shape.where, self._in(keys))).rowcount

    def _log(self, manifest: Manifest) -> None:
        self.connection.execute(
            S("INSERT INTO {} (archive, number, manifest) VALUES (%s, %s, %s)").format(LOG),
            [self.name, manifest.number, Jsonb(manifest.__dict__)],
        )

    def _breathe(self, took: float) -> None:
        time.sleep(took * self.plan.rest)
        for _ in range(600):
            lag = lag_seconds(self.connection)
            if lag <= self.plan.max_lag.total_seconds():
                return
            self.tell(f"waits for a replica that is {lag:.0f} s behind")
            time.sleep(1)
        raise ColdTrouble("A replica stays too far behind; run again when it has caught up.")

    def _partitions(self, edge: datetime) -> None:
        """Partitions that lie wholly before the edge go whole: no row is deleted one by one."""
        if inbound(self.connection, self.shape):
            return
        for part, end in ends(self.shape.partitions):
            if end <= edge.date():
                self.tell(f"partition {part}")
                widest = self._widest(I(self.shape.schema, part))
                if widest > MOST_ROW_BYTES:
                    self.moved.notes.append(f"{part} holds a row that is too wide, so it does not go whole")
                    continue
                work = partial(self._partition, part, at_once(self.plan.batch, widest))
                briefly(self.connection, work, f"archiving {part}")
                self._recover()
                self.moved.partitions.append(part)

    def _widest(self, where: sql.Composable) -> int:
        found = one(self.connection, S("SELECT COALESCE(max({}), 0) AS most FROM {} t").format(self.width, where))
        most: int = found["most"]
        return most

    def _partition(self, part: str, batch: int) -> None:
        """One transaction: nobody may write to the partition while it is copied, and then it is gone."""
        where, number = I(self.shape.schema, part), self._next()
        self.connection.execute(S("LOCK TABLE {} IN SHARE MODE").format(where))
        done = files = 0
        with self.connection.cursor(name="golive_archive", row_factory=psycopg.rows.tuple_row) as cursor:
            cursor.execute(S("SELECT {} FROM {} t ORDER BY {}").format(self._keys(), where, self._order()))
            while keys := cursor.fetchmany(batch):
                self._log(self._file(number, where, keys))
                number, files, done = number + 1, files + 1, done + len(keys)
        count = one(self.connection, S("SELECT count(*) AS rows FROM {}").format(where))["rows"]
        if count != done:
            raise ColdTrouble(f"{part} has {count} rows, but {done} were written; nothing was changed.")
        self.connection.execute(S("ALTER TABLE {} DETACH PARTITION {}").format(self.shape.where, where))
        self.connection.execute(S("DROP TABLE {}").format(where))
        self.moved.rows += done
        self.moved.files += files


def inbound(connection: Connection, shape: Shape) -> list[dict[str, Any]]:
    """Foreign keys of other tables that point here, with both sides' columns."""
    return rows(
        connection,
        "SELECT n.nspname AS schema, c.relname AS table,"
        " ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (num, place) JOIN pg_attribute a"
        " ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY place) AS theirs,"
        " ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (num, place) JOIN pg_attribute a"
        " ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY place) AS ours"
        " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE k.confrelid = %(oid)s AND k.contype = 'f' AND k.conparentid = 0",
        {"oid": shape.oid},
    )


def row_hash(fields: Sequence[Field]) -> sql.Composed:
    """An order-free hash of whole rows, by PostgreSQL."""
    whole = S(", ").join(S("t.") + I(each.name) for each in fields)
    return S("COALESCE(sum(pg_catalog.hashtextextended(ROW({})::text, 0)::numeric), 0)::text").format(whole)


def staged_hash(connection: Connection, shape: Shape, fields: Sequence[Field], data: Any) -> str:
    """The hash of an Arrow table's rows after PostgreSQL has taken them in."""
    stage = I("pg_temp", "golive_stage")
    connection.execute(S("DROP TABLE IF EXISTS {}").format(stage))
    connection.execute(S("CREATE TEMP TABLE golive_stage (LIKE {})").format(shape.where))
    for each in shape.columns:
        connection.execute(S("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(stage, I(each["name"])))
    copy_in(connection, stage, fields, data)
    found = one(connection, S("SELECT {} AS hash FROM {} t").format(row_hash(fields), stage))["hash"]
    connection.execute(S("DROP TABLE {}").format(stage))
    return str(found)


def copy_in(connection: Connection, where: sql.Composable, fields: Sequence[Field], data: Any) -> None:
    """Copy an Arrow table's rows into a table."""
    names = S(", ").join(I(each.name) for each in fields)
    with connection.cursor() as cursor, cursor.copy(S("COPY {} ({}) FROM STDIN").format(where, names)) as copy:
        for batch in data.to_batches():
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                copy.write_row(row)
