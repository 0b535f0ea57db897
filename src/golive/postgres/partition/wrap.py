"""The zero-copy conversion: the whole table becomes the first partition of a new one with its name.

Every phase can be repeated: killed anywhere, it begins again and finds what is done. Only the swap changes what
others see, and it is one transaction.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

import psycopg

from golive.postgres.partition import steps
from golive.postgres.partition.bounds import Span, missing, next_start, start_of
from golive.postgres.partition.calm import Calm
from golive.postgres.partition.locks import Held, Witness, analyze, briefly, gently, patiently, run
from golive.postgres.partition.plan import Every, Keys
from golive.postgres.partition.shape import CannotPartition, Shape, look, refusal
from golive.postgres.partition.steps import I, Names, S
from golive.postgres.session import Connection, Statement, one

Tell = Callable[[str], None]


@dataclass
class Done:
    """What a conversion did; `locks` by phase."""

    table: str
    mode: str
    seconds: float = 0.0
    locks: dict[str, Held] = field(default_factory=dict)
    partitions: list[str] = field(default_factory=list)
    rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def longest_lock_ms(self) -> float:
        return max((held.held_ms for held in self.locks.values()), default=0.0)


def wrap(
    connection: Connection, table: str, by: str, every: Every, ahead: int, now: datetime, tell: Tell,
    keys: Keys | None = None,
) -> Done:  # fmt: skip
    """Convert without moving a row. The connection may write and has no statement_timeout. Raises CannotPartition."""
    began = time.monotonic()
    shape = look(connection, table)
    names = Names(shape.schema, shape.name)
    done = Done(table, "wrap")
    if shape.kind == "p" and any(each["name"] == names.history for each in shape.partitions):
        done.notes.append("it was converted already")
        validate_inbound(connection, table)
        return done
    keys = keys_for(shape, by, keys)
    if reason := refusal(shape, by) or keyless(shape, keys):
        raise CannotPartition(reason)
    gently(connection)
    tell("what commits take")
    with closing(Calm(connection)) as calm:
        tell("keys that hold the partition column" if keys is Keys.WHOLE else "keys stay as they are")
        _keys(connection, shape, names, by, keys)
        tell("the bound of history")
        bound = _bound(connection, shape, names, by, every, now, done)
        tell("the partitioned table")
        upcoming = missing(shape.name, bound, now.date(), every, ahead) or [Span(*_first(shape.name, bound, every))]
        _parent(connection, shape, names, by, upcoming, done, keys)
        done.notes += filter(None, [calm.wait(tell)])
    tell("the swap")
    lock = exclusive(shape)
    with closing(Witness(connection, shape.where)) as witness:
        swap = partial(_swap, connection, table, names, by, bound, keys)
        done.locks["swap"] = briefly(connection, swap, "the swap", lock=lock, witness=witness)
    tell("statistics")
    validate_inbound(connection, table)
    done.notes += filter(None, [analyze(connection, shape.where)])
    done.partitions = [names.history, *(each.name for each in upcoming)]
    done.notes += changed_keys(shape, by, keys)
    done.seconds = time.monotonic() - began
    return done


def _first(table: str, bound: date, every: Every) -> tuple[str, date, date]:
    (span,) = missing(table, bound, bound, every, 0)
    return span.name, span.begin, span.end


def keys_for(shape: Shape, by: str, asked: Keys | None) -> Keys:
    """Where the keys will hold: as asked; of the whole where that costs nothing or others refer to it; else of each."""
    if asked is not None:
        return asked
    free = all(by in each["columns"] for each in shape.unique)
    return Keys.WHOLE if free or shape.inbound else Keys.EACH


def keyless(shape: Shape, keys: Keys) -> str | None:
    """Why the table cannot do without keys of the whole, or None."""
    if keys is Keys.EACH and shape.inbound:
        names = ", ".join(f"{each['name']} of {each['source']}" for each in shape.inbound)
        return f"foreign keys point at {shape.name} ({names}), and they need a key of the whole table: use --keys whole"
    return None


def changed_keys(shape: Shape, by: str, keys: Keys = Keys.WHOLE) -> list[str]:
    """What unique means from now on."""
    if keys is Keys.EACH:
        return [
            f"{each['name']} stays unique by {', '.join(each['columns'])} in each partition; the table as a whole has "
            "no key, so nothing can refer to it and ON CONFLICT cannot name columns"
            for each in shape.unique
        ]
    return [
        f"{each['name']} is now unique by {', '.join(columns)}: PostgreSQL wants {by} in every key"
        for each, columns in steps.keys_with(shape, by)
        if by not in each["columns"]
    ]


def _keys(connection: Connection, shape: Shape, names: Names, by: str, keys: Keys) -> None:
    if keys is Keys.EACH:  # a run that was killed may have built some
        for statement in steps.left_indexes(names, len(shape.unique)):
            connection.execute(statement)
        return
    for index, build in steps.key_indexes(shape, names, by):
        valid = one(
            connection,
            "SELECT indisvalid AS valid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass(%(name)s)",
            {"name": index.as_string()},
        )
        if valid.get("valid"):
            continue
        # A table that somebody holds for good is found out in a moment, not after waiting patiently.
        lock = S("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(shape.where)
        briefly(connection, run(connection, [lock]), "the unique index", tries=20)
        with patiently(connection):
            connection.execute(S("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))
            connection.execute(build)


def _bound(
    connection: Connection, shape: Shape, names: Names, by: str, every: Every, now: datetime, done: Done
) -> date:
    """History ends with the period that holds now and every row; a CHECK proves it, so that attaching needs no scan."""
    newest = one(connection, S("SELECT max({})::date AS day FROM {}").format(I(by), shape.where))["day"]
    bound = next_start(start_of(max(newest or now.date(), now.date()), every), every)
    proved = one(
        connection,
        "SELECT convalidated AND obj_description(oid, 'pg_constraint') = %(said)s AS yes FROM pg_catalog.pg_constraint "
        "WHERE conrelid = %(oid)s AND conname = %(name)s",
        {"oid": shape.oid, "name": names.check, "said": steps.bound_said(by, bound)},
    )
    if proved.get("yes"):  # by a run that was killed: the table need not be read again
        return bound
    statements = steps.bound_check(shape, names, by, bound)
    done.locks["check"] = briefly(connection, run(connection, statements), "the bound's CHECK")
    with patiently(connection):
        connection.execute(steps.validate_bound(shape, names))
    return bound


def _parent(
    connection: Connection, shape: Shape, names: Names, by: str, upcoming: list[Span], done: Done, keys: Keys
) -> None:
    # By itself: what a killed run left may hold foreign keys, whose end locks the tables that they point at.
    left = S("DROP TABLE IF EXISTS {} CASCADE").format(I(names.schema, names.parent))
    done.locks["what was left"] = briefly(connection, run(connection, [left]), "cleaning up")
    statements = steps.parent(shape, names, by, keys=keys) + steps.indexes(shape, names)
    own = steps.keys_of_each(shape) if keys is Keys.EACH else []
    for span in upcoming:
        statements += steps.partition(names, names.parent, span, own)
    done.locks["parent"] = briefly(connection, run(connection, statements), "the partitioned table")
    # By themselves: they hold back writes to the tables that they point at.
    foreign = steps.foreign_keys(shape, names)
    done.locks["foreign keys"] = briefly(connection, run(connection, foreign), "the foreign keys")


def _swap(connection: Connection, table: str, names: Names, by: str, bound: date, keys: Keys) -> None:
    fresh = look_locked(connection, table)
    run(connection, steps.swap_wrap(fresh, names, by, bound, keys))()


def exclusive(shape: Shape) -> Statement:
    """The lock of a swap."""
    return S("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(shape.where)


def look_locked(connection: Connection, table: str) -> Shape:
    """Read the locked table's shape, with where its identity columns go on."""
    shape = look(connection, table)
    next_numbers(connection, shape)
    return shape


