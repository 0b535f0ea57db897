"""Cold rows used again: asked together with the hot ones, or brought back into a table."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import chdb
import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.rows import tuple_row
from pyarrow import compute, fs

from golive.postgres.archive.cold import Cold, ColdTrouble
from golive.postgres.archive.filing import AS_WRITTEN, LOG, I, S, copy_in, row_hash
from golive.postgres.archive.layout import (
    BEGINNING,
    Field,
    Manifest,
    as_text,
    field_of,
    hashes,
    instant,
    schema,
    table,
)
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.whole import detached
from golive.postgres.partition.shape import look
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import MOST_ROW_BYTES, at_once, width

PORTION = 100_000
_HOT = re.compile(r"\b(hot|everything)\b", re.IGNORECASE)


def ask(connection: Connection, plan: ArchivePlan, cold: Cold, question: str, form: str = "PrettyCompact") -> str:
    """SQL of the embedded engine over `cold`, `hot` and `everything`. Raises ColdTrouble.

    Hot rows are copied to a scratch folder first, in one snapshot; the engine may read that folder and nothing else
    is asked of the server.
    """
    folder = Path(tempfile.mkdtemp(prefix="golive-archive-"))
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            shape = look(connection, plan.table)
            manifests = counted(connection, cold)
            texts = {name for manifest in manifests for name, _, how in manifest.fields if how == "text"}
            fields = [
                replace(found, native=found.native and found.name not in texts)
                for found in (field_of(each["name"], each["type"]) for each in shape.columns if not each["generated"])
            ]
            if _HOT.search(question):
                parts = [part.where for part in detached(connection, shape.where)]
                fields = _hot(connection, [shape.where, *parts], fields, folder)
            else:
                Cold(fs.LocalFileSystem(), str(folder)).write("hot-000000.parquet", table(fields, []))
        count = len(manifests)
        for number, manifest in enumerate(manifests, 1):
            cold_file(folder / f"cold-{number:08d}.parquet", cold, manifest, fields)
        kinds = escaped(", ".join(f"`{escaped(each.name, '`')}` {_kind(each)}" for each in fields))
        hot = f"file('{folder}/hot-*.parquet', Parquet, '{kinds}')"
        old = f"file('{folder}/cold-*.parquet', Parquet, '{kinds}')" if count else f"{hot} WHERE 0"
        # The folder's name is ours, the types are the parser's, and the columns' names are escaped.
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


def escaped(text: str, quote: str = "'") -> str:
    """Text as it stands between two quotes in the embedded engine's SQL."""
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")


def counted(connection: Connection, cold: Cold) -> list[Manifest]:
    """The files whose rows are cold in this snapshot: what the log says, for a database restored to an earlier time
    has rows again that went cold later. Where there is no log, all that cold storage has."""
    if one(connection, "SELECT to_regclass(%(log)s) AS found", {"log": LOG.as_string()})["found"]:
        statement = S(
            "SELECT manifest, to_jsonb(l) ->> 'part' AS part FROM {} l WHERE archive = %(name)s ORDER BY number"
        )
        if log := rows(connection, statement.format(LOG), {"name": cold.name}):
            return [Manifest(**row["manifest"]) for row in log if row["part"] is None]
    return list(cold.manifests())


def cold_file(path: Path, cold: Cold, manifest: Manifest, fields: Sequence[Field]) -> None:
    """One file of cold storage, here. A column that another file keeps as text becomes text in this one too."""
    native = {name for name, _, how in manifest.fields if how == "native"}
    if odd := [each.name for each in fields if not each.native and each.name in native]:
        data = cold.read(manifest.file)
        for name in odd:
            place = data.schema.get_field_index(name)
            text = compute.replace_substring_regex(data.column(name).cast(pa.string()), "Z$", "+00")
            data = data.set_column(place, name, text)
        Cold(fs.LocalFileSystem(), str(path.parent)).write(path.name, data)
        return
    with cold.files.open_input_stream(cold.path(manifest.file)) as source, path.open("wb") as out:
        shutil.copyfileobj(source, out)


def _hot(connection: Connection, tables: Sequence[sql.Composable], fields: list[Field], folder: Path) -> list[Field]:
    """Copy the tables' rows, in portions that fit in memory; the columns as they were kept. Raises ColdTrouble."""
    wide = width([(each.name, each.type) for each in fields])
    most = S("SELECT COALESCE(max({}), 0) AS most FROM {} t")
    widest = max(one(connection, most.format(wide, where))["most"] for where in tables)
    if widest > MOST_ROW_BYTES:
        raise ColdTrouble(
            f"The table holds a row of {widest / 1024**2:,.0f} MB as text, wider than the {MOST_ROW_BYTES // 1024**2} "
            "MB that are copied to be asked: ask `cold` here and the hot rows in the database itself."
        )
    try:
        _copied(connection, tables, fields, folder, at_once(PORTION, widest))
    except (psycopg.DataError, pa.ArrowException, ValueError, OverflowError) as error:
        if isinstance(error, psycopg.Error) and error.sqlstate:
            raise
        fields = as_text(fields)
        _copied(connection, tables, fields, folder, at_once(PORTION, widest))
    return fields


def _copied(
    connection: Connection, tables: Sequence[sql.Composable], fields: list[Field], folder: Path, portion: int
) -> None:
    local = Cold(fs.LocalFileSystem(), str(folder))
    columns = S(", ").join(I(each.name) if each.native else S("{}::text").format(I(each.name)) for each in fields)
    every = S(" UNION ALL ").join(S("SELECT {} FROM {}").format(columns, where) for where in tables)
    with connection.transaction(), connection.cursor(name="golive_hot", row_factory=tuple_row) as cursor:
        cursor.execute(every)
        number = 0
        while taken := cursor.fetchmany(portion):
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
        "timestamp[us, tz=UTC]": "DateTime64(6, 'UTC')",
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
    connection.execute(AS_WRITTEN)
    with connection.transaction():
        connection.execute(
            S("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED)").format(
                target, shape.where
            )
        )
        for manifest in counted(connection, cold):
            if instant(manifest.last) < begin or instant(manifest.first) >= end:
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
    insert = S("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM golive_back WHERE {} < {} AND {}")
    by = I(plan.by)
    # The first of all instants stands for all before it too, which Python cannot name.
    since = S("true") if span[0] <= BEGINNING else S("{} >= {}").format(by, sql.Literal(span[0]))
    rows = connection.execute(insert.format(target, names, names, by, sql.Literal(span[1]), since)).rowcount
    connection.execute("DROP TABLE golive_back")
    return rows
