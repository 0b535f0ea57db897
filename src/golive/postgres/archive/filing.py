"""A portion of rows put into cold storage and proved: written, read back, and compared by PostgreSQL itself.

Only what has an entry in the log counts; a file without one is what a killed run left, and is overwritten.
"""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.types.json import Jsonb

from golive.postgres.archive.cold import Cold, ColdTrouble
from golive.postgres.archive.layout import Field, Manifest, as_text, field_of, file_of, hashes, instant, table
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.partition.pace import Pace
from golive.postgres.partition.shape import Shape
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import width

S, I = sql.SQL, sql.Identifier  # noqa: E741
LOG = I("golive_archive")
Tell = Callable[[str], None]
Row = tuple[Any, ...]
AS_WRITTEN = (  # what the text of values depends on
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1;"
    " SET bytea_output = 'hex'"
)


class Filing:
    """One archive's files and their log. The connection may write; its transactions are the caller's."""

    def __init__(
        self, connection: Connection, name: str, plan: ArchivePlan, cold: Cold, shape: Shape, tell: Tell
    ) -> None:
        self.connection, self.name, self.plan, self.cold = connection, name, plan, cold
        self.shape, self.tell = shape, tell
        self.pace = Pace(connection, plan.rest, tell, plan.max_lag.total_seconds())
        self.fields = [field_of(each["name"], each["type"]) for each in shape.columns if not each["generated"]]
        self.kinds = {each.name: each.type for each in self.fields}
        self.width = width(list(self.kinds.items()))
        self.newest_cold = 0
        self.order = list(dict.fromkeys([plan.by, *shape.primary]))

    def make_log(self) -> None:
        """Make the log where there is none. A file does not count while `part` names its partition."""
        self.connection.execute(
            S(
                "CREATE TABLE IF NOT EXISTS {} (archive text NOT NULL, number bigint NOT NULL, manifest jsonb NOT NULL,"
                " at timestamptz NOT NULL DEFAULT now(), part text, PRIMARY KEY (archive, number))"
            ).format(LOG)
        )
        known = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'part'"
        if not self.connection.execute(known, [LOG.as_string()]).rowcount:  # a log of before partitions were detached
            self.connection.execute(S("ALTER TABLE {} ADD COLUMN IF NOT EXISTS part text").format(LOG))

    def next_number(self) -> int:
        """The number of the next file: none that cold storage has, though the log may have gone back in time."""
        row = one(
            self.connection,
            S("SELECT COALESCE(max(number), 0) + 1 AS number FROM {} WHERE archive = %(name)s").format(LOG),
            {"name": self.name},
        )
        return max(int(row["number"]), self.newest_cold + 1)

    def log(self, manifest: Manifest, part: str | None = None) -> None:
        """Enter a file. Raises ColdTrouble when another run has entered its number."""
        try:
            with self.connection.transaction():
                self.connection.execute(
                    S("INSERT INTO {} (archive, number, manifest, part) VALUES (%s, %s, %s, %s)").format(LOG),
                    [self.name, manifest.number, Jsonb(manifest.__dict__), part],
                )
        except psycopg.errors.UniqueViolation as error:
            raise ColdTrouble(f"Another run of {self.name} is at work; this one stops, nothing is lost.") from error

    def logged(self, further: sql.Composable, **values: Any) -> list[Manifest]:
        """The manifests of the log that a further condition picks, in the order of their numbers."""
        statement = S("SELECT number, manifest FROM {} l WHERE archive = %(name)s AND {} ORDER BY number")
        found = rows(self.connection, statement.format(LOG, further), {"name": self.name, **values})
        return [Manifest(**row["manifest"]) for row in found]

    def fetched(self, statement: sql.Composed) -> list[Row]:
        """A question's rows as tuples."""
        with self.connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
            return cursor.execute(statement).fetchall()

    def columns(self, names: Sequence[str], *, text: bool = False) -> sql.Composed:
        """Columns of the row `t`, or their text."""
        form = S("t.{}::text") if text else S("t.{}")
        return S(", ").join(form.format(I(name)) for name in names)

    def file(self, number: int, where: sql.Composable, keys: Sequence[Row]) -> Manifest:
        """Write the rows of these keys, read them back, and let PostgreSQL compare what came back with what it has."""
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

    def _kept(self, where: sql.Composable, keys: Sequence[Row]) -> tuple[list[Field], pa.Table]:
        """The rows of these keys. Where one has a value that only PostgreSQL knows (infinity, NaN, BC), as text."""
        trouble: Exception | None = None
        for fields in (self.fields, as_text(self.fields)):
            try:
                taken = self.fetched(
                    S("SELECT {} FROM {} t WHERE {} ORDER BY {}").format(
                        _as_kept(fields), where, self.matching(keys), self.columns(self.order)
                    )
                )
                return fields, table(fields, taken)
            except (psycopg.DataError, pa.ArrowException, ValueError, OverflowError) as error:
                if isinstance(error, psycopg.Error) and error.sqlstate:
                    raise  # the server's own
                trouble = error
        raise ColdTrouble(f"A value of {self.plan.table} cannot be kept: {trouble}") from trouble

    def _hash_of_rows(self, where: sql.Composable, keys: Sequence[Row]) -> str:
        statement = S("SELECT {} AS hash FROM {} t WHERE {}").format(row_hash(self.fields), where, self.matching(keys))
        return str(one(self.connection, statement)["hash"])

    def matching(self, keys: Sequence[Row]) -> sql.Composed:
        """That the row `t` has one of these primary keys, which are given as text."""
        arrays = S(", ").join(
            S("{}::{}[]").format(sql.Literal([key[place] for key in keys]), S(self.kinds[name]))
            for place, name in enumerate(self.shape.primary)
        )
        return S("({}) IN (SELECT * FROM unnest({}))").format(self.columns(self.shape.primary), arrays)


def _as_kept(fields: Sequence[Field]) -> sql.Composed:
    """Columns as they are kept: what Parquet has no exact type for, as PostgreSQL's own text."""
    return S(", ").join(
        S("t.{}").format(I(each.name)) if each.native else S("t.{}::text").format(I(each.name)) for each in fields
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
