"""The statements of a conversion, built as data: what prepares, what swaps under the lock, what cleans up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from golive.postgres.partition.bounds import Span
from golive.postgres.partition.divide import How, Part
from golive.postgres.partition.plan import Keys
from golive.postgres.partition.shape import Row, Shape
from golive.postgres.session import Statement

I = sql.Identifier  # noqa: E741
S = sql.SQL


@dataclass(frozen=True)
class Names:
    """The names of a conversion, all within 63 bytes."""

    schema: str
    table: str

    def short(self, suffix: str) -> str:
        return self.table.encode()[: 63 - len(suffix)].decode(errors="ignore") + suffix

    @property
    def parent(self) -> str:
        """The partitioned table while it is made."""
        return self.short("_golive_new")

    @property
    def history(self) -> str:
        """The old table afterwards."""
        return self.short("_history")

    @property
    def check(self) -> str:
        return self.short("_golive_bound")

    def index(self, number: int) -> str:
        return self.short(f"_golive_key{number}")


def keys_with(shape: Shape, by: str) -> list[tuple[Row, list[str]]]:
    """Primary key and unique constraints with the columns that they need: the partition key among them."""
    found = []
    for each in shape.unique:
        columns = list(each["columns"])
        found.append((each, columns if by in columns else [*columns, by]))
    return found


def keys_of_each(shape: Shape) -> list[Statement]:
    """The keys as they are, for partitions that keep keys of their own."""
    return [S(each["definition"]) for each in shape.unique]


_MORE = re.compile(r"\)(?P<include> INCLUDE \(.*\))?(?P<deferral> DEFERRABLE(?: INITIALLY DEFERRED)?)?$")


@dataclass(frozen=True)
class More:
    """What a key's definition says besides its columns, as SQL."""

    include: sql.SQL
    nulls: sql.SQL
    deferral: sql.SQL


def more_of(definition: str) -> More:
    """Read it from what pg_get_constraintdef says."""
    match = _MORE.search(definition)
    include, deferral = (match["include"], match["deferral"]) if match else (None, None)
    nulls = " NULLS NOT DISTINCT" if definition.startswith("UNIQUE NULLS NOT DISTINCT") else ""
    return More(S(include or ""), S(nulls), S(deferral or ""))


def key_indexes(shape: Shape, names: Names, by: str) -> list[tuple[sql.Identifier, Statement]]:
    """The unique indexes that keys lack to hold the partition column, each with the statement that builds it."""
    return [
        (
            I(names.schema, names.index(number)),
            S("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({}){}{}").format(
                I(names.index(number)), shape.where, columns_sql(columns), more.include, more.nulls
            ),
        )
        for number, (each, columns) in enumerate(keys_with(shape, by))
        if by not in each["columns"]
        for more in [more_of(each["definition"])]
    ]


