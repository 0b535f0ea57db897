"""`golive doctor`: what is wrong with this install, and how to mend it. Works when nothing else does."""

import json
import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console

from golive.kit.folders import data_folder
from golive.telemetry import store
from golive.up.instance import load, same_process
from golive.up.ports import PortTaken, claim
from golive.up.status import memory_bytes

MINIMUM_PYTHON = (3, 11)
DISK_LOW_BYTES = 2_000_000_000
DISK_OUT_BYTES = 200_000_000
OLDEST_CLOCK = 1_767_225_600  # 2026-01-01: a clock before that is wrong
PROGRAMS = {
    "postgres": "needed for the demo and the tests: apt-get install postgresql",
    "chromium": "needed for browser tests and journeys: apt-get install chromium",
}


class Health(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


MARKS = {
    Health.GOOD: "[green]✓[/]",
    Health.WARNING: "[yellow]![/]",
    Health.BAD: "[red]✗[/]",
    Health.UNKNOWN: "[dim]?[/]",
}


@dataclass(frozen=True)
class Finding:
    """What one look found; `mend` is what to do about it."""

    name: str
    health: Health
    seen: str
    mend: str = ""


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MINIMUM_PYTHON:
        return Finding("python", Health.BAD, version, "install Python 3.11 or newer and make the environment again")
    return Finding("python", Health.GOOD, version)


def data() -> Finding:
    """The data folder is there, ours, closed to others, and can be written to."""
    folder = data_folder()
    mode = folder.stat().st_mode & 0o777
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("data folder", Health.BAD, f"{folder} cannot be written to", f"chown -R $USER {folder}")
    if mode & 0o077:
        return Finding("data folder", Health.BAD, f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}")
    return Finding("data folder", Health.GOOD, str(folder))


def disk() -> Finding:
    free = shutil.disk_usage(data_folder()).free
    seen = f"{free / 1e9:.1f} GB free"
    if free < DISK_OUT_BYTES:
        return Finding("disk", Health.BAD, seen, "free space now: below 200 MB nothing can be received")
    if free < DISK_LOW_BYTES:
        return Finding("disk", Health.WARNING, seen, "free space, or put --data on a larger disk")
    return Finding("disk", Health.GOOD, seen)


def clock() -> Finding:
    if time.time() < OLDEST_CLOCK:
        return Finding("clock", Health.BAD, time.strftime("%Y-%m-%d"), "set the clock (timedatectl set-ntp true)")
    return Finding("clock", Health.GOOD, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def keys() -> Finding:
    """Secrets of this install are readable by their owner alone."""
    folder = data_folder() / "keys"
    open_ = [path.name for path in folder.glob("*") if path.stat().st_mode & 0o077] if folder.exists() else []
    if open_:
        return Finding("key files", Health.BAD, f"open to others: {', '.join(open_)}", f"chmod 600 {folder}/*")
    count = len(list(folder.glob("*"))) if folder.exists() else 0
    return Finding("key files", Health.GOOD, f"{count} kept" if count else "none yet")


def processes() -> Finding:
    """The supervisor and what it watches."""
    status = load(data_folder())
    if status is None or same_process(status.pid, status.created) is None:
        return Finding("processes", Health.UNKNOWN, "golive is not up on this data folder", "golive up")
    poor = {name: entry for name, entry in status.processes.items() if entry.state != "ready"}
    if poor:
        seen = "; ".join(f"{name} {entry.state} {entry.problem}".strip() for name, entry in poor.items())
        logs = data_folder() / "logs"
        return Finding("processes", Health.BAD, seen, f"read {', '.join(str(logs / f'{name}.log') for name in poor)}")
    found = [same_process(entry.pid, entry.created) for entry in status.processes.values()]
    memory = sum(memory_bytes(process) or 0 for process in found if process)
    return Finding("processes", Health.GOOD, f"{len(found)} ready, {memory / 1e6:.0f} MB")


def ports() -> Finding:
    """The ports are ours or free."""
    status = load(data_folder())
    if status and same_process(status.pid, status.created):
        return Finding("ports", Health.GOOD, f"{status.url}, {status.ingest_url}")
    host = os.environ.get("GOLIVE_HOST", "127.0.0.1")
    wanted = {"--port": ("GOLIVE_PORT", "8400"), "--ingest-port": ("GOLIVE_INGEST_PORT", "4318")}
    try:
        for option, (variable, default) in wanted.items():
            claim(host, int(os.environ.get(variable, default)), option)
    except PortTaken as taken:
        sentence, _, way_out = str(taken).partition("; ")
        return Finding("ports", Health.BAD, sentence, way_out)
    return Finding("ports", Health.GOOD, "8400 and 4318 are free" if host == "127.0.0.1" else "free")


def database() -> Finding:
    """golive's own tables are there and up to date."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    kind = "SQLite" if connection.vendor == "sqlite" else connection.vendor
    if waiting:
        return Finding("database", Health.BAD, f"{kind}: {len(waiting)} migrations are not applied", "golive up")
    if connection.vendor == "sqlite":
        with sqlite3.connect(f"file:{connection.settings_dict['NAME']}?mode=ro", uri=True) as file:
            verdict = file.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            return Finding("database", Health.BAD, f"damaged: {verdict}", f"restore from {data_folder() / 'backups'}")
    return Finding("database", Health.GOOD, f"{kind}, up to date")


def telemetry() -> Finding:
    """The store answers."""
    try:
        version = store.row("SELECT version() AS version")["version"]
    except store.StoreError as error:
        return Finding("telemetry store", Health.UNKNOWN, str(error), "golive up, or check GOLIVE_CLICKHOUSE_URL")
    return Finding("telemetry store", Health.GOOD, f"ClickHouse {version} at {store.endpoint().url.split('@')[-1]}")


def spool() -> Finding:
    """Nothing received waits long to be loaded, nothing was put aside as damaged."""
    folder = data_folder() / "spool"
    waiting = sum(path.stat().st_size for path in folder.rglob("*.segment")) if folder.exists() else 0
    aside = list((folder / "quarantine").rglob("*.*")) if folder.exists() else []
    if aside:
        seen = f"{len(aside)} files the store refused are kept in {folder / 'quarantine'}"
        return Finding("spool", Health.WARNING, seen, "report them, then delete them")
    if waiting > 500_000_000:
        return Finding("spool", Health.WARNING, f"{waiting / 1e6:.0f} MB wait to be loaded", "is the store running?")
    return Finding("spool", Health.GOOD, f"{waiting / 1e6:.1f} MB wait to be loaded")


def assets() -> Finding:
    vendor = Path(__file__).parent / "console" / "static" / "vendor"
    if not vendor.is_dir() or not any(vendor.iterdir()):
        return Finding("front-end assets", Health.BAD, "missing: pages would be bare", "make setup")
    return Finding("front-end assets", Health.GOOD, f"{sum(1 for path in vendor.rglob('*') if path.is_file())} files")


def programs() -> Finding:
    """Programs that are not needed to run, but for demo, tests and journeys."""
    missing = [name for name in PROGRAMS if not _has(name)]
    if missing:
        return Finding(
            "system programs", Health.WARNING, f"no {', '.join(missing)}", "; ".join(PROGRAMS[name] for name in missing)
        )
    return Finding("system programs", Health.GOOD, ", ".join(PROGRAMS))


def _has(name: str) -> bool:
    return bool(shutil.which(name) or list(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))


def console() -> Finding:
    """Is the console's public name one that this machine knows?"""
    url = os.environ.get("GOLIVE_URL", "http://127.0.0.1:8400")
    host = urlsplit(url).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return Finding(
            "console address", Health.WARNING, f"{host} has no address", "set GOLIVE_URL to what people type"
        )
    return Finding("console address", Health.GOOD, url)


LOOKS: list[Callable[[], Finding]] = [
    python, clock, data, keys, disk, assets, ports, processes, database, telemetry, spool, console, programs,
]  # fmt: skip


def examine() -> Iterator[Finding]:
    """All looks; one that fails itself is unknown, never good."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
    ready = ""
    try:
        django.setup()
    except Exception as error:
        ready = " ".join(str(error).split())
        yield Finding("settings", Health.BAD, ready, "correct the environment variable that it names")
    for look in LOOKS:
        try:
            yield look()
        except Exception as error:
            seen = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            mend = "mend the settings first" if ready else ""
            if look is database:
                mend = "is DATABASE_URL right, and its server running?"
            yield Finding(look.__name__, Health.UNKNOWN, seen, mend)


def exit_code(findings: list[Finding]) -> int:
    """0 nothing is bad, 1 something is, 2 nothing is bad but something could not be told."""
    healths = {finding.health for finding in findings}
    if Health.BAD in healths:
        return 1
    return 2 if Health.UNKNOWN in healths else 0


def main(*, as_json: bool) -> int:
    findings = list(examine())
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
        return exit_code(findings)
    out = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        out.print(f"{MARKS[finding.health]} {finding.name:<16} {finding.seen}")
        if finding.mend and finding.health is not Health.GOOD:
            out.print(f"  [dim]{'mend:':<16}[/] {finding.mend}")
    return exit_code(findings)
