"""`python -m bench.check [FAULT...]`: acme as it should be, then with each planted fault, and which item convicts it.

For each fault the item that must find it is run, with others that read the same inputs; the rest keep the proof that
they gave on the healthy product. `--table FILE` writes the confusion table.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.check.faults import FAULTS, Fault
from bench.check.world import World, world

Verdicts = Mapping[str, str]


def verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    return {document["item"]: document["verdict"] for document in found["items"]}


def reason(found: Mapping[str, Any], item: str) -> str:
    return next((str(document["reason"]) for document in found["items"] if document["item"] == item), "")


def healthy(made: World) -> tuple[Verdicts, float]:
    """All items on acme as it should be."""
    began = time.monotonic()
    found = made.check()
    seconds = time.monotonic() - began
    for document in found["items"]:
        print(f"  {document['item']:16} {document['verdict']:8} {document['reason'][:140]}", flush=True)
    return verdicts(found), seconds


def assumed() -> tuple[Verdicts, float]:
    """All items that a fault belongs to, taken as passing."""
    return dict.fromkeys((fault.item for fault in FAULTS), "pass"), 0.0


def convicted(made: World, fault: Fault, base: Verdicts) -> tuple[list[str], str, Verdicts]:
    """The items that block with the fault and did not without, what the report says, and all verdicts of the run."""
    before = made.process
    undo = fault.plant(made)
    if made.planted and made.process is before:  # the mistake of the fault before
        made.start()
    try:
        items = list(dict.fromkeys([fault.item, *fault.beside]))
        found = made.check(*items)
        seen = verdicts(found)
        worse = [name for name, verdict in seen.items() if verdict != "pass" and base.get(name) == "pass"]
        return worse, reason(found, fault.item), seen
    finally:
        undo()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("faults", nargs="*", help="only these")
    parser.add_argument("--table", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--seconds", type=float, default=0, help="begin no further fault after so many")
    parser.add_argument("--only-faults", action="store_true", help="take it that acme passes without them")
    chosen = parser.parse_args()
    wanted = [fault for fault in FAULTS if not chosen.faults or fault.name in chosen.faults]
    rows: list[Sequence[str]] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="golive-bench-check-") as folder, world(Path(folder)) as made:
        print("acme as it should be:", flush=True)
        base, seconds = assumed() if chosen.only_faults else healthy(made)
        passing = sum(verdict == "pass" for verdict in base.values())
        print(f"{passing} of {len(base)} pass, in {seconds:.0f} s", flush=True)
        dirty = False
        for fault in wanted:
            if chosen.seconds and time.monotonic() - began > chosen.seconds:
                break
            try:
                worse, said, seen = convicted(made, fault, base)
            except Exception as error:
                worse, said, seen = [], f"could not be planted: {error}"[:200], {}
            dirty = True
            exact = worse == [fault.item]
            named = ", ".join(worse) or "none"
            rows.append((fault.name, fault.item, named, "yes" if exact else "NO", ", ".join(seen), said))
            mark = "ok  " if exact else "MISS"
            print(f"{mark} {fault.name:20} {fault.item:15} → {named}: {said[:120]}", flush=True)
        if dirty:
            made.start()
    hits = sum(row[3] == "yes" for row in rows)
    print(f"{hits} of {len(rows)} faults convict exactly their item")
    if chosen.table:
        chosen.table.write_text(table(base, seconds, rows))
    return 0 if hits == len(rows) else 1


def table(base: Verdicts, seconds: float, rows: Sequence[Sequence[str]]) -> str:
    """The confusion table as Markdown."""
    passing = sum(verdict == "pass" for verdict in base.values())
    lines = [
        f"acme as it should be: {passing} of {len(base)} items pass"
        + ("" if passing == len(base) else f" ({', '.join(f'{n} {v}' for n, v in base.items() if v != 'pass')})")
        + f"; the whole run took {seconds:.0f} s.",
        "",
        "| planted fault | must convict | convicted | exactly | run with it | what the report says |",
        "|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(cell.replace("|", "\\|")[:160] for cell in row) + " |" for row in rows]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
