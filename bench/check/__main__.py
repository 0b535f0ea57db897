"""`python -m bench.check [FAULT...]`: acme as it should be, then with each planted fault, and which item convicts it.

For each fault the item that must find it is run, with others that read the same inputs; the rest keep the proof that
they gave on the healthy product. `--table FILE` keeps the confusion table: rows of faults that are not run stay.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.check.faults import FAULTS, Fault
from bench.check.table import Row, read, write
from bench.check.world import World, world

Verdicts = Mapping[str, str]


def verdicts(found: Mapping[str, Any]) -> dict[str, str]:
    return {document["item"]: document["verdict"] for document in found["items"]}


def reason(found: Mapping[str, Any], item: str) -> str:
    return next((str(document["reason"]) for document in found["items"] if document["item"] == item), "")


def healthy(made: World) -> tuple[Verdicts, str]:
    """All items on acme as it should be, and a sentence about it."""
    began = time.monotonic()
    found = made.check()
    seconds = time.monotonic() - began
    for document in found["items"]:
        took = datetime.fromisoformat(document["ended_at"]) - datetime.fromisoformat(document["started_at"])
        long = f"{took.total_seconds():5.1f} s"
        print(f"  {document['item']:16} {document['verdict']:8} {long}  {document['reason'][:140]}", flush=True)
    seen = verdicts(found)
    passing = sum(verdict == "pass" for verdict in seen.values())
    others = ", ".join(f"{name} {verdict}" for name, verdict in seen.items() if verdict != "pass")
    said = f"acme as it should be: {passing} of {len(seen)} items pass{f' ({others})' if others else ''}"
    return seen, f"{said}; the whole run took {seconds:.0f} s."


def assumed() -> Verdicts:
    """All items that a fault belongs to, taken as passing."""
    return dict.fromkeys((fault.item for fault in FAULTS), "pass")


def convicted(made: World, fault: Fault, base: Verdicts) -> Row:
    """The items that block with the fault and did not without, and what the report says."""
    before = made.process
    undo = fault.plant(made)
    try:
        if made.planted and made.process is before:  # the mistake of the fault before
            made.start()
        found = made.check(*dict.fromkeys([fault.item, *fault.beside]))
    finally:
        undo()
    seen = verdicts(found)
    worse = [name for name, verdict in seen.items() if verdict != "pass" and base.get(name) == "pass"]
    named = ", ".join(worse) or "none"
    return Row(fault.name, fault.item, named, worse == [fault.item], ", ".join(seen), reason(found, fault.item))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("faults", nargs="*", help="only these faults, or all of these items")
    parser.add_argument("--table", type=Path, help="keep the table here, as Markdown, after every fault")
    parser.add_argument("--missing", action="store_true", help="only faults that the table does not show as found")
    parser.add_argument("--seconds", type=float, default=0, help="begin no further fault after so many")
    parser.add_argument("--only-faults", action="store_true", help="take it that acme passes without them")
    parser.add_argument("--healthy", action="store_true", help="no fault at all")
    parser.add_argument("--look", type=float, default=0, help="keep all running for so many seconds, to look at it")
    parser.add_argument("--list", action="store_true", help="print the faults and run nothing")
    chosen = parser.parse_args()
    above, line, rows = read(chosen.table)
    wanted = [one for one in FAULTS if not chosen.faults or {one.name, one.item} & set(chosen.faults)]
    if chosen.missing:
        wanted = [fault for fault in wanted if fault.name not in rows or not rows[fault.name].exact]
    if chosen.list:
        print("\n".join(f"{fault.item:16} {fault.name}" for fault in wanted))
        return 0
    if chosen.healthy:
        wanted = []
    began, names, results = time.monotonic(), [fault.name for fault in FAULTS], list[Row]()
    with tempfile.TemporaryDirectory(prefix="golive-bench-check-") as folder, world(Path(folder)) as made:
        base = assumed()
        if not chosen.only_faults:
            base, line = healthy(made)
            print(line, flush=True)
            if chosen.table:
                write(chosen.table, above, line, [rows[name] for name in names if name in rows], names)
        for fault in wanted:
            if chosen.seconds and time.monotonic() - began > chosen.seconds:
                break
            try:
                row = convicted(made, fault, base)
            except Exception as error:
                row = Row(fault.name, fault.item, "none", False, "", f"could not be planted: {error}"[:200])
            results.append(row)
            rows[fault.name] = row
            mark = "ok  " if row.exact else "MISS"
            print(f"{mark} {fault.name:20} {fault.item:15} → {row.convicted}: {row.said[:120]}", flush=True)
            if chosen.table:
                write(chosen.table, above, line, [rows[name] for name in names if name in rows], names)
        if chosen.look:
            print(f"look at {made.install.url}/p/acme/readiness/ with the data in {made.install.data}", flush=True)
            time.sleep(chosen.look)
    hits = sum(row.exact for row in results)
    print(f"{hits} of {len(results)} faults convict exactly their item")
    whole = all(verdict == "pass" for verdict in base.values())
    return 0 if hits == len(results) and whole else 1


if __name__ == "__main__":
    sys.exit(main())
