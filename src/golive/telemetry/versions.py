"""The schema of the telemetry store: the files of `schema/`, applied in order, each once.

A file is marked as applied after its last statement. A migration killed half-way runs its file again, so every
statement is written to be harmless the second time (`IF NOT EXISTS`, `ADD COLUMN IF NOT EXISTS`, …).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from golive.telemetry.address import DATABASE
from golive.telemetry.statements import split

SCHEMA = Path(__file__).parent / "schema"
CREATE_DATABASE = f"CREATE DATABASE IF NOT EXISTS {DATABASE}"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One file of the schema."""

    version: str
    statements: tuple[str, ...]
    digest: str


def steps(folder: Path = SCHEMA) -> list[Step]:
    """The files of the schema in the order of their numbers."""
    return [
        Step(path.stem, tuple(split(path.read_text())), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.glob("[0-9]*.sql"))
    ]


def apply(execute: Callable[[str], object], applied: Callable[[str], Iterable[str]], todo: Iterable[Step]) -> list[str]:
    """Bring the database that `execute` works in to the newest schema; returns the versions applied now.

    `execute` runs one statement, `applied` returns the first column of a query.
    """
    execute(
        "CREATE TABLE IF NOT EXISTS schema_versions "
        "(version String, digest String, applied_at DateTime('UTC') DEFAULT now()) "
        "ENGINE = ReplacingMergeTree ORDER BY version"
    )
    present, fresh = set(applied("SELECT version FROM schema_versions")), []
    for step in todo:
        if step.version in present:
            continue
        log.info("Applying %s to the telemetry store.", step.version)
        for statement in step.statements:
            execute(statement)
        execute(f"INSERT INTO schema_versions (version, digest) VALUES ('{step.version}', '{step.digest}')")  # noqa: S608
        fresh.append(step.version)
    return fresh
