"""What higher rooms offer on an incident's page: ways out (roll back, switch a flag) and blocks (status page)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest
from django.utils import timezone

from golive.incidents.models import EntryKind, Incident
from golive.incidents.timeline import write


class ActionError(Exception):
    """The way out did not work; the message says why and what state things are in."""


@dataclass(frozen=True)
class Offer:
    """One thing that can be done now. `label` is the button's verb, `effect` says what it will do to whom.

    `calm`: customers do not notice it.
    """

    key: str
    label: str
    effect: str
    calm: bool = False


class WayOut(Protocol):
    """Offers what could mitigate an incident, and does it. `scope` is what a token needs to do the same elsewhere."""

    name: str
    scope: str

    def offers(self, incident: Incident) -> Sequence[Offer]: ...

    def take(self, incident: Incident, key: str, by: str) -> str:
        """Do it; returns a sentence for the timeline. Raises ActionError."""
        ...


@dataclass(frozen=True)
class Block:
    """A part of the incident's page that another room draws; empty HTML is not shown."""

    order: int
    render: Callable[[HttpRequest, Incident], str]


_ways_out: dict[str, WayOut] = {}
_blocks: list[Block] = []
_review_blocks: list[Block] = []


def register_way_out(way_out: WayOut) -> None:
    _ways_out[way_out.name] = way_out


def register_block(block: Block) -> None:
    _blocks.append(block)
    _blocks.sort(key=lambda known: known.order)


def register_review_block(block: Block) -> None:
    """A part of the review's page."""
    _review_blocks.append(block)
    _review_blocks.sort(key=lambda known: known.order)


def offers(incident: Incident) -> list[tuple[str, Offer]]:
    """All offers, each with the name of its way out."""
    return [(way.name, offer) for way in _ways_out.values() for offer in way.offers(incident)]


def way_out(name: str) -> WayOut | None:
    return _ways_out.get(name)


def take(incident: Incident, name: str, key: str, by: str) -> str:
    """Take a way out and write it on the timeline; the sentence. Raises ActionError."""
    way = way_out(name)
    if way is None:
        raise ActionError("This way out is no longer offered.")
    told = way.take(incident, key, by)
    write(incident, EntryKind.ACTION, told, timezone.now(), actor=by)
    return told


def blocks(request: HttpRequest, incident: Incident) -> list[str]:
    """The HTML of all blocks that have something to show."""
    return [html for block in _blocks if (html := block.render(request, incident))]


def review_blocks(request: HttpRequest, incident: Incident) -> list[str]:
    """The HTML of the review's blocks that have something to show."""
    return [html for block in _review_blocks if (html := block.render(request, incident))]
