"""The conversion that splits history: a shadow table is filled in batches while a trigger records what changes.

Equality is proved before the swap in one snapshot, and inside the lock for what changed since; only then do the names
change. Progress is kept in the database in the same transaction as each batch, so a kill loses and doubles nothing.
"""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from golive.postgres.partition import steps
from golive.postgres.partition.bounds import Span, missing, spans
from golive.postgres.partition.capture import TRIGGERS, Capture
from golive.postgres.partition.divide import How, Part, by_hash, by_list
from golive.postgres.partition.equality import leaves, summed
from golive.postgres.partition.locks import Held, NoLock, Witness, analyze, briefly, gently, run
from golive.postgres.partition.pace import Pace
from golive.postgres.partition.plan import Every
from golive.postgres.partition.shape import SQL, CannotPartition, look, refusal, weight
from golive.postgres.partition.steps import I, Names, S, more_of
from golive.postgres.partition.wrap import Done, Tell, changed_keys, exclusive, look_locked, validate_inbound
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import portion, row_hash

BATCH = 100  # rows; who shares a core with a batch waits until it is done
REST = 1.0  # as long as it works times this at least: half of a core and of the disk are the application's
BATCH_BYTES = 256 * 1024**2  # fewer rows a transaction where they are wide
DRAIN = 100  # changes a transaction
DRAIN_EVERY_SECONDS = 0.2
SHOW_EVERY_SECONDS = 10
DRAIN_REST = 2.0  # at most, or changes would come faster than they are applied
MOST_DRAINS = 20  # until the copy goes on
FEW = 200  # changes left that may be applied under the lock
MOST_UNDER_LOCK = 500
SWAPS = 10
PATIENCE = 30  # rounds in a row that do not shrink what is left
SERIAL = ("bigint", "integer", "smallint")


def grow(hot_bytes: float, cache_bytes: float, methods: Sequence[str]) -> bool:
    """Whether indexes grow with a copy: what is in use of them at a time has to stay in memory, and GIN is slow."""
    return set(methods) <= {"btree", "hash", "brin"} and hot_bytes <= cache_bytes / 4


class Behind(CannotPartition):
    """More has changed than may be applied under the lock."""


