"""What share of the primary's load could move to replicas, from pg_stat_statements, and what that would bring."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from golive.postgres.pool.breaks import without_literals

_BEGINS = re.compile(r"[\s(]*(select|with|values|table)\b", re.IGNORECASE)
_STAYS = re.compile(
    r"\b(insert|update|delete|merge|into|lock|nextval|setval|set_config|pg_notify|pg_(try_)?advisory\w*|lo_\w+)\b"
    r"|\bfor\s+(no\s+key\s+update|update|key\s+share|share)\b",
    re.IGNORECASE,
)


def may_move(text: str) -> bool:
    """Whether a statement is a plain read, as `golive_client.routing` judges it when it runs."""
    bare = without_literals(text)
    return bool(_BEGINS.match(bare)) and not _STAYS.search(bare)


@dataclass(frozen=True)
class Movable:
    """The share of time that plain reads take, and the room that 1 to 4 replicas would give."""

    share: float
    total_ms: float
    statements: int
    gain: dict[int, float]
    reason: str


def speedup(share: float, replicas: int) -> float:
    """How many times the load fits: writes and other reads stay, the movable part is spread over all (Amdahl).

    The primary keeps what cannot move and takes its part of the rest; each server is as strong as the primary.
    """
    servers = replicas + 1
    busiest = max(1 - share, 1 / servers)
    return 1 / busiest


def movable(statements: Iterable[tuple[str, float]]) -> Movable:
    """From (text, total milliseconds)."""
    known = [(text, spent) for text, spent in statements]
    total = sum(spent for _, spent in known)
    moving = sum(spent for text, spent in known if may_move(text))
    share = moving / total if total else 0.0
    gain = {count: speedup(share, count) for count in (1, 2, 3, 4)}
    if not total:
        reason = "nothing has been measured yet"
    elif share < 0.2:
        reason = f"only {share * 100:.0f} % is plain reads: replicas would not relieve the primary"
    elif gain[4] >= 5:
        reason = f"{share * 100:.0f} % is plain reads: 5x is reachable with 4 replicas"
    else:
        reason = (
            f"{share * 100:.0f} % is plain reads: at most {gain[4]:.1f}x, however many replicas; 5x needs 80 % and four"
        )
    return Movable(share, total, len(known), gain, reason)
