"""What a conversion would do, said before anything is done: its script, what it builds, which statements suffer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import psycopg

from golive.console import words
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.workload import from_statistics
from golive.postgres.partition import steps
from golive.postgres.partition.bounds import Span, next_start, start_of
from golive.postgres.partition.divide import How, Part, by_hash, by_list
from golive.postgres.partition.locks import as_text
from golive.postgres.partition.plan import Every, Keys
from golive.postgres.partition.prune import Pruning, pruning
from golive.postgres.partition.shape import Shape, look, refusal
from golive.postgres.partition.steps import Names
from golive.postgres.partition.wrap import keyless, keys_for, next_numbers
from golive.postgres.session import Connection, Statement, one


class Mode(StrEnum):
    """How a table is converted."""

    WRAP = "wrap"
    COPY = "copy"


@dataclass(frozen=True)
class Asked:
    """How somebody wants a table converted."""

    by: str
    every: Every = Every.MONTH
    how: How = How.RANGE
    mode: Mode = Mode.WRAP
    parts: int = 16
    keys: Keys | None = None

    @property
    def contradiction(self) -> str | None:
        """What does not go together, and what to ask instead."""
        if self.mode is Mode.WRAP and self.how is not How.RANGE:
            return "Wrapping needs ranges of time: rows of one tenant lie all over. Use --mode copy."
        if self.mode is Mode.COPY and self.keys is Keys.EACH:
            return "A copy builds its keys for the whole table: --keys each goes with --mode wrap."
        return None


@dataclass(frozen=True)
class Preview:
    """`refused` is why it cannot be done as it is; `builds` what has to be built first, in a sentence."""

    refused: str | None
    script: Sequence[str]
    builds: str
    statements: Sequence[Pruning]


def preview(connection: Connection, table: str, asked: Asked, today: date) -> Preview:
    """Only reads. Raises CannotPartition."""
    shape = look(connection, table)
    with suppress(psycopg.errors.InsufficientPrivilege):  # golive's role may read tables, not always sequences
        next_numbers(connection, shape)
    keys = keys_for(shape, asked.by, asked.keys) if asked.mode is Mode.WRAP else Keys.WHOLE
    reason = refusal(shape, asked.by, asked.how) or keyless(shape, keys)
    judged = pruning(
        from_statistics(connection), catalogs.read(connection), shape.schema, shape.name, asked.by, asked.how
    )
    script = as_text(_script(shape, asked, keys, today))
    return Preview(reason, script, _builds(connection, shape, asked, keys), judged)


def _script(shape: Shape, asked: Asked, keys: Keys, today: date) -> list[Statement]:
    names = Names(shape.schema, shape.name)
    bound = next_start(start_of(today, asked.every), asked.every)
    samples: dict[How, Span | Part] = {
        How.RANGE: Span(f"{shape.name}_next", bound, next_start(bound, asked.every)),
        How.HASH: by_hash(shape.name, asked.parts)[0],
        How.LIST: by_list(shape.name, [])[-1],
    }
    before: list[Statement] = []
    swap = steps.swap_copy(shape, names)
    if asked.mode is Mode.WRAP:
        if keys is Keys.WHOLE:
            before = [build for _, build in steps.key_indexes(shape, names, asked.by)]
        before += [*steps.bound_check(shape, names, asked.by, bound), steps.validate_bound(shape, names)]
        swap = steps.swap_wrap(shape, names, asked.by, bound, keys)
    own = steps.keys_of_each(shape) if keys is Keys.EACH else []
    made = steps.parent(shape, names, asked.by, asked.how, keys)
    return [*before, *made, *steps.partition(names, names.parent, samples[asked.how], own), *swap]


def _builds(connection: Connection, shape: Shape, asked: Asked, keys: Keys) -> str:
    """What a wrap builds beside the writers, and how to do without."""
    grown = [each["name"] for each in shape.unique if asked.by not in each["columns"]]
    if asked.mode is not Mode.WRAP or keys is not Keys.WHOLE or not grown:
        return ""
    found = one(
        connection,
        "SELECT COALESCE(sum(pg_relation_size(conindid)), 0)::bigint AS bytes FROM pg_catalog.pg_constraint "
        "WHERE conrelid = %(oid)s AND conname = ANY(%(keys)s)",
        {"oid": shape.oid, "keys": grown},
    )
    said = (
        f"{len(grown)} unique index{'es are' if len(grown) > 1 else ' is'} built first, larger than the "
        f"{words.size(found['bytes'])} of {', '.join(grown)}: commits wait for moments while that goes to the disk."
    )
    way_out = " With --keys each partitions keep the keys as they are, and none is built."
    return said if keyless(shape, Keys.EACH) else said + way_out