class Shadow:
    """One conversion by copy. After each portion of its work it rests as long as that took, times `rest` at least."""

    def __init__(self, connection: Connection, table: str, by: str, tell: Tell, rest: float = REST) -> None:
        self.connection, self.table, self.by, self.tell = connection, table, by, tell
        self.pace = Pace(connection, rest, tell)
        self.drained, self.shown = 0.0, time.monotonic()
        self.shape = look(connection, table)
        self.names = Names(self.shape.schema, self.shape.name)
        self.key = self.shape.primary
        self.new = I(self.names.schema, self.names.parent)
        self.done = Done(table, "copy")
        self.batch = portion(BATCH, *weight(connection, self.shape), most=BATCH_BYTES)
        self.changed = list(dict.fromkeys([*self.key, by]))
        self.capture = Capture(self.shape, self.names, self.changed)
        self.changes, self.progress = self.capture.changes, self.capture.progress
        self.hash = row_hash([(each["name"], each["type"]) for each in self.shape.columns if not each["generated"]])
        self.columns = steps.columns_sql([each["name"] for each in self.shape.columns if not each["generated"]])
        self.keys = steps.columns_sql(self.key)
        self.begun = False
        # A unique value may still stand in the row that had it before, whose change comes later; else it only costs.
        self.conflict = S(" ON CONFLICT DO NOTHING") if len(self.shape.unique) > 1 else S("")
        self.next_rows, self.forget, self.anew = self._portion(self._after()), self._forget(), self._anew()

    def convert(self, every: Every, ahead: int, now: datetime, how: How = How.RANGE, parts: int = 16) -> Done:
        """All phases. `parts` are those of a hash, or the largest values of a list. Raises CannotPartition."""
        with closing(self.pace):
            return self._convert(every, ahead, now, how, parts)

    def _convert(self, every: Every, ahead: int, now: datetime, how: How, parts: int) -> Done:
        began = time.monotonic()
        if self.shape.kind == "p":
            self.done.notes.append("it was converted already")
            validate_inbound(self.connection, self.table)
            return self.done
        if reason := refusal(self.shape, self.by, how) or self._refusal():
            raise CannotPartition(reason)
        self.tell("what commits take")
        calm = self.pace.begin()
        if not self._prepared():
            self.tell("shadow table and change capture")
            self._prepare(how, self._parts(how, every, ahead, now, parts))
        self._begin()
        self.tell("copy")
        while self._copied_more():
            self._show()
        self.tell("indexes")
        self._indexes()
        self.tell("changes since")
        self._catch_up()
        self.tell("equality")
        self._verify()
        self.done.notes += filter(None, [calm.wait(self.tell)])
        self.tell("the swap")
        self.done.locks["swap"] = self._swap_when_few()
        validate_inbound(self.connection, self.table)
        self.done.notes += changed_keys(self.shape, self.by)
        self.done.notes.append(f"the old table stays as {self.names.history}: drop it when nobody misses anything")
        self.done.seconds = time.monotonic() - began
        return self.done

    def _refusal(self) -> str | None:
        if not self.key:
            return f"{self.table} has no primary key"
        late = [each["name"] for each in self.shape.unique if more_of(each["definition"]).deferral.as_string()]
        return f"{', '.join(late)} is DEFERRABLE, so rows cannot be copied beside it: use --mode wrap" if late else None

    def _begin(self) -> None:
        """Settings of this session: rows that the old table holds need no foreign key asked again.

        No commit waits for the disk, before the swap: rows and progress are lost together, or neither.
        """
        gently(self.connection)
        self.connection.execute("SET synchronous_commit = off")
        self.connection.prepare_threshold = 1  # to plan a batch costs more than to copy it
        with suppress(psycopg.errors.InsufficientPrivilege):
            self.connection.execute("SET session_replication_role = replica")
        self.connection.execute("DROP TABLE IF EXISTS pg_temp.golive_taken")
        self.connection.execute(
            S("CREATE TEMP TABLE golive_taken ({}) ON COMMIT DELETE ROWS").format(self.capture.typed)
        )

    def _catch_up(self) -> None:
        """Apply changes until few are left. Raises CannotPartition when they come faster than they are applied."""
        least, patience = None, PATIENCE
        while (left := self._left()) >= FEW:
            if least is None or left < least:
                least, patience = left, PATIENCE
            patience -= 1
            if not patience:
                raise CannotPartition(
                    f"{self.table} changes faster than the copy can follow ({left} changes are left). Nothing was "
                    "swapped; run it again at a quieter hour, it goes on where it is."
                )
            for _ in range(left // DRAIN + 1):  # and not until none is left, which may never be
                self._drain(DRAIN, rest=left == least)  # no rest while there are more and more

    def _left(self) -> int:
        found = one(
            self.connection,
            S("SELECT count(*) AS left FROM (SELECT FROM {} LIMIT 100000) AS few").format(self.changes),
        )
        return int(found["left"])

    def _indexes_first(self, how: How, parts: int) -> bool:
        """Whether indexes may grow with the copy. Building one floods the disk, but a large one grows slowly."""
        ordered = how is How.RANGE and self.shape.column(self.key[0])["type"] in SERIAL
        found = one(self.connection, SQL["index_sizes"], {"oid": self.shape.oid})
        return grow(found["bytes"] / (parts if ordered else 1), found["cache"], found["methods"])

    def _indexes(self) -> None:
        """Those that belong to no key, partition by partition; what is on all of them then becomes one of the whole."""
        state = one(self.connection, S("SELECT golive_indexed, golive_analyzed FROM {}").format(self.progress))
        if not state["golive_indexed"]:
            for leaf in leaves(self.connection, self.new):
                have = {each["definition"] for each in look(self.connection, leaf.as_string()).indexes if each["valid"]}
                for each in self.shape.indexes:
                    if each["valid"] and each["definition"] not in have:
                        began = time.monotonic()
                        self.connection.execute(steps.index_on(leaf, each["definition"]))
                        self.pace.breathe(began)
            indexed = S("UPDATE {} SET golive_indexed = true").format(self.progress)
            with self.connection.transaction():
                run(self.connection, [*steps.indexes(self.shape, self.names), indexed])()
        if not state["golive_analyzed"]:
            self.done.notes += filter(None, [analyze(self.connection, self.new)])
            self.connection.execute(S("UPDATE {} SET golive_analyzed = true").format(self.progress))

    def _prepared(self) -> bool:
        return bool(
            one(self.connection, "SELECT to_regclass(%(n)s) AS found", {"n": self.progress.as_string()})["found"]
        )

    def _parts(self, how: How, every: Every, ahead: int, now: datetime, count: int) -> list[Span] | list[Part]:
        if how is How.HASH:
            return by_hash(self.shape.name, count)
        if how is How.LIST:
            largest = rows(
                self.connection,
                S("SELECT {}::text AS value FROM {} GROUP BY {} ORDER BY count(*) DESC, {} LIMIT {}").format(
                    I(self.by), self.shape.where, I(self.by), I(self.by), sql.Literal(count)
                ),
            )
            return by_list(self.shape.name, [row["value"] for row in largest])
        ends = one(
            self.connection,
            S("SELECT min({})::date AS first, max({})::date AS last FROM {}").format(
                I(self.by), I(self.by), self.shape.where
            ),
        )
        first, last = ends["first"] or now.date(), max(ends["last"] or now.date(), now.date())
        parts = spans(self.shape.name, first, last, every)
        return parts + missing(self.shape.name, parts[-1].end, now.date(), every, ahead)

    def _prepare(self, how: How, parts: list[Span] | list[Part]) -> None:
        """The new table first, which nobody sees; then, in transactions of their own, what locks others' tables."""
        indexed = self._indexes_first(how, len(parts))
        made = steps.parent(self.shape, self.names, self.by, how)
        made += [each for span in parts for each in steps.partition(self.names, self.names.parent, span)]
        made += steps.indexes(self.shape, self.names) if indexed else []
        self.done.partitions = [span.name for span in parts]
        for what, statements in (
            ("what was left", [S("DROP TABLE IF EXISTS {} CASCADE").format(self.new)]),
            ("the new table", made),
            ("its foreign keys", steps.foreign_keys(self.shape, self.names)),
            ("the change capture", self.capture.begin(indexed)),
        ):
            self.done.locks[what] = briefly(self.connection, run(self.connection, statements), what)

    def _show(self) -> None:
        if time.monotonic() > self.shown + SHOW_EVERY_SECONDS:
            self.shown = time.monotonic()
            batches = one(self.connection, S("SELECT golive_batch AS n FROM {}").format(self.progress))["n"]
            self.tell(f"{batches * self.batch:,} of about {self.shape.rows:,.0f} rows")

    def _copied_more(self) -> bool:
        """A batch, and now and then what has changed meanwhile; a rest after each. False without more rows."""
        began = time.monotonic()
        more = self._copy_batch()
        self.pace.breathe(began)
        if began > self.drained + DRAIN_EVERY_SECONDS:
            self.drained = began
            for _ in range(MOST_DRAINS):
                if self._drain(DRAIN) < DRAIN:
                    break
        return more

    def _copy_batch(self) -> bool:
        """The next rows by primary key, and where we are, in one transaction. False when there are no more."""
        if not self.begun:
            return self._copy_first()
        return self.connection.execute(self.next_rows).rowcount > 0 or self._finish()

    def _copy_first(self) -> bool:
        """What comes after the state that is found."""
        with self.connection.transaction():
            state = one(self.connection, S("SELECT * FROM {} FOR UPDATE").format(self.progress))
            if state["golive_finished"]:
                return False
            statement = self.next_rows if state["golive_batch"] else self._portion(S(""))
            self.begun = self.connection.execute(statement).rowcount > 0
            return self.begun or self._finish()

    def _finish(self) -> bool:
        self.connection.execute(S("UPDATE {} SET golive_finished = true").format(self.progress))
        return False

    def _after(self) -> sql.Composable:
        """Beyond the last key that is copied, in words that an index understands."""
        last = S(", ").join(S("(SELECT {} FROM state)").format(I(name)) for name in self.key)
        return S("WHERE ({}) > ({})").format(self.keys, last)

    def _portion(self, after: sql.Composable) -> bytes:
        """The statement that copies a batch and notes its last key; it changes no row when there is nothing to copy."""
        latest = S(", ").join(S("{} DESC").format(I(name)) for name in self.key)
        moved = S(", ").join(S("{} = latest.{}").format(I(name), I(name)) for name in self.key)
        statement = S(
            "WITH state AS MATERIALIZED (SELECT * FROM {} FOR UPDATE), "
            "portion AS MATERIALIZED (SELECT {} FROM {} {} ORDER BY {} LIMIT {}), "
            "copied AS (INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM portion{}), "
            "latest AS (SELECT {} FROM portion ORDER BY {} LIMIT 1) "
            "UPDATE {} AS p SET golive_batch = p.golive_batch + 1, {} FROM latest"
        ).format(
            self.progress, self.columns, self.shape.where, after, self.keys, sql.Literal(self.batch), self.new,
            self.columns, self.columns, self.conflict, self.keys, latest, self.progress, moved,
        )  # fmt: skip
        return statement.as_bytes(self.connection)

    def _drain(self, limit: int, *, rest: bool = True) -> int:
        """Apply recorded changes: the keys' rows are taken anew from the old table. How many there were."""
        began = time.monotonic()
        with self.connection.transaction():
            count = self._apply(limit)
        if rest:
            self.pace.breathe(began, DRAIN_REST)
        return count

    def _apply(self, limit: int) -> int:
        """One portion, whose keys then stand in golive_taken. Rows that the copy has yet to reach are left to it."""
        run_ = self.connection.execute
        # By key, whatever the planner believes of tables that it has no statistics of; what it then thinks that this
        # costs would have it compile each statement.
        run_("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off")
        run_("SET LOCAL jit = off")
        count = int(one(self.connection, self._take(limit))["taken"])
        if count:
            run_(self.forget)
            run_(self.anew)
        return count

    def _take(self, limit: int) -> sql.Composed:
        columns = steps.columns_sql(self.changed)
        gone, reached, distinct = (
            S(", ").join(S("{}.{}").format(I(row), I(name)) for name in names)
            for row, names in (("gone", self.key), ("progress", self.key), ("gone", self.changed))
        )
        return S(
            "WITH gone AS (DELETE FROM {} WHERE golive_number IN (SELECT golive_number FROM {} ORDER BY "
            "golive_number LIMIT {}) RETURNING {}), kept AS (INSERT INTO golive_taken SELECT DISTINCT {} "
            "FROM gone, {} AS progress WHERE golive_finished OR golive_batch > 0 AND ({}) <= ({})) "
            "SELECT count(*) AS taken FROM gone"
        ).format(self.changes, self.changes, sql.Literal(limit), columns, distinct, self.progress, gone, reached)

    def _forget(self) -> bytes:
        """What the copy has of the keys in golive_taken."""
        same = self._same("n", "t", self.changed)
        return (
            S("DELETE FROM {} AS n USING golive_taken AS t WHERE {}").format(self.new, same).as_bytes(self.connection)
        )

    def _anew(self) -> bytes:
        """What the old table has of them by now."""
        statement = S(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM (SELECT DISTINCT {} FROM golive_taken) "
            "AS t JOIN {} AS o ON {} ON CONFLICT DO NOTHING"
        ).format(self.new, self.columns, self._of("o"), self.keys, self.shape.where, self._same("o", "t", self.key))
        return statement.as_bytes(self.connection)

    def _of(self, row: str) -> sql.Composed:
        names = [each["name"] for each in self.shape.columns if not each["generated"]]
        return S(", ").join(S("{}.{}").format(I(row), I(name)) for name in names)

    @staticmethod
    def _same(one_row: str, other: str, names: Sequence[str]) -> sql.Composed:
        return S(" AND ").join(S("{}.{} = {}.{}").format(I(one_row), I(name), I(other), I(name)) for name in names)

    def _sum(self, table: sql.Composable) -> tuple[int, int]:
        """Rows of a table and the sum of their hashes, without the keys whose change is not applied yet."""
        applied = S("NOT EXISTS (SELECT FROM golive_taken golive_c WHERE {})").format(
            self._same("golive_c", "t", self.key)
        )
        return summed(self.connection, table, self.hash, applied, self.pace)

    def _verify(self) -> None:
        """Rows and hashes of both tables in one snapshot, without the keys whose change is not applied yet."""
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            pending, columns = S("INSERT INTO golive_taken SELECT DISTINCT {} FROM {}"), steps.columns_sql(self.changed)
            self.connection.execute(pending.format(columns, self.changes))
            self.connection.execute("ANALYZE golive_taken")
            old = self._sum(self.shape.where)
            sums = [self._sum(leaf) for leaf in leaves(self.connection, self.new)]
        new = sum(count for count, _ in sums), sum(total for _, total in sums)
        if old != new:
            raise CannotPartition(
                f"The copy is not equal: {old[0]} rows of {self.table} and {new[0]} of its copy, or other contents. "
                "Nothing was swapped; `golive db partition abort` cleans up."
            )
        self.done.rows = old[0]

    def _swap_when_few(self) -> Held:
        """Between tries for the lock changes go on, so they are applied anew before each few tries."""
        self.connection.execute("RESET synchronous_commit")
        with closing(Witness(self.connection, self.shape.where)) as witness:
            for number in range(SWAPS):
                self._catch_up()
                try:
                    lock = exclusive(self.shape)
                    return briefly(self.connection, self._swap, "the swap", lock=lock, witness=witness, tries=10)
                except NoLock as error:
                    if number == SWAPS - 1:
                        raise NoLock(
                            f"{error} The copy and its change capture stay: the same command goes on from here, "
                            "`golive db partition abort` takes them away."
                        ) from error
                except Behind:
                    if number == SWAPS - 1:
                        raise
        raise AssertionError("unreachable")

    def _swap(self) -> None:
        """Under the lock: the last changes, their equality, the names."""
        fresh = look_locked(self.connection, self.table)
        fresh.triggers = [each for each in fresh.triggers if each["name"] not in TRIGGERS]
        if (left := self._left()) > MOST_UNDER_LOCK:
            raise Behind(
                f"{self.table} changes faster than the copy can follow ({left} changes are left), and nobody "
                "shall wait for that. Nothing was swapped; run it again at a quieter hour, it goes on where it is."
            )
        if self._apply(MOST_UNDER_LOCK):
            old, new = (self._sum_of_taken(table, names) for table, names in
                        ((self.shape.where, self.key), (self.new, self.changed)))  # fmt: skip
            if old != new:
                raise CannotPartition("The last changes did not arrive alike in the copy; nothing was swapped.")
        swap = steps.swap_copy(fresh, self.names)
        run(self.connection, [*self.capture.let_go(), *swap, *self.capture.end()])()

    def _sum_of_taken(self, table: sql.Identifier, names: Sequence[str]) -> Any:
        """Rows and hash of the keys just applied. The old table is asked by key, the new one so that it prunes."""
        columns = steps.columns_sql(names)
        return one(
            self.connection,
            S(
                "SELECT count(*) AS rows, sum({}::numeric) AS hash "
                "FROM (SELECT DISTINCT {} FROM golive_taken) AS k JOIN {} AS t ON {}"
            ).format(self.hash, columns, table, self._same("t", "k", names)),
        )

    def abort(self) -> None:
        """Take away everything of an unfinished copy."""
        if self.shape.kind == "p":
            raise CannotPartition(f"{self.table} is converted already.")
        copied = S("DROP TABLE IF EXISTS {} CASCADE").format(self.new)
        statements = [*self.capture.let_go(), *self.capture.end(), copied]
        briefly(self.connection, run(self.connection, statements), "the clean-up")
