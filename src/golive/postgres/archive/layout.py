"""What a row becomes in Parquet and how it comes back: types, file names, manifests."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa

_NATIVE: dict[str, pa.DataType] = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "bytea": pa.binary(),
}
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
VERSION = 1
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """A column: its PostgreSQL type, and whether Parquet holds it natively or as PostgreSQL's own text."""

    name: str
    type: str
    native: bool


def field_of(name: str, kind: str) -> Field:
    """How a column is kept. What has no exact counterpart is kept as text: nothing is rounded."""
    native = kind in _NATIVE or kind.startswith("character varying") or decimal(kind) is not None
    return Field(name, kind, native)


def as_text(fields: Sequence[Field]) -> list[Field]:
    """The same columns for rows with values that only PostgreSQL knows: infinity, NaN, years before 1 or after 9999."""
    return [
        replace(each, native=False) if each.type.startswith(("date", "timestamp", "numeric")) else each
        for each in fields
    ]


def instant(value: datetime | date | str | None) -> datetime:
    """An old row's time by which files are ordered; what is before the year 1 counts as its first instant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = BEGINNING
    if not isinstance(value, datetime):
        value = datetime.combine(value, time()) if value else BEGINNING
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def decimal(kind: str) -> pa.DataType | None:
    """numeric(p,s) fits exactly up to 38 digits."""
    match = _NUMERIC.fullmatch(kind)
    return pa.decimal128(int(match[1]), int(match[2])) if match and int(match[1]) <= 38 else None


def schema(fields: Sequence[Field]) -> pa.Schema:
    """The Parquet schema; the PostgreSQL types travel in the fields' metadata."""
    return pa.schema(
        [
            pa.field(
                each.name,
                (_NATIVE.get(each.type) or decimal(each.type) or pa.string()) if each.native else pa.string(),
                metadata={"postgres": each.type},
            )
            for each in fields
        ]
    )


def table(fields: Sequence[Field], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows as an Arrow table."""
    whole = schema(fields)
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[] for _ in fields]
    arrays = [pa.array(list(column), type=field.type) for column, field in zip(columns, whole, strict=True)]
    return pa.Table.from_arrays(arrays, schema=whole)


def hashes(data: pa.Table) -> dict[str, str]:
    """A SHA-256 of every column's values, whatever its chunks."""
    found = {}
    for name in data.column_names:
        digest = hashlib.sha256()
        for value in data.column(name).to_pylist():
            digest.update(repr(value).encode() + b"\0")
        found[name] = digest.hexdigest()
    return found


@dataclass(frozen=True)
class Manifest:
    """One file. `row_hash` is PostgreSQL's own over the rows, so that a restore can be proved."""

    number: int
    file: str
    rows: int
    first: str
    last: str
    columns: dict[str, str]
    row_hash: str
    fields: list[list[str]]
    version: int = VERSION

    def text(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def read_manifest(text: bytes) -> Manifest:
    """A manifest as it was written. Raises ValueError for one of a newer golive."""
    data = json.loads(text)
    if data["version"] > VERSION:
        raise ValueError("the manifest was written by a newer golive")
    return Manifest(**data)


def file_of(number: int, first: datetime) -> str:
    """A data file's path below the archive's folder, partitioned as other engines expect it."""
    return f"data/year={first.year:04d}/month={first:%m}/part-{number:08d}.parquet"


def manifest_of(number: int) -> str:
    return f"manifest/{number:08d}.json"
