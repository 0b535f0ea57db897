"""The confusion table as a Markdown file that a run may add to: what stands above the mark is kept, and so are rows."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MARK = "<!-- measured by python -m bench.check; what stands above is kept -->"
HEAD = ("planted fault", "must convict", "convicted", "exactly", "run with it", "what the report says")
LONGEST = 160


class Row(NamedTuple):
    """One planted fault and what came of it."""

    fault: str
    item: str
    convicted: str
    exact: bool
    run: str
    said: str


def read(file: Path | None) -> tuple[str, str, dict[str, Row]]:
    """What stands above the mark, the line on acme as it should be, and the rows by fault."""
    if file is None or not file.exists():
        return "# Planted faults, and what convicts them\n", "", {}
    above, _, below = file.read_text().partition(MARK)
    lines = below.strip().splitlines()
    healthy = next((line for line in lines if line.startswith("acme as it should be")), "")
    rows = {}
    for line in lines:
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == len(HEAD) and cells[0] != HEAD[0] and not cells[0].startswith("---"):
            fault, item, convicted, exact, run, said = cells
            rows[fault] = Row(fault, item, convicted, exact == "yes", run, said)
    return above, healthy, rows


def write(file: Path, above: str, healthy: str, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Write it; `rows` are all, in their order, and `names` those of all faults that there are."""
    exact, items = [row for row in rows if row.exact], {row.item for row in rows if row.exact}
    waiting = [name for name in names if name not in {row.fault for row in rows}]
    left = [f"Not run yet, or not since it was changed: {', '.join(waiting)}.", ""] if waiting else []
    lines = [
        above.rstrip(),
        "",
        MARK,
        "",
        healthy,
        "",
        f"**{len(exact)} of {len(rows)} planted faults convict exactly their item, over {len(items)} items.**",
        "",
        *left,
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *(_line(row) for row in rows),
        "",
    ]
    file.write_text("\n".join(lines))


def _line(row: Row) -> str:
    cells = (row.fault, row.item, row.convicted, "yes" if row.exact else "NO", row.run, row.said[:LONGEST])
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
