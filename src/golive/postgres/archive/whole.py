"""Partitions that are old as a whole: detached, archived where nobody writes any more, and dropped.

attached -> detached (noted in golive_archive_parts) -> dropped, its files count. Each arrow is one brief transaction.
In between its rows are asked as hot ones and none of its files counts: killed anywhere, every row is there once, and
the next run goes on behind the last file.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from golive.postgres.archive.cold import ColdTrouble
from golive.postgres.archive.filing import LOG, Filing, I, Row, S, row_hash
from golive.postgres.archive.layout import Manifest
from golive.postgres.partition.locks import briefly, run
from golive.postgres.partition.policy import ends
from golive.postgres.session import Connection, one, rows
from golive.postgres.wide import MOST_ROW_BYTES, at_once

PARTS = I("golive_archive_parts")
USES_IT = timedelta(seconds=10)


@dataclass(frozen=True)
class Part:
    """A detached partition. `part` is its name as SQL, `after` the last archived row's place in the order."""

    part: str
    name: str
    parent: str
    bound: str
    after: list[str] | None
    state: str

    @property
    def where(self) -> sql.SQL:
        return S(self.part)

    @property
    def back(self) -> str:
        """The statement that attaches it again."""
        return f"ALTER TABLE {self.parent} ATTACH PARTITION {self.part} {self.bound}"


def detached(connection: Connection, parent: sql.Identifier) -> list[Part]:
    """The partitions of a table that are detached to be archived, whichever archive is at it."""
    found = _parts(connection, S("parent = %(parent)s"), {"parent": parent.as_string()})
    return [part for part in found if part.state == "detached"]


def _parts(connection: Connection, which: sql.Composable, values: dict[str, Any]) -> list[Part]:
    if not one(connection, "SELECT to_regclass(%(parts)s) AS found", {"parts": PARTS.as_string()})["found"]:
        return []
    found = rows(
        connection,
        S(
            "SELECT p.part, p.name, p.parent, p.bound, p.after, CASE WHEN c.oid IS NULL THEN 'gone' "
            "WHEN c.relispartition THEN 'attached' ELSE 'detached' END AS state "
            "FROM {} p LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass(p.part) WHERE {} ORDER BY p.at, p.part"
        ).format(PARTS, which),
        values,
    )
    return [Part(**row) for row in found]


