"""The conversion that splits history: a shadow table is filled in batches while a trigger records what changes.

Equality is proved before the swap in one snapshot, and inside the lock for what changed since; only then do the names
change. Progress is kept in the database in the same transaction as each batch, so a kill loses and doubles nothing.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from golive.postgres.partition import steps
from golive.postgres.partition.bounds import missing, spans
from golive.postgres.partition.locks import briefly, run
from golive.postgres.partition.plan import Every
from golive.postgres.partition.shape import CannotPartition, look, refusal
from golive.postgres.partition.steps import I, Names, S
from golive.postgres.partition.wrap import Done, Tell, changed_keys, exclusive, look_locked
from golive.postgres.session import Connection, Statement, one

BATCH = 5_000
DRAIN = 2_000
FEW = 200  # changes left that may be applied under the lock
FEW_ROUNDS = 60
MOST_UNDER_LOCK = 5_000


class Shadow:
    """One conversion by copy. `rest` is slept between batches as a share of the time a batch took."""

    def __init__(self, connection: Connection, table: str, by: str, tell: Tell, rest: float = 0.5) -> None:
        self.connection, self.table, self.by, self.tell, self.rest = connection, table, by, tell, rest
        self.shape = look(connection, table)
        self.names = Names(self.shape.schema, self.shape.name)
        self.key = self.shape.primary
        self.new = I(self.names.schema, self.names.parent)
        self.changes = I(self.names.schema, self.names.short("_golive_changes"))
        self.progress = I(self.names.schema, self.names.short("_golive_progress"))
        self.function = I(self.names.schema, self.names.short("_golive_capture"))
        self.trigger = "zz_golive_capture"
        self.done = Done(table, "copy")
        self.columns = steps.columns_sql([each["name"] for each in self.shape.columns if not each["generated"]])
        self.keys = steps.columns_sql(self.key)

    def convert(self, every: Every, ahead: int, now: datetime) -> Done:
        """All phases. Raises CannotPartition."""
        began = time.monotonic()
        if self.shape.kind == "p":
            self.done.notes.append("it was converted already")
            return self.done
        if reason := refusal(self.shape, self.by) or ("" if self.key else f"{self.table} has no primary key"):
            raise CannotPartition(reason)
        if not self._prepared():
            self.tell("shadow table and change capture")
            self._prepare(every, ahead, now)
        self.tell("copy")
        while self._copy_batch():
            pass
        self.tell("changes since")
        for _ in range(FEW_ROUNDS):
            if self._drain(DRAIN) < FEW:
                break
        self.tell("equality")
        self._verify()
        self.tell("the swap")
        for _ in range(FEW_ROUNDS):
            if self._drain(DRAIN) < FEW:
                break
        self.done.locks["swap"] = briefly(self.connection, self._swap, "the swap", lock=exclusive(self.shape))
        self.done.notes += changed_keys(self.shape, self.by)
        self.done.notes.append(f"the old table stays as {self.names.history}: drop it when nobody misses anything")
        self.done.seconds = time.monotonic() - began
        return self.done

    def _prepared(self) -> bool:
        return bool(
            one(self.connection, "SELECT to_regclass(%(n)s) AS found", {"n": self.progress.as_string()})["found"]
        )

    def _prepare(self, every: Every, ahead: int, now: datetime) -> None:
        ends = one(
            self.connection,
            S("SELECT min({})::date AS first, max({})::date AS last FROM {}").format(
                I(self.by), I(self.by), self.shape.where
            ),
        )
        first, last = ends["first"] or now.date(), max(ends["last"] or now.date(), now.date())
        parts = spans(self.shape.name, first, last, every)
        parts += missing(self.shape.name, parts[-1].end, now.date(), every, ahead)
        made: list[Statement] = steps.parent(self.shape, self.names, self.by)
        for span in parts:
            made += steps.partition(self.names, self.names.parent, span)
        self.done.partitions = [span.name for span in parts]
        key_types = {each["name"]: each["type"] for each in self.shape.columns}
        typed = S(", ").join(S("{} {}").format(I(name), S(key_types[name])) for name in self.key)
        old, new = (S(", ").join(S("{}.{}").format(S(row), I(name)) for name in self.key) for row in ("OLD", "NEW"))
        made += [
            S("CREATE TABLE {} (golive_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {})").format(
                self.changes, typed
            ),
            S("CREATE TABLE {} (batch bigint NOT NULL, finished boolean NOT NULL, proved bigint, {})").format(
                self.progress, typed
            ),
            S("INSERT INTO {} (batch, finished) VALUES (0, false)").format(self.progress),
            S(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog "
                "AS $golive$ BEGIN IF TG_OP <> 'INSERT' THEN INSERT INTO {} ({}) VALUES ({}); END IF; "
                "IF TG_OP <> 'DELETE' THEN INSERT INTO {} ({}) VALUES ({}); END IF; RETURN NULL; END $golive$"
            ).format(self.function, self.changes, self.keys, old, self.changes, self.keys, new),
            S("CREATE TRIGGER {} AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION {}()").format(
                I(self.trigger), self.shape.where, self.function
            ),
        ]
        made += steps.foreign_keys(self.shape, self.names)
        self.done.locks["capture"] = briefly(self.connection, run(self.connection, made), "the change capture")

    def _copy_batch(self) -> bool:
        """The next rows by primary key, and where we are, in one transaction. False when there are no more."""
        began = time.monotonic()
        with self.connection.transaction():
            state = one(self.connection, S("SELECT * FROM {} FOR UPDATE").format(self.progress))
            if state["finished"]:
                return False
            after = (
                S("WHERE ({}) > ({})").format(self.keys, S(", ").join(sql.Literal(state[name]) for name in self.key))
                if state["batch"]
                else S("")
            )
            got = self.connection.execute(
                S(
                    "WITH portion AS MATERIALIZED (SELECT {} FROM {} {} ORDER BY {} LIMIT {}), copied AS (INSERT INTO "
                    "{} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM portion ON CONFLICT DO NOTHING) "
                    "SELECT {} FROM portion ORDER BY {} DESC LIMIT 1"
                ).format(
                    self.columns, self.shape.where, after, self.keys, sql.Literal(BATCH), self.new, self.columns,
                    self.columns, self.keys, S(", ").join(S("{} DESC").format(I(n)) for n in self.key[:-1])
                    + S(", " if self.key[1:] else "") + I(self.key[-1]),
                )
            ).fetchone()  # fmt: skip
            if got is None:
                self.connection.execute(S("UPDATE {} SET finished = true").format(self.progress))
                return False
            values = S(", ").join(S("{} = {}").format(I(name), sql.Literal(got[name])) for name in self.key)
            self.connection.execute(S("UPDATE {} SET batch = batch + 1, {}").format(self.progress, values))
        time.sleep(min((time.monotonic() - began) * self.rest, 2.0))
        return True

    def _drain(self, limit: int) -> int:
        """Apply recorded changes: the keys' rows are taken anew from the old table. How many there were."""
        with self.connection.transaction():
            return self._apply(limit)

    def _apply(self, limit: int) -> int:
        taken = self.connection.execute(
            S(
                "DELETE FROM {} WHERE golive_number IN (SELECT golive_number FROM {} ORDER BY golive_number LIMIT {}) "
                "RETURNING {}"
            ).format(self.changes, self.changes, sql.Literal(limit), self.keys)
        ).fetchall()
        if taken:
            wanted = self._in([[row[name] for name in self.key] for row in taken])
            self.connection.execute(S("DELETE FROM {} WHERE {}").format(self.new, wanted))
            self.connection.execute(
                S("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} WHERE {}").format(
                    self.new, self.columns, self.columns, self.shape.where, wanted
                )
            )
        return len(taken)

    def _in(self, keys: Sequence[Sequence[Any]]) -> sql.Composed:
        unique = {tuple(key) for key in keys}
        if len(self.key) == 1:  # an array is looked up in each partition's index; a list of rows may not be
            return S("{} = ANY({})").format(self.keys, sql.Literal([key for (key,) in unique]))
        rows = S(", ").join(S("({})").format(S(", ").join(sql.Literal(value) for value in key)) for key in unique)
        return S("({}) IN ({})").format(self.keys, rows)

    def _sum(self, table: sql.Identifier, but: sql.Composable) -> tuple[int, Any]:
        row = one(
            self.connection,
            S(
                "SELECT count(*) AS rows, sum(pg_catalog.hashtextextended(ROW({})::text, 0)::numeric) AS hash FROM {} "
                "WHERE NOT EXISTS (SELECT FROM {} golive_c WHERE {})"
            ).format(self.columns, table, self.changes, but),
        )
        return row["rows"], row["hash"]

    def _verify(self) -> None:
        """Rows and hashes of both tables in one snapshot, without the keys whose change is not applied yet."""
        self.connection.execute(S("ANALYZE {}").format(self.changes))
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            old, new = (
                self._sum(
                    table,
                    S(" AND ").join(S("golive_c.{} = {}.{}").format(I(name), table, I(name)) for name in self.key),
                )
                for table in (self.shape.where, self.new)
            )
        if old != new:
            raise CannotPartition(
                f"The copy is not equal: {old[0]} rows of {self.table} and {new[0]} of its copy, or other contents. "
                "Nothing was swapped; `golive db partition abort` cleans up."
            )
        self.done.rows = old[0]

    def _swap(self) -> None:
        """Under the lock: the last changes, their equality, the names."""
        fresh = look_locked(self.connection, self.table)
        fresh.triggers = [each for each in fresh.triggers if each["name"] != self.trigger]
        left = self.connection.execute(S("SELECT {} FROM {}").format(self.keys, self.changes)).fetchall()
        if len(left) > MOST_UNDER_LOCK:
            raise CannotPartition(
                f"{self.table} changes faster than the copy can follow ({len(left)} changes are left), and nobody "
                "shall wait for that. Nothing was swapped; run it again at a quieter hour, it goes on where it is."
            )
        while self._apply(DRAIN):
            pass
        if left:
            wanted = self._in([[row[name] for name in self.key] for row in left])
            hashes = [
                one(
                    self.connection,
                    S("SELECT count(*) AS rows, sum(pg_catalog.hashtextextended(ROW({})::text, 0)::numeric) AS hash "
                      "FROM {} WHERE {}").format(self.columns, table, wanted),
                )
                for table in (self.shape.where, self.new)
            ]  # fmt: skip
            if hashes[0] != hashes[1]:
                raise CannotPartition("The last changes did not arrive alike in the copy; nothing was swapped.")
        self.connection.execute(S("DROP TRIGGER {} ON {}").format(I(self.trigger), self.shape.where))
        run(self.connection, steps.swap_copy(fresh, self.names))()
        for table in (self.changes, self.progress):
            self.connection.execute(S("DROP TABLE {}").format(table))
        self.connection.execute(S("DROP FUNCTION {}()").format(self.function))

    def abort(self) -> None:
        """Take away everything of an unfinished copy."""
        if self.shape.kind == "p":
            raise CannotPartition(f"{self.table} is converted already.")
        statements: list[Statement] = [
            S("DROP TRIGGER IF EXISTS {} ON {}").format(I(self.trigger), self.shape.where),
            S("DROP FUNCTION IF EXISTS {}()").format(self.function),
            S("DROP TABLE IF EXISTS {}").format(self.changes),
            S("DROP TABLE IF EXISTS {}").format(self.progress),
            S("DROP TABLE IF EXISTS {} CASCADE").format(self.new),
        ]
        briefly(self.connection, run(self.connection, statements), "the clean-up")