def next_numbers(connection: Connection, shape: Shape) -> None:
    """Note where identity columns go on."""
    for each in shape.columns:
        if each["identity"] and each["sequence"]:
            state = one(connection, S("SELECT last_value + is_called::int AS next FROM {}").format(S(each["sequence"])))
            each["next"] = state["next"]


def validate_inbound(connection: Connection, table: str) -> None:
    """Foreign keys of other tables that a swap has led here, checked without keeping anybody waiting."""
    for each in look(connection, table).inbound:
        if not each["valid"]:
            with patiently(connection):
                connection.execute(
                    S("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(I(each["schema"], each["table"]), I(each["name"]))
                )


def abort(connection: Connection, table: str, tell: Tell) -> None:
    """Take away what an unfinished conversion left. A table that was swapped is left as it is."""
    shape = look(connection, table)
    if shape.kind == "p":
        raise CannotPartition(f"{table} is converted already; `golive db partition undo` takes it back.")
    names = Names(shape.schema, shape.name)
    tell("cleaning up")
    drop, check, *indexes = steps.clean_up(names, len(steps.keys_with(shape, "")))
    briefly(connection, run(connection, [drop, check]), "the clean-up")
    for statement in indexes:
        connection.execute(statement)


def undo(connection: Connection, table: str, tell: Tell) -> Done:
    """Give the old table its name back, with the rows that came since. Raises CannotPartition."""
    shape = look(connection, table)
    names = Names(shape.schema, shape.name)
    history = next((each for each in shape.partitions if each["name"] == names.history), None)
    if shape.kind != "p" or history is None:
        raise CannotPartition(f"{table} was not converted by wrapping, or is taken back already.")
    done = Done(table, "undo")
    tell("taking back")
    lock = exclusive(shape)
    try:
        done.locks["swap"] = briefly(connection, lambda: _undo(connection, table, names, done), "the undo", lock=lock)
    except psycopg.errors.UniqueViolation as error:
        raise CannotPartition(
            f"A row that came since has a key that {names.history} has too: {error.diag.message_detail} Change or "
            "delete one of them and run it again; nothing has changed."
        ) from error
    validate_inbound(connection, table)
    return done


def _undo(connection: Connection, table: str, names: Names, done: Done) -> None:
    shape = look_locked(connection, table)
    history, gone = I(names.schema, names.history), I(names.schema, names.parent)
    run(connection, steps.let_go(shape))()
    connection.execute(S("ALTER TABLE {} DETACH PARTITION {}").format(shape.where, history))
    columns = steps.columns_sql([each["name"] for each in shape.columns if not each["generated"]])
    moved = connection.execute(
        S("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            history, columns, columns, shape.where
        )
    )
    done.rows = moved.rowcount
    for each in shape.triggers:
        connection.execute(S("DROP TRIGGER {} ON {}").format(I(each["name"]), shape.where))
    connection.execute(S("ALTER TABLE {} RENAME TO {}").format(shape.where, I(names.parent)))
    connection.execute(S("ALTER TABLE {} RENAME TO {}").format(history, I(names.table)))
    run(connection, [*steps.carried(shape), *steps.point_here(shape)])()
    connection.execute(S("DROP TABLE {}").format(gone))
