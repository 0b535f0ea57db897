"""Facts of golive's own processes (check results, host metrics, error rows) on their way to the store.

`record` returns when the rows are on disk; a thread of the same process loads them soon after. Each process has a
folder of its own below DATA/spool, held by a lock; what a crashed process left is loaded by the next one of its name.
"""

import fcntl
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from golive.kit.folders import data_folder
from golive.telemetry.loader import Loader, table_stream
from golive.telemetry.spool import Budget, Spool

AGE_SECONDS = 1.0
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class Facts:
    """The spools and loaders of one process, one pair a table, made when first needed."""

    def __init__(self, root: Path, process: str) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._loaders: dict[str, Loader] = {}
        self._budget = Budget()
        self.folder, self._held = _claim(root, process)
        for left in sorted(self.folder.glob("*/*.segment")):
            self.loader(left.parent.name)

    def loader(self, table: str) -> Loader:
        with self._lock:
            if table not in self._loaders:
                spool = Spool(self.folder / table, self._budget)
                quarantine = self.root / "quarantine"
                self._loaders[table] = Loader(spool, table_stream(table), quarantine, age_seconds=AGE_SECONDS).start()
            return self._loaders[table]

    def record(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        now = datetime.now(UTC)
        lines = [orjson.dumps({"received_at": now, **row}, option=_OPTIONS) + b"\n" for row in rows]
        if not lines:
            return
        payload = b"".join(lines)
        identity = hashlib.blake2b(payload, digest_size=16).digest()
        self.loader(table).spool.append(payload, identity, time.time_ns() // 1_000_000).result(timeout=60)

    def idle(self) -> bool:
        """True when the store has everything that was recorded."""
        with self._lock:
            spools = [loader.spool for loader in self._loaders.values()]
        return all(not spool.sealed and spool.due_in(0) is None for spool in spools)

    def close(self) -> None:
        with self._lock:
            loaders = list(self._loaders.values())
        for loader in loaders:
            loader.stop()
            loader.spool.close()
        os.close(self._held)


_lock = threading.Lock()
_facts: dict[Path, Facts] = {}


def record(table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep rows for a table of the store: durable on return, loaded soon.

    A row is a mapping of the table's columns; datetimes are aware, `received_at` is filled when it is absent.
    Raises SpoolError when the disk is full or the spool has reached GOLIVE_SPOOL_BYTES.
    """
    start_loader().record(table, rows)


def start_loader(process: str = "") -> Facts:
    """Begin to load what this process records, and what a crashed one of the same name left behind."""
    root = data_folder() / "spool"
    with _lock:
        if root not in _facts:
            _facts[root] = Facts(root, process or _process_name())
        return _facts[root]


def flush(timeout_seconds: float = 10.0) -> bool:
    """Wait until the store has all that was recorded; False when the time ran out first (nothing is lost)."""
    facts = start_loader()
    end = time.monotonic() + timeout_seconds
    while not facts.idle():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def stop_loader() -> None:
    """Stop the loaders of this process; what is left is loaded at its next start."""
    with _lock:
        for facts in _facts.values():
            facts.close()
        _facts.clear()


def _process_name() -> str:
    """`pager` for `python -m golive.pager`; `golive` for the command line."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    name = (spec.parent or spec.name) if spec else Path(sys.argv[0] or "golive").stem
    return str(name).rpartition(".")[2] or "golive"


def _claim(root: Path, process: str) -> tuple[Path, int]:
    """The first folder of this process's name that no living process holds, and its lock."""
    for number in range(1, 1000):
        folder = root / (f"facts-{process}" if number == 1 else f"facts-{process}-{number}")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            continue
        return folder, held
    raise RuntimeError(f"1000 processes named {process} hold spools below {root}")
