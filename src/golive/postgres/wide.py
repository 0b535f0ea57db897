"""Rows that may be very wide: how wide they are, and a hash that never writes a whole row out as one text.

A value holds 1 GB at most, and so does whatever PostgreSQL hands out as one piece: a row of several large values, or a
`bytea` that becomes hexadecimal, cannot be written as text. A compressed one needs little room on disk until then.
"""

import re
from collections.abc import Sequence

from psycopg import sql

S, I = sql.SQL, sql.Identifier  # noqa: E741
MOST_ROW_BYTES = 128 * 1024**2  # as text; golive holds a row several times while it moves it
MOST_BYTES = 64 * 1024**2  # of rows that are held together
NARROW_BYTES = 32
_TEXT = re.compile(r"text|character varying(\(\d+\))?|character\(\d+\)|bpchar|citext")
_NARROW = re.compile(
    r"smallint|integer|bigint|real|double precision|boolean|date|uuid|oid|money|inet|cidr|macaddr8?|interval|numeric"
    r"(\(\d+,-?\d+\))?|time(stamp)?(\(\d\))? with(out)? time zone|point|line|lseg|box|circle|\"char\"|name|pg_lsn"
)
Column = tuple[str, str]


def may_be_wide(kind: str) -> bool:
    """Whether values of this type, as format_type() names it, may need more than a few dozen bytes."""
    return _NARROW.fullmatch(kind) is None


def row_hash(columns: Sequence[Column]) -> sql.Composed:
    """A hash of the row `t` from its columns' names and types; wide values go into it by hashes of their own."""
    return S("pg_catalog.hashtextextended(ROW({})::text, 0)").format(S(", ").join(_piece(*each) for each in columns))


def _piece(name: str, kind: str) -> sql.Composed:
    value = S("t.{}").format(I(name))
    if not may_be_wide(kind):
        return value
    if kind == "bytea":
        return S("pg_catalog.sha256({})").format(value)
    return S('pg_catalog.hashtextextended({}::text COLLATE "C", 0)').format(value)


def width(columns: Sequence[Column]) -> sql.Composed:
    """Bytes of the row `t` as text. Where a type tells its length by itself, no value is fetched for it."""
    pieces = [_width(*each) for each in columns if may_be_wide(each[1])]
    narrow = sql.Literal(NARROW_BYTES * (len(columns) - len(pieces)))
    return S(" + ").join([S("{}::bigint").format(narrow), *pieces])


def _width(name: str, kind: str) -> sql.Composed:
    value = S("t.{}").format(I(name))
    if kind == "bytea":
        return S("COALESCE(2 * pg_catalog.octet_length({})::bigint, 0)").format(value)
    text = value if _TEXT.fullmatch(kind) and kind != "citext" else S("{}::text").format(value)
    return S("COALESCE(pg_catalog.octet_length({}), 0)").format(text)


def portion(wanted: int, size_bytes: float, rows: float, *, most: int = MOST_BYTES) -> int:
    """Rows at a time: as many as wanted, fewer where rows are wide, at least one. Unknown is taken for narrow."""
    if rows < 1 or size_bytes <= 0:
        return wanted
    return max(1, min(wanted, int(most / (size_bytes / rows))))


def together(widths: Sequence[int], most: int = MOST_BYTES) -> int:
    """How many of the rows, from the first on, may be held at once; the first always."""
    total = 0
    for count, each in enumerate(widths):
        total += each
        if count and total > most:
            return count
    return len(widths)


def at_once(wanted: int, widest: int, most: int = MOST_BYTES) -> int:
    """How many rows may be held at once when none is wider than `widest`."""
    return max(1, min(wanted, most // max(widest, 1)))
