"""How a table is divided: by time, by the values of a column, or by their hash. Pure, but for the names of values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg import sql

S = sql.SQL


class How(StrEnum):
    """PostgreSQL's three ways."""

    RANGE = "range"
    LIST = "list"
    HASH = "hash"


@dataclass(frozen=True)
class Part:
    """One partition that is not a span of time, and what it takes."""

    name: str
    bound: sql.Composed


TIMES = ("date", "timestamp without time zone", "timestamp with time zone")


def unfit(how: How, kind: str) -> str | None:
    """Why a column of this type cannot divide a table so, or None."""
    plain = kind.partition("(")[0].strip()
    if how is How.RANGE and plain not in TIMES and not plain.startswith("timestamp"):
        return f"it is of type {kind}, and ranges of time need a date or timestamp; for tenants use --how hash or list"
    if plain in ("json", "xml", "point", "polygon", "path", "box", "line", "lseg", "circle", "bit", "bit varying"):
        return f"it is of type {kind}, which PostgreSQL cannot divide a table by"
    return None


def named(table: str, suffix: str) -> str:
    """A partition's name within PostgreSQL's 63 bytes."""
    return table.encode()[: 63 - len(suffix)].decode(errors="ignore") + suffix


def by_hash(table: str, count: int) -> list[Part]:
    """Equal shares, each tenant whole in one of them."""
    return [
        Part(
            named(table, f"_h{number:03d}"),
            S("FOR VALUES WITH (MODULUS {}, REMAINDER {})").format(sql.Literal(count), sql.Literal(number)),
        )
        for number in range(count)
    ]


def by_list(table: str, values: Sequence[Any]) -> list[Part]:
    """One for each of these values, and one for all others. Values are numbered: they may be no names."""
    own = [
        Part(named(table, f"_l{number:03d}"), S("FOR VALUES IN ({})").format(sql.Literal(value)))
        for number, value in enumerate(values, 1)
    ]
    return [*own, Part(named(table, "_lrest"), S("DEFAULT").format())]
