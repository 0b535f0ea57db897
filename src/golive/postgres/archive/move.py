"""Moving old rows out: write a file, read it back, prove it in PostgreSQL, and delete the rows, batch by batch.

The rows' deletion and the log entry of their file are one transaction. Killed before it, the file has no entry and is
overwritten; killed after it, the entry writes the manifest anew. So nothing is lost and nothing is there twice.
"""

import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import sql

from golive.postgres.archive.cold import Cold, ColdTrouble
from golive.postgres.archive.filing import AS_WRITTEN, Filing, I, Row, S, Tell
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.whole import Part, Whole, detached
from golive.postgres.partition.locks import gently
from golive.postgres.partition.shape import CannotPartition, Shape, look, weight
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import MOST_ROW_BYTES, portion, together


@dataclass
class Moved:
    """What one run moved. `kept` rows are old enough but still referenced by other tables."""

    rows: int = 0
    files: int = 0
    partitions: list[str] = field(default_factory=list)
    kept: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class Mover:
    """One archive. The connection may write and delete; its transactions are ours."""

    def __init__(self, connection: Connection, name: str, plan: ArchivePlan, cold: Cold, tell: Tell) -> None:
        self.connection, self.name, self.plan, self.cold, self.tell = connection, name, plan, cold, tell
        connection.execute(AS_WRITTEN)
        connection.execute("SET jit = off")
        gently(connection)
        try:
            self.shape = look(connection, plan.table)
        except CannotPartition as error:
            raise ColdTrouble(str(error)) from error
        if not self.shape.primary:
            raise ColdTrouble(f"{plan.table} has no primary key: rows could not be told apart.")
        self.shape.column(plan.by)
        self.filing = Filing(connection, name, plan, cold, self.shape, tell)
        self.moved = Moved()
        self.batch = portion(plan.batch, *weight(connection, self.shape))

    def run(self, now: datetime, batches: int | None = None) -> Moved:
        """Move what is old enough; at most `batches` files. Raises ColdTrouble."""
        with closing(self.filing.pace):
            return self._run(now, batches)

    def _run(self, now: datetime, batches: int | None) -> Moved:
        began = time.monotonic()
        edge = now - self.plan.older
        self.filing.make_log()
        whole = Whole(self.filing)
        whole.make_list()
        self._recover()
        room = self._whole(whole, edge, batches)
        while room and (batches is None or self.moved.files < batches):
            started = time.monotonic()
            if not self._batch(edge):
                break
            self.tell(f"{self.moved.rows:,} rows in {self.moved.files} files")
            self.filing.pace.breathe(started)
        self.moved.kept = self._referenced(edge)
        self.moved.notes += filter(None, [self._too_wide(edge)])
        self.moved.seconds = time.monotonic() - began
        if self.moved.rows and not self.moved.partitions:
            self.moved.notes.append(
                f"the rows are gone, their disk is not: VACUUM makes it usable for {self.plan.table}, "
                "only partitions (golive db partition) or pg_repack give it back"
            )
        return self.moved

    def _whole(self, whole: Whole, edge: datetime, batches: int | None) -> bool:
        """Partitions that go whole, first those that a run before has begun. False when there is no room for more."""
        try:
            for part in whole.unfinished():
                if not self._finish(whole, part, batches):
                    return False
            for part in whole.old(edge) if self._may_go_whole() else []:
                if batches is not None and whole.files >= batches:
                    return False
                if whole.detach(part) and not self._finish(whole, part, batches):
                    return False
            return True
        finally:
            self.moved.files = whole.files
            self.moved.notes += whole.notes

    def _may_go_whole(self) -> bool:
        return self.shape.kind == "p" and not self.plan.where and not inbound(self.connection, self.shape)

    def _finish(self, whole: Whole, part: Part, batches: int | None) -> bool:
        moved = whole.finish(part, batches)
        if moved is None:
            whole.notes.append(f"{part.name} is detached and half archived: the next run goes on with it")
            return False
        self.moved.rows += moved
        self.moved.partitions.append(part.name)
        return True

    def _too_wide(self, edge: datetime) -> str:
        """What is said of rows that stay because of their width."""
        wide = S(" AND {} > {}").format(self.filing.width, sql.Literal(MOST_ROW_BYTES))
        condition = self._old(edge) + self._free() + wide
        count = S("SELECT count(*) AS rows, min(ROW({})::text) AS key FROM {} t WHERE {}")
        found = one(self.connection, count.format(self._keys(), self.shape.where, condition))
        if not found["rows"]:
            return ""
        return (
            f"{found['rows']:,} rows stay, for each is wider than {MOST_ROW_BYTES // 1024**2} MB as text, such as the "
            f"one with the key {found['key']}: keep such values as files, or move these rows by hand with COPY"
        )

    def waiting(self, now: datetime) -> int:
        """How many rows are old enough and free, with those of partitions that are detached already."""
        condition = self._old(now - self.plan.older) + self._free()
        count = S("SELECT count(*) AS rows FROM {} t WHERE {}")
        asked = [count.format(self.shape.where, condition)]
        asked += [count.format(part.where, S("true")) for part in detached(self.connection, self.shape.where)]
        return sum(int(one(self.connection, each)["rows"]) for each in asked)

    def _recover(self) -> None:
        """Write manifests that a killed run did not come to; without a log, what is cold goes into it."""
        found = {manifest.number: manifest for manifest in self.cold.manifests()}
        self.filing.newest_cold = max(found, default=0)
        with self.connection.transaction():
            if not self.filing.logged(S("true")):
                for manifest in found.values():
                    self.filing.log(manifest)
        for manifest in self.filing.logged(S("part IS NULL")):
            if manifest.number not in found:
                self.cold.put(manifest)

    def _old(self, edge: datetime) -> sql.Composed:
        """The rows that may go. The further condition is the operator's own SQL from golive.toml."""
        condition = S("t.{} < {}").format(I(self.plan.by), sql.Literal(edge))
        return condition + (S(" AND (") + S(self.plan.where) + S(")") if self.plan.where else S(""))

    def _free(self) -> sql.Composed:
        """Rows that no other table refers to: whatever the foreign key would do, children go first."""
        found = S("").format()
        for key in inbound(self.connection, self.shape):
            same = S(" AND ").join(
                S("c.{} = t.{}").format(I(theirs), I(ours))
                for theirs, ours in zip(key["theirs"], key["ours"], strict=True)
            )
            found += S(" AND NOT EXISTS (SELECT FROM {} c WHERE {})").format(I(key["schema"], key["table"]), same)
        return found

    def _referenced(self, edge: datetime) -> int:
        if not inbound(self.connection, self.shape):
            return 0
        count = S("SELECT count(*) AS rows FROM {} t WHERE {}").format(self.shape.where, self._old(edge))
        found: int = one(self.connection, count)["rows"]
        return found

    def _batch(self, edge: datetime) -> int:
        number = self.filing.next_number()
        with self.connection.transaction():
            keys, wanted = self._claim(edge)
            if not keys:
                return 0
            manifest = self.filing.file(number, self.shape.where, keys)
            deleted = self._delete(keys)
            if deleted != manifest.rows:
                raise ColdTrouble(
                    f"{manifest.rows} rows were written, but {deleted} could be deleted; nothing was changed."
                )
            self.filing.log(manifest)
        self.batch = wanted
        self.cold.put(manifest)
        self.moved.rows += deleted
        self.moved.files += 1
        return deleted

    def _claim(self, edge: datetime) -> tuple[list[Row], int]:
        """Keys of the next rows, locked, as many as fit in memory together; how many to look at next time."""
        width = self.filing.width
        found = self.filing.fetched(
            S("SELECT {}, {} FROM {} t WHERE {}{} AND {} <= {} ORDER BY {} LIMIT {} FOR UPDATE SKIP LOCKED").format(
                self._keys(), width, self.shape.where, self._old(edge), self._free(), width,
                sql.Literal(MOST_ROW_BYTES), self.filing.columns(self.filing.order), sql.Literal(self.batch),
            )
        )  # fmt: skip
        count = together([row[-1] for row in found])
        return [row[:-1] for row in found[:count]], min(self.plan.batch, max(2 * count, 1))

    def _keys(self) -> sql.Composed:
        return self.filing.columns(self.shape.primary, text=True)

    def _delete(self, keys: list[Row]) -> int:
        statement = S("DELETE FROM {} t WHERE {}").format(self.shape.where, self.filing.matching(keys))
        return self.connection.execute(statement).rowcount


def inbound(connection: Connection, shape: Shape) -> list[dict[str, Any]]:
    """Foreign keys of other tables that point here, with both sides' columns."""
    return rows(
        connection,
        "SELECT n.nspname AS schema, c.relname AS table,"
        " ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (num, place) JOIN pg_attribute a"
        " ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY place) AS theirs,"
        " ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (num, place) JOIN pg_attribute a"
        " ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY place) AS ours"
        " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE k.confrelid = %(oid)s AND k.contype = 'f' AND k.conparentid = 0",
        {"oid": shape.oid},
    )
