"""The final schedule: what layers and overrides come to, with gaps as gaps.

At each instant the latest override that covers it counts; without one the last layer in which somebody is on call; with
none of them nobody is, and that is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from golive.oncall.layers import Layer, turns


@dataclass(frozen=True)
class Override:
    """Somebody takes over for a while, whoever would be on call. Later ones in a sequence count over earlier ones."""

    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Shift:
    """Somebody is on call: since <= t < until. `layer` counts from 1; 0 stands for an override."""

    who: str
    since: datetime
    until: datetime
    layer: int


@dataclass(frozen=True)
class Gap:
    """Nobody is on call: since <= t < until."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class _Claim:
    """Somebody who would be on call if no claim of a higher rank covered the same time."""

    rank: int
    who: str
    since: datetime
    until: datetime
    layer: int


def final_schedule(
    layers: Sequence[Layer], overrides: Sequence[Override], since: datetime, until: datetime
) -> list[Shift | Gap]:
    """Shifts and gaps in order that cover since <= t < until once and exactly; none for an empty stretch.

    Each shift is part of one turn or override, so that one person's two turns in a row are two shifts.
    """
    if since >= until:
        return []
    claims = _claims(layers, overrides, since, until)
    edges = sorted({since, until} | {edge for one in claims for edge in (one.since, one.until) if since < edge < until})
    waiting = sorted(claims, key=lambda one: one.since, reverse=True)
    live: list[_Claim] = []
    final: list[Shift | Gap] = []
    owner: _Claim | None = None
    for start, end in pairwise(edges):
        while waiting and waiting[-1].since <= start:
            live.append(waiting.pop())
        live = [one for one in live if one.until > start]
        found = max(live, key=lambda one: one.rank, default=None)
        if final and found is owner:
            final[-1] = replace(final[-1], until=end)
        elif found is None:
            final.append(Gap(start, end))
        else:
            final.append(Shift(found.who, start, end, found.layer))
        owner = found
    return final


def on_call(layers: Sequence[Layer], overrides: Sequence[Override], at: datetime) -> str | None:
    """Who is on call at an instant; None in a gap."""
    piece = final_schedule(layers, overrides, at, at + datetime.resolution)[0]
    return piece.who if isinstance(piece, Shift) else None


def _claims(layers: Sequence[Layer], overrides: Sequence[Override], since: datetime, until: datetime) -> list[_Claim]:
    claims = [
        _Claim(rank, turn.who, turn.since, turn.until, rank)
        for rank, layer in enumerate(layers, start=1)
        for turn in turns(layer, since, until)
    ]
    first = len(layers) + 1
    claims += [_Claim(rank, one.who, one.since, one.until, 0) for rank, one in enumerate(overrides, start=first)]
    return [one for one in claims if one.since < one.until and one.until > since and one.since < until]
