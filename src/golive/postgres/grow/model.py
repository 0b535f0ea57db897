"""What a database runs out of first, and what to do, in the order in which it helps most for least. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Resource(StrEnum):
    """What can run out."""

    QUERY = "one bad query"
    CONNECTIONS = "connections"
    LOCKS = "locks"
    CPU = "processor"
    IO = "disk reads"
    MEMORY = "memory"


@dataclass(frozen=True)
class Measured:
    """Numbers of one stretch of time; None where they were not measured.

    `active` sessions by what they wait for are means over the samples; shares are of 1.
    """

    samples: int
    cores: int | None = None
    running: float = 0.0
    waiting_io: float = 0.0
    waiting_lock: float = 0.0
    waiting_other: float = 0.0
    connections_share: float | None = None
    cache_hit: float | None = None
    top_share: float | None = None
    top_text: str = ""
    movable_share: float | None = None
    largest_share: float | None = None
    largest: str = ""
    repeated_share: float | None = None


@dataclass(frozen=True)
class Load:
    """How near a resource is to its end: `used` of 1, None when not measured, and how that was seen."""

    resource: Resource
    used: float | None
    seen: str


@dataclass(frozen=True)
class Step:
    """Something to do, or the reason why it is not needed."""

    name: str
    needed: bool | None
    reason: str
    command: str = ""


LEAST_SAMPLES = 20
TIGHT = 0.7


def loads(m: Measured) -> list[Load]:
    """All resources, the tightest first; those not measured come last."""
    active = m.running + m.waiting_io + m.waiting_lock + m.waiting_other
    cpu = m.running / m.cores if m.cores else None
    found = [
        Load(Resource.CPU, cpu, f"{m.running:.1f} sessions compute on {m.cores or '?'} cores"),
        Load(Resource.CONNECTIONS, m.connections_share, "connections used of those that may be"),
        Load(Resource.LOCKS, _share(m.waiting_lock, active), f"{m.waiting_lock:.1f} of {active:.1f} wait for locks"),
        Load(Resource.IO, _share(m.waiting_io, active), f"{m.waiting_io:.1f} of {active:.1f} wait for the disk"),
        Load(Resource.MEMORY, None if m.cache_hit is None else min(1.0, (1 - m.cache_hit) * 10),
             f"{(m.cache_hit or 0) * 100:.1f} % of pages come from buffers"),
        Load(Resource.QUERY, m.top_share, f"its share of all statements' time: {m.top_text[:80]}"),
    ]  # fmt: skip
    return sorted(found, key=lambda load: -1 if load.used is None else load.used, reverse=True)


def _share(part: float, active: float) -> float | None:
    """A share of active sessions; with fewer than one of them nothing is tight."""
    return part / active if active >= 1 else 0.0


def first(m: Measured) -> Load | None:
    """What runs out first, or None when nothing is tight or too little was measured."""
    if m.samples < LEAST_SAMPLES:
        return None
    by = {load.resource: load for load in loads(m)}
    busy = max((by[kind].used or 0.0) for kind in (Resource.CPU, Resource.IO))
    query, waiting = by[Resource.QUERY], by[Resource.LOCKS].used or 0.0
    if (
        busy >= TIGHT and busy >= waiting and (query.used or 0.0) >= 0.4
    ):  # time spent in a lock's queue is not its fault
        return query  # the busy resource is busy with it
    tight = [load for load in by.values() if load.resource is not Resource.QUERY and (load.used or 0.0) >= TIGHT]
    return max(tight, key=lambda load: load.used or 0.0, default=None)


def steps(m: Measured) -> list[Step]:
    """The cookbook's order: query, pool, replica, bigger machine, partition, cache; each with its measured reason."""
    if m.samples < LEAST_SAMPLES:
        reason = f"{m.samples} samples have been taken; {LEAST_SAMPLES} are needed to say anything"
        return [Step("measure first", True, reason, "golive up")]
    limit = first(m)
    what = limit.resource if limit else None
    cpu = m.running / m.cores if m.cores else None
    return [
        _query(m, what),
        Step(
            "pool",
            (m.connections_share or 0) >= 0.5,
            _peak(m),
            "golive db pool plan",
        ),
        _replica(m, what),
        _machine(m, what, cpu),
        Step(
            "partition",
            None if m.largest_share is None else m.largest_share >= 0.5 and what in (Resource.IO, Resource.MEMORY),
            f"{m.largest} is {(m.largest_share or 0) * 100:.0f} % of the database" if m.largest_share is not None
            else "sizes were not measured",
        ),
        _cache(m, what),
    ]  # fmt: skip


def _peak(m: Measured) -> str:
    if m.connections_share is None:
        return "connections were not measured"
    return f"{m.connections_share * 100:.0f} % of connections are used at the peak"


def _query(m: Measured, what: Resource | None) -> Step:
    if m.top_share is None:
        return Step("fix the query", None, "statements were not measured", "golive db connect")
    reason = f"the costliest statement takes {m.top_share * 100:.0f} % of the time: {m.top_text[:80]}"
    return Step(
        "fix the query", m.top_share >= 0.3 and (what is not None or m.top_share >= 0.5), reason, "golive db advise"
    )


def _replica(m: Measured, what: Resource | None) -> Step:
    if m.movable_share is None:
        return Step("replica", None, "what could move was not measured", "golive db replica report")
    gain = 1 / max(1 - m.movable_share, 0.5)
    reason = f"{m.movable_share * 100:.0f} % is plain reads: one replica gives room for {gain:.1f}x"
    helps = what in (Resource.CPU, Resource.IO, Resource.MEMORY) and m.movable_share >= 0.3
    return Step("replica", helps, reason, "golive db replica report")


def _machine(m: Measured, what: Resource | None, cpu: float | None) -> Step:
    if cpu is None:
        return Step("bigger machine", None, 'the machine is not known: [database.machine] cores = 4, memory = "16 GiB"')
    doubled = f"twice the cores bring the processor from {cpu * 100:.0f} to {cpu * 50:.0f} %"
    if what is Resource.CPU:
        return Step("bigger machine", True, doubled)
    if what in (Resource.IO, Resource.MEMORY):
        return Step("bigger machine", True, "more memory keeps more pages: the disk is what is waited for")
    return Step(
        "bigger machine", False, f"{doubled}; it is not what limits now" if what else f"{cpu * 100:.0f} % of it is used"
    )


def _cache(m: Measured, what: Resource | None) -> Step:
    if what is None:
        return Step("cache", False, "you do not need it: nothing is tight")
    if m.repeated_share is None:
        return Step("cache", None, "how often the same reads repeat was not measured")
    reason = f"{m.repeated_share * 100:.0f} % of reads' time is spent on reads that repeat"
    return Step("cache", m.repeated_share >= 0.5, reason)


def sentence(m: Measured) -> str:
    """The answer in one sentence."""
    if m.samples < LEAST_SAMPLES:
        return f"too little has been measured to say what runs out first ({m.samples} samples)"
    limit = first(m)
    if limit is None:
        others = [load for load in loads(m) if load.used is not None and load.resource is not Resource.QUERY]
        nearest = f"nearest is the {others[0].resource.value} at {(others[0].used or 0) * 100:.0f} %"
        if _query(m, None).needed:
            return f"nothing is tight, but one statement takes {(m.top_share or 0) * 100:.0f} % of the time; {nearest}"
        return f"nothing is tight; {nearest}"
    return f"{limit.resource.value} runs out first: {limit.seen} ({(limit.used or 0) * 100:.0f} %)"
