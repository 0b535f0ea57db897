"""The cookbook's rule: a query that reads more than 10 % of a table wants a look, with what it read and returned."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from golive.postgres.advice.candidates import SMALL_ROWS
from golive.postgres.advice.catalog import Catalog
from golive.postgres.advice.whatif import nodes

SHARE = 0.10


@dataclass(frozen=True)
class Reads:
    """One scan of a plan: rows of the table, rows that it reads, rows that it gives on."""

    table: str
    rows: float
    read: float
    returned: float

    @property
    def share(self) -> float:
        return self.read / self.rows if self.rows else 0.0

    def __str__(self) -> str:
        return (
            f"reads {self.read:,.0f} of the {self.rows:,.0f} rows of {self.table} ({self.share:.0%}) "
            f"and returns {self.returned:,.0f}"
        )


def scans(tree: dict[str, Any], catalog: Catalog) -> Iterator[Reads]:
    """Every sequential scan of a plan; measured where the plan was run, else the planner's expectation."""
    for node in nodes(tree):
        if node.get("Node Type") != "Seq Scan":
            continue
        table = catalog.find(node["Relation Name"], node.get("Schema", ""))
        if table is None or not table.rows:
            continue
        loops = node.get("Actual Loops", 1)
        if "Actual Rows" in node:
            returned = node["Actual Rows"] * loops
            read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * loops
        else:
            returned, read = node["Plan Rows"], table.rows
        yield Reads(table.name, table.rows, read, returned)


def measured(worst: tuple[str, float, float] | None, catalog: Catalog, share: float = SHARE) -> Reads | None:
    """The same of a scan that was really made: (table, rows read, rows given on)."""
    table = catalog.find(worst[0]) if worst else None
    if worst is None or table is None:
        return None
    found = Reads(table.name, table.rows, worst[1], worst[2])
    return found if table.rows >= SMALL_ROWS and found.share > share else None


def reads_too_much(tree: dict[str, Any], catalog: Catalog, share: float = SHARE) -> Reads | None:
    """The worst scan that reads more than its share of a table that is not small, or None."""
    found = [each for each in scans(tree, catalog) if each.rows >= SMALL_ROWS and each.share > share]
    return max(found, key=lambda each: each.read, default=None)