def bound_check(shape: Shape, names: Names, by: str, bound: date) -> list[Statement]:
    """A CHECK that history ends before `bound`, not yet proved."""
    return [
        S("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(shape.where, I(names.check)),
        S("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} < {}) NOT VALID").format(
            shape.where, I(names.check), I(by), sql.Literal(bound.isoformat())
        ),
        S("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
            I(names.check), shape.where, sql.Literal(bound_said(by, bound))
        ),
    ]


def bound_said(by: str, bound: date) -> str:
    """What the CHECK proves, in words that are read again when a run goes on."""
    return f"golive: {by} is before {bound.isoformat()}"


def validate_bound(shape: Shape, names: Names) -> Statement:
    """The proof, which keeps nobody from writing."""
    return S("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(shape.where, I(names.check))


def columns_sql(names: Sequence[str]) -> sql.Composed:
    return S(", ").join(I(name) for name in names)


def parent(shape: Shape, names: Names, by: str, how: How = How.RANGE, keys: Keys = Keys.WHOLE) -> list[Statement]:
    """Make the partitioned table beside the old one, with all that it must have, while nobody sees it."""
    new, old = I(names.schema, names.parent), shape.where
    found: list[Statement] = [
        S(
            "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS) "
            "PARTITION BY {} ({})"
        ).format(new, old, S(how.value.upper()), I(by)),
        S("ALTER TABLE {} OWNER TO {}").format(new, I(shape.owner)),
    ]
    for each, columns in keys_with(shape, by) if keys is Keys.WHOLE else []:
        kind, more = S("PRIMARY KEY" if each["kind"] == "p" else "UNIQUE"), more_of(each["definition"])
        found.append(
            S("ALTER TABLE {} ADD CONSTRAINT {} {}{} ({}){}{}").format(
                new, I(_golive(each["name"])), kind, more.nulls, columns_sql(columns), more.include, more.deferral
            )
        )
    for each in shape.constraints:
        if each["kind"] == "c":
            found.append(S("ALTER TABLE {} ADD CONSTRAINT {} {}").format(new, I(each["name"]), S(each["definition"])))
    for grant in shape.grants:
        to = I(grant["grantee"]) if grant["grantee"] else S("PUBLIC")
        option = S(" WITH GRANT OPTION" if grant["grantable"] else "")
        what = S(grant["privilege"]) + (S(" ({})").format(I(grant["column"])) if grant["column"] else S(""))
        found.append(S("GRANT {} ON {} TO {}{}").format(what, new, to, option))
    return found


def indexes(shape: Shape, names: Names) -> list[Statement]:
    """The indexes that belong to no key, on the new table and each of its partitions."""
    parent = I(names.schema, names.parent)
    return [index_on(parent, each["definition"], _golive(each["name"])) for each in shape.indexes if each["valid"]]


def foreign_keys(shape: Shape, names: Names) -> list[Statement]:
    """The foreign keys of the table, for the new one while it is empty."""
    return [
        S("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
            I(names.schema, names.parent), I(each["name"]), S(each["definition"])
        )
        for each in shape.constraints
        if each["kind"] == "f" and each["valid"]
    ]


def _golive(name: str) -> str:
    """The name of a key or index on the new table; the old one keeps its own."""
    return name.encode()[:56].decode(errors="ignore") + "_parted"


def index_on(table: sql.Composable, definition: str, name: str | None = None) -> sql.Composed:
    """What pg_get_indexdef says after the table's name, for another table; PostgreSQL names the index if we do not."""
    return S("CREATE INDEX {} ON {}{}").format(I(name) if name else S(""), table, S(definition))


def partition(names: Names, parent_name: str, span: Span | Part, keys: Sequence[Statement] = ()) -> list[Statement]:
    """One partition, made apart and attached: that locks the parent for nobody who reads or writes.

    `keys` are those that it has of its own.
    """
    new, whole = I(names.schema, span.name), I(names.schema, parent_name)
    return [
        S("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS "
          "INCLUDING STORAGE)").format(new, whole),
        *(S("ALTER TABLE {} ADD {}").format(new, key) for key in keys),
        S("ALTER TABLE {} ATTACH PARTITION {} {}").format(whole, new, _bound(span)),
    ]  # fmt: skip


def _bound(span: Span | Part) -> sql.Composed:
    if isinstance(span, Part):
        return span.bound
    begin, end = sql.Literal(span.begin.isoformat()), sql.Literal(span.end.isoformat())
    return S("FOR VALUES FROM ({}) TO ({})").format(begin, end)


def let_go(shape: Shape) -> list[Statement]:
    """Other tables' foreign keys taken off the old table, before the names change."""
    return [
        S("ALTER TABLE {} DROP CONSTRAINT {}").format(I(each["schema"], each["table"]), I(each["name"]))
        for each in shape.inbound
    ]


def point_here(shape: Shape) -> list[Statement]:
    """And put on what has the name now, to be validated without the lock."""
    return [
        S("ALTER TABLE {} ADD CONSTRAINT {} {}{}").format(
            I(each["schema"], each["table"]),
            I(each["name"]),
            S(each["definition"].removesuffix(" NOT VALID")),
            S(" NOT VALID"),
        )
        for each in shape.inbound
    ]


def swap_wrap(shape: Shape, names: Names, by: str, bound: date, keys: Keys = Keys.WHOLE) -> list[Statement]:
    """Under the lock: the old table becomes the first partition, whole."""
    found: list[Statement] = []
    for number, (each, _) in enumerate(keys_with(shape, by)):
        if by in each["columns"] or keys is Keys.EACH:
            continue
        kind = S("PRIMARY KEY" if each["kind"] == "p" else "UNIQUE")
        found += [
            S("ALTER TABLE {} DROP CONSTRAINT {}").format(shape.where, I(each["name"])),
            S("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}").format(
                shape.where, I(each["name"]), kind, I(names.index(number)), more_of(each["definition"]).deferral
            ),
        ]
    found += let_go(shape)
    found += _renamed(shape, names)
    history, table = I(names.schema, names.history), shape.where
    found.append(
        S("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM (MINVALUE) TO ({})").format(
            table, history, sql.Literal(bound.isoformat())
        )
    )
    found.append(S("ALTER TABLE {} DROP CONSTRAINT {}").format(history, I(names.check)))
    return [*found, *carried(shape), *point_here(shape)]


def swap_copy(shape: Shape, names: Names) -> Sequence[Statement]:
    """Under the lock, when both tables hold the same: change their names."""
    return [*let_go(shape), *_renamed(shape, names), *carried(shape), *point_here(shape)]


def _renamed(shape: Shape, names: Names) -> list[sql.Composed]:
    found = [S("DROP TRIGGER {} ON {}").format(I(each["name"]), shape.where) for each in shape.triggers]
    for each in shape.columns:
        if each["identity"]:
            found.append(S("ALTER TABLE {} ALTER COLUMN {} DROP IDENTITY").format(shape.where, I(each["name"])))
    return [
        *found,
        S("ALTER TABLE {} RENAME TO {}").format(shape.where, I(names.history)),
        S("ALTER TABLE {} RENAME TO {}").format(I(names.schema, names.parent), I(names.table)),
    ]


def carried(shape: Shape) -> list[sql.Composed]:
    """What belongs to the name: sequences, identity, triggers, views."""
    found: list[sql.Composed] = []
    for each in shape.columns:
        if each["identity"]:
            how = S("ALWAYS" if each["identity"] == "a" else "BY DEFAULT")
            found.append(
                S("ALTER TABLE {} ALTER COLUMN {} ADD GENERATED {} AS IDENTITY (START WITH {})").format(
                    shape.where, I(each["name"]), how, sql.Literal(each.get("next", 1))
                )
            )
        elif each["sequence"]:
            found.append(
                S("ALTER SEQUENCE {} OWNED BY {}").format(
                    S(each["sequence"]), I(shape.schema, shape.name, each["name"])
                )
            )
    found += [S("{}").format(S(each["definition"])) for each in shape.triggers]
    for view in shape.views:
        found.append(
            S("CREATE OR REPLACE VIEW {}{} AS {}").format(
                I(view["schema"], view["name"]),
                S(f" WITH ({view['options']})" if view["options"] else ""),
                S(view["definition"].rstrip("; \n")),
            )
        )
    return found


def clean_up(names: Names, keys: int) -> list[Statement]:
    """Take away all that a conversion which did not swap has left; each may run alone, the indexes concurrently."""
    table = I(names.schema, names.table)
    return [
        S("DROP TABLE IF EXISTS {} CASCADE").format(I(names.schema, names.parent)),
        S("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(table, I(names.check)),
        *left_indexes(names, keys),
    ]


def left_indexes(names: Names, keys: int) -> list[Statement]:
    """Take away the indexes that were built for so many keys."""
    return [
        S("DROP INDEX CONCURRENTLY IF EXISTS {}").format(I(names.schema, names.index(number))) for number in range(keys)
    ]