class Whole:
    """The partitions of one archive. Its connection's transactions are ours."""

    def __init__(self, filing: Filing) -> None:
        self.filing, self.connection, self.tell = filing, filing.connection, filing.tell
        self.files = 0
        self.notes: list[str] = []

    def make_list(self) -> None:
        """Make the list of detached partitions where there is none."""
        self.connection.execute(
            S(
                "CREATE TABLE IF NOT EXISTS {} (archive text NOT NULL, part text NOT NULL, name text NOT NULL, parent "
                "text NOT NULL, bound text NOT NULL, after jsonb, at timestamptz NOT NULL DEFAULT now(), "
                "PRIMARY KEY (archive, part))"
            ).format(PARTS)
        )

    def unfinished(self) -> list[Part]:
        """Those that a run before has detached. What somebody attached again or dropped is struck off the list."""
        found = _parts(self.connection, S("archive = %(name)s"), {"name": self.filing.name})
        for part in found:
            if part.state == "attached":
                self._start_over(part, strike=True)
                self.notes.append(f"{part.name} was attached again by hand, so it is as if it had never been detached")
            elif part.state == "gone":
                with self.connection.transaction():
                    self._strike(part)
                self.notes.append(f"{part.name} was dropped by hand before it was archived whole; what was stays cold")
        return [part for part in found if part.state == "detached"]

    def old(self, edge: datetime) -> list[Part]:
        """Partitions by the archive's own column that lie wholly before the edge."""
        shape, by = self.filing.shape, self.filing.plan.by
        by_it = one(
            self.connection,
            "SELECT pg_get_partkeydef(%(oid)s::oid) = 'RANGE (' || quote_ident(%(by)s) || ')' AS same",
            {"oid": shape.oid, "by": by},
        )
        if not by_it["same"]:
            return []
        past = {name for name, end in ends(shape.partitions) if end <= edge.date()}
        return [
            Part(
                I(each["schema"], each["name"]).as_string(),
                each["name"],
                shape.where.as_string(),
                each["bound"],
                None,
                "attached",
            )
            for each in shape.partitions
            if each["name"] in past
        ]

    def detach(self, part: Part) -> bool:
        """Take a partition off its table and note it, under a short lock. False when a row is too wide to be filed."""
        if self._widest(part) > MOST_ROW_BYTES:
            self.notes.append(f"{part.name} holds a row that is too wide, so it does not go whole")
            return False
        briefly(self.connection, lambda: self._detach(part), f"detaching {part.name}")
        self.tell(f"partition {part.name} is detached (to undo it: {part.back})")
        return True

    def _detach(self, part: Part) -> None:
        self.connection.execute(S("ALTER TABLE {} DETACH PARTITION {}").format(S(part.parent), part.where))
        self.connection.execute(
            S("INSERT INTO {} (archive, part, name, parent, bound) VALUES (%s, %s, %s, %s, %s)").format(PARTS),
            [self.filing.name, part.part, part.name, part.parent, part.bound],
        )

    def finish(self, part: Part, files: int | None = None) -> int | None:
        """Archive a detached partition and drop it: how many rows. None when `files` are written and it is not done."""
        for _ in range(2):
            if not self._write(part, files):
                return None
            filed = self.filing.logged(S("part = %(part)s"), part=part.part)
            if self._drop(part, filed):
                for manifest in filed:
                    self.filing.cold.put(manifest)
                return sum(manifest.rows for manifest in filed)
            self._start_over(part)
            part = replace(part, after=None)
        raise ColdTrouble(
            f"{part.name} is being written to although it is detached: find out who does (golive db look locks) and "
            f"run again. Nothing is lost; it is as it was. To attach it: {part.back}"
        )

    def _write(self, part: Part, files: int | None) -> bool:
        """File what is not filed yet, a transaction each. False when there is more than `files`."""
        filing, last = self.filing, part.after
        primary = [filing.order.index(name) for name in filing.shape.primary]
        batch = at_once(filing.plan.batch, self._widest(part))
        # Held over the transactions: sorted once, and no snapshot is kept that would hold VACUUM up.
        held = self.connection.cursor(name="golive_archive", row_factory=psycopg.rows.tuple_row, withhold=True)
        with held as cursor:
            cursor.execute(
                S("SELECT {} FROM {} t WHERE {} ORDER BY {}").format(
                    filing.columns(filing.order, text=True), part.where, self._after(last), filing.columns(filing.order)
                )
            )
            while places := cursor.fetchmany(batch):
                if files is not None and self.files >= files:
                    return False
                began = time.monotonic()
                with self.connection.transaction():
                    keys: list[Row] = [tuple(place[number] for number in primary) for place in places]
                    filing.log(filing.file(filing.next_number(), part.where, keys), part.part)
                    last = self._reached(part, last, list(places[-1]))
                self.files += 1
                self.tell(f"partition {part.name}: {self.files} files")
                filing.pace.breathe(began)
        return True

    def _after(self, last: Sequence[str] | None) -> sql.Composable:
        if last is None:
            return S("true")
        order = self.filing.order
        values = S(", ").join(
            S("{}::{}").format(sql.Literal(value), S(self.filing.kinds[name]))
            for name, value in zip(order, last, strict=True)
        )
        return S("({}) > ({})").format(self.filing.columns(order), values)

    def _reached(self, part: Part, before: list[str] | None, now: list[str]) -> list[str]:
        moved = self.connection.execute(
            S("UPDATE {} SET after = %s WHERE archive = %s AND part = %s AND after IS NOT DISTINCT FROM %s").format(
                PARTS
            ),
            [Jsonb(now), self.filing.name, part.part, Jsonb(before) if before is not None else None],
        )
        if moved.rowcount != 1:
            raise ColdTrouble(f"Another run of {self.filing.name} is at {part.name}; this one stops, nothing is lost.")
        return now

    def _drop(self, part: Part, filed: Sequence[Manifest]) -> bool:
        """Drop the partition if its rows are those of its files, by count and hash."""
        wanted = sum(manifest.rows for manifest in filed), sum(int(manifest.row_hash) for manifest in filed)
        with self.connection.transaction():
            wait = str(round(USES_IT.total_seconds() * 1000))
            self.connection.execute("SELECT set_config('lock_timeout', %s, true)", [wait])
            self.connection.execute(S("LOCK TABLE {} IN SHARE MODE").format(part.where))
            found = one(
                self.connection,
                S("SELECT count(*) AS rows, {} AS hash FROM {} t").format(row_hash(self.filing.fields), part.where),
            )
            if (found["rows"], int(found["hash"])) != wanted:
                return False
            self._strike(part)
            # What its foreign keys point at is locked for a moment too.
            drop = run(self.connection, [S("DROP TABLE {}").format(part.where)])
            briefly(self.connection, drop, f"dropping {part.name}")
        return True

    def _strike(self, part: Part) -> None:
        """Off the list, and its files count from now on."""
        key = [self.filing.name, part.part]
        self.connection.execute(S("UPDATE {} SET part = NULL WHERE archive = %s AND part = %s").format(LOG), key)
        self.connection.execute(S("DELETE FROM {} WHERE archive = %s AND part = %s").format(PARTS), key)

    def _start_over(self, part: Part, *, strike: bool = False) -> None:
        """As if none of it had been filed."""
        with self.connection.transaction():
            key = [self.filing.name, part.part]
            self.connection.execute(S("DELETE FROM {} WHERE archive = %s AND part = %s").format(LOG), key)
            self.connection.execute(S("UPDATE {} SET after = NULL WHERE archive = %s AND part = %s").format(PARTS), key)
            if strike:
                self._strike(part)

    def _widest(self, part: Part) -> int:
        statement = S("SELECT COALESCE(max({}), 0) AS most FROM {} t").format(self.filing.width, part.where)
        most: int = one(self.connection, statement)["most"]
        return most
