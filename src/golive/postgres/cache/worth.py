"""Whether Redis would pay for a statement: from what it costs, how often it repeats, how busy the server is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

REDIS_MS = 0.4  # one round trip on the same network, with the client's own work
BUSY = 0.5  # of the database's cores, below which nobody needs a cache
LEAST_HIT_RATE = 0.6
LEAST_SAVING = 0.05  # of the database's time
LEAST_RECORDED = 30


class Worth(StrEnum):
    """The verdict."""

    NOT_NEEDED = "not needed"
    FIX_FIRST = "fix the query first"
    NOT_WORTH = "not worth it"
    UNKNOWN = "cannot be told"
    PAYS = "would pay"


@dataclass(frozen=True)
class Load:
    """The database's load in the window that the statistics cover."""

    window: timedelta
    total_ms: float
    cores: int

    @property
    def busy(self) -> float:
        """The share of the cores' time spent in statements."""
        return self.total_ms / 1000 / max(self.window.total_seconds() * self.cores, 1e-9)


@dataclass(frozen=True)
class Read:
    """One reading statement. `recorded` are argument lists in the order they came; `table_writes` in the window."""

    text: str
    calls: float
    total_ms: float
    recorded: Sequence[tuple[str | None, ...]] = ()
    table_writes: float = 0.0
    reads_too_much: bool = False

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.calls if self.calls else 0.0


@dataclass(frozen=True)
class Judged:
    """The verdict on a statement, and what a cache would save of the database's time (0..1)."""

    read: Read
    worth: Worth
    reason: str
    hit_rate: float | None = None
    saving: float = 0.0


def hit_rate(read: Read) -> float | None:
    """The share of calls whose arguments were seen before; each write to the table spoils one kept value.

    None when too few arguments were recorded to say.
    """
    if len(read.recorded) < LEAST_RECORDED:
        return None
    repeats = 1 - len(set(read.recorded)) / len(read.recorded)
    spoiled = min(read.table_writes / read.calls, 1.0) if read.calls else 1.0
    return repeats * (1 - spoiled)


def judge(read: Read, load: Load) -> Judged:
    """Would a cache pay for this statement?"""
    share = read.total_ms / load.total_ms if load.total_ms else 0.0
    if load.busy < BUSY:
        said = f"the database's cores are busy {load.busy:.0%} of the time: you do not need a cache"
        return Judged(read, Worth.NOT_NEEDED, said)
    if read.reads_too_much:
        return Judged(read, Worth.FIX_FIRST, "it reads most of a table: an index first (golive db advise)")
    if read.mean_ms <= 2 * REDIS_MS:
        said = f"it takes {read.mean_ms:.2f} ms, and asking Redis takes about {REDIS_MS:g} ms"
        return Judged(read, Worth.NOT_WORTH, said)
    if share < LEAST_SAVING:
        return Judged(read, Worth.NOT_WORTH, f"it is {share:.1%} of the database's time")
    rate = hit_rate(read)
    if rate is None:
        said = f"only {len(read.recorded)} of its arguments are recorded: give a server log with --log"
        return Judged(read, Worth.UNKNOWN, said)
    saving = share * rate * (1 - REDIS_MS / read.mean_ms)
    if rate < LEAST_HIT_RATE:
        return Judged(read, Worth.NOT_WORTH, f"its arguments repeat too seldom: {rate:.0%} would be hits", rate, saving)
    if saving < LEAST_SAVING:
        return Judged(read, Worth.NOT_WORTH, f"it would save {saving:.1%} of the database's time", rate, saving)
    return Judged(read, Worth.PAYS, f"{rate:.0%} hits would save {saving:.0%} of the database's time", rate, saving)


def headline(judged: Sequence[Judged], load: Load) -> str:
    """The answer in one sentence."""
    if not judged:
        return "No reading statement was seen, so nothing can be said."
    paying = [one for one in judged if one.worth is Worth.PAYS]
    if paying:
        saving = sum(one.saving for one in paying)
        return f"A cache would save {saving:.0%} of the database's time on {len(paying)} statements."
    if load.busy < BUSY:
        return f"You do not need a cache: the database's cores are busy {load.busy:.0%} of the time."
    if any(one.worth is Worth.FIX_FIRST for one in judged):
        return "You do not need a cache yet: fix the statements that read too much first."
    if any(one.worth is Worth.UNKNOWN for one in judged):
        return "It cannot be told: how often arguments repeat is not recorded."
    return "You do not need a cache: nothing that could be kept costs much."
