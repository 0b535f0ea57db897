"""Cold rows used again: asked together with the hot ones, or brought back into a table."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import chdb
from psycopg import sql
from psycopg.rows import tuple_row
from pyarrow import fs

from golive.postgres.archive.cold import Cold, ColdTrouble
from golive.postgres.archive.layout import Field, Manifest, field_of, hashes, schema, table
from golive.postgres.archive.move import I, S, copy_in, row_hash
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.partition.shape import look
from golive.postgres.session import Connection, one

PORTION = 100_000


def ask(connection: Connection, plan: ArchivePlan, cold: Cold, question: str, form: str = "PrettyCompact") -> str:
    """SQL of the embedded engine over `cold`, `hot` and `everything`. Raises ColdTrouble.

    Hot rows are copied to a scratch folder first, in one snapshot; the engine may read that folder and nothing else
    is asked of the server.
    """
    folder = Path(tempfile.mkdtemp(prefix="golive-archive-"))
    try:
        shape = look(connection, plan.table)
        fields = [field_of(each["name"], each["type"]) for each in shape.columns if not each["generated"]]
        count = 0
        for count, manifest in enumerate(cold.manifests(), 1):
            cold_file(folder / f"cold-{count:08d}.parquet", cold, manifest)
        _hot(connection, shape.where, fields, folder)
        kinds = ", ".join(f"`{each.name}` {_kind(each)}" for each in fields)
        hot = f"file('{folder}/hot-*.parquet', Parquet, '{kinds}')"
        old = f"file('{folder}/cold-*.parquet', Parquet, '{kinds}')" if count else f"{hot} WHERE 0"
        # The folder's name is ours and the types are the parser's: nothing of the user's is in these.
        views = f"WITH cold AS (SELECT * FROM {old}), hot AS (SELECT * FROM {hot}), "  # noqa: S608
        views += "everything AS (SELECT * FROM cold UNION ALL SELECT * FROM hot) "
        try:
            return str(
                chdb.query(  # type: ignore[no-untyped-call]
                    views + question.strip().rstrip(";"), form
                )
            )
        except RuntimeError as error:
            raise ColdTrouble(f"The embedded engine refused: {str(error).splitlines()[0][:400]}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cold_file(path: Path, cold: Cold, manifest: Manifest) -> None:
    """One file of cold storage, here."""
    with cold.files.open_input_stream(cold.path(manifest.file)) as source, path.open("wb") as out:
        shutil.copyfileobj(source, out)


def _hot(connection: Connection, where: sql.Composable, fields: list[Field], folder: Path) -> None:
    local = Cold(fs.LocalFileSystem(), str(folder))
    columns = S(", ").join(I(each.name) if each.native else S("{}::text").format(I(each.name)) for each in fields)
    with connection.transaction(), connection.cursor(name="golive_hot", row_factory=tuple_row) as cursor:
        cursor.execute(S("SELECT {} FROM {}").format(columns, where))
        number = 0
        while taken := cursor.fetchmany(PORTION):
            local.write(f"hot-{number:06d}.parquet", table(fields, taken))
            number += 1
        if not number:
            local.write("hot-000000.parquet", table(fields, []))


def _kind(field: Field) -> str:
    """A column's type in the embedded engine."""
    kind = str(schema([field]).field(0).type)
    names = {
        "int16": "Int16", "int32": "Int32", "int64": "Int64", "float": "Float32", "double": "Float64", "bool": "Bool",
        "string": "String", "binary": "String", "date32[day]": "Date32", "timestamp[us]": "DateTime64(6)",
        "timestamp[us, tz=UTC]": "DateTime64(6, \\'UTC\\')",
    }  # fmt: skip
    name = names.get(kind) or kind.replace("decimal128", "Decimal")
    return f"Nullable({name})"


def restore(
    connection: Connection, plan: ArchivePlan, cold: Cold, begin: datetime, end: datetime, into: str
) -> tuple[int, int]:
    """Bring rows of a range back into a table, made like the old one when it is missing. (rows, files).

    Each file is proved first: its columns by the manifest's hashes, its rows by PostgreSQL's hash. All or nothing.
    """
    shape = look(connection, plan.table)
    target = I(shape.schema, into)
    restored = files = 0
    connection.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1")
    with connection.transaction():
        connection.execute(
            S("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED)").format(
                target, shape.where
            )
        )
        for manifest in cold.manifests():
            if datetime.fromisoformat(manifest.last) < begin or datetime.fromisoformat(manifest.first) >= end:
                continue
            data = cold.read(manifest.file)
            if hashes(data) != manifest.columns:
                raise ColdTrouble(
                    f"{manifest.file} is damaged: its columns differ from the manifest. Nothing was restored."
                )
            restored += _staged(connection, plan, manifest, data, (begin, end), shape.where, target)
            files += 1
    return restored, files


def _staged(
    connection: Connection,
    plan: ArchivePlan,
    manifest: Manifest,
    data: object,
    span: tuple[datetime, datetime],
    like: sql.Composable,
    target: sql.Composable,
) -> int:
    """Through a staging table, where PostgreSQL proves the rows, into the target."""
    fields = [Field(name, kind, how == "native") for name, kind, how in manifest.fields]
    connection.execute(S("CREATE TEMP TABLE golive_back (LIKE {}) ON COMMIT DROP").format(like))
    copy_in(connection, I("golive_back"), fields, data)
    found = one(connection, S("SELECT {} AS hash FROM golive_back t").format(row_hash(fields)))["hash"]
    if found != manifest.row_hash:
        raise ColdTrouble(f"{manifest.file} does not give the rows that were archived. Nothing was restored.")
    names = S(", ").join(I(each.name) for each in fields)
    insert = S("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM golive_back WHERE {} >= {} AND {} < {}")
    by = I(plan.by)
    begin, end = (sql.Literal(instant) for instant in span)
    rows = connection.execute(insert.format(target, names, names, by, begin, by, end)).rowcount
    connection.execute("DROP TABLE golive_back")
    return rows
