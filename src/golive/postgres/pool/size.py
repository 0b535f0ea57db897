"""How many server connections a pool needs: few, since more than the machine can run only queue inside it."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Measured:
    """What is known of the server. `active` is the usual peak of sessions that compute at once."""

    max_connections: int
    reserved: int
    cores: int | None = None
    active: float | None = None
    others: int = 0  # connections held by what does not go through the pool
    roles: int = 1


@dataclass(frozen=True)
class Size:
    """Server connections for each role and in all, and why."""

    each: int
    in_all: int
    reserve: int
    reason: str


LEAST = 4


def size(measured: Measured, wanted: int | None = None) -> Size:
    """Twice the cores and a few for waits on the disk, or what was measured with a third to spare, within the room.

    The room is what max_connections leaves beside the superuser's reserve, what others hold, and a fifth for people
    and migrations.
    """
    usable = max(1, measured.max_connections - measured.reserved)
    room = max(1, int((usable - measured.others) * 0.8))
    if wanted is not None:
        total, why = wanted * measured.roles, f"{wanted} for each role, as golive.toml says"
    else:
        by_cores = 2 * measured.cores + 4 if measured.cores else None
        by_use = ceil(measured.active * 4 / 3) if measured.active is not None else None
        total, why = _choose(by_cores, by_use, measured)
    if total > room:
        total, why = room, f"{why}; but max_connections leaves room for {room}"
    each = max(1, total // measured.roles)
    reserve = max(1, min(each // 4, room - each * measured.roles)) if room > each * measured.roles else 0
    return Size(each, each * measured.roles + reserve, reserve, why)


def _choose(by_cores: int | None, by_use: int | None, measured: Measured) -> tuple[int, str]:
    if by_cores is not None:
        if by_use is not None and by_use < by_cores:
            most = max(LEAST, by_use, measured.cores or 0)
            return most, f"{measured.active:.0f} sessions compute at once at the usual peak, on {measured.cores} cores"
        return max(LEAST, by_cores), f"twice the {measured.cores} cores and four for waits on the disk"
    if by_use is not None:
        return max(LEAST, by_use), f"{measured.active:.0f} sessions compute at once at the usual peak"
    return 20, "cores and concurrency are not known yet: a start"
