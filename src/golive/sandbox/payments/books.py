"""The simulator's state: objects by id, events in order, and a clock that runs with the real one plus an offset."""

import secrets
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from golive.kit.folders import write_private

Object = dict[str, Any]

API_VERSION = "2026-03-31"
_ALPHABET = string.ascii_letters + string.digits
_EVENTS_KEPT = 20_000


class Books:
    """All objects of one simulated account. Used from one event loop, so that it needs no locks.

    `tell` is called with every new event.
    """

    def __init__(self, real_time: Callable[[], float] = time.time) -> None:
        self._real_time = real_time
        self.offset_seconds = 0.0
        self.tables: dict[str, dict[str, Object]] = {}
        self.cards: dict[str, str] = {}  # customer → card number
        self.tell: Callable[[Object], None] = lambda event: None
        self.changed = False

    def now(self) -> int:
        """The simulated time in unix seconds."""
        return int(self._real_time() + self.offset_seconds)

    def add(self, kind: str, prefix: str, **fields: Any) -> Object:
        """Make an object with an id and the fields that every Stripe object has."""
        made: Object = {
            "id": new_id(prefix),
            "object": kind,
            "created": self.now(),
            "livemode": False,
            "metadata": {},
            **fields,
        }
        self.table(kind)[made["id"]] = made
        self.changed = True
        return made

    def table(self, kind: str) -> dict[str, Object]:
        """Objects of one kind by id, oldest first."""
        return self.tables.setdefault(kind, {})

    def find(self, ident: Any) -> Object | None:
        """The object of this id, whatever its kind."""
        if not isinstance(ident, str):
            return None
        return next((table[ident] for table in self.tables.values() if ident in table), None)

    def happened(self, kind: str, subject: Object, before: Object | None = None) -> Object:
        """Record an event about an object as it is now (`before` holds the fields that changed) and tell it."""
        data = {"object": orjson.loads(orjson.dumps(subject))}
        if before:
            data["previous_attributes"] = before
        event = self.add(
            "event",
            "evt",
            type=kind,
            api_version=API_VERSION,
            data=data,
            pending_webhooks=1,
            request={"id": None, "idempotency_key": None},
        )
        events = self.table("event")
        while len(events) > _EVENTS_KEPT:
            del events[next(iter(events))]
        self.tell(event)
        return event

    def save(self, path: Path) -> None:
        """Write everything to a file that `load` reads."""
        kept = {"offset_seconds": self.offset_seconds, "tables": self.tables, "cards": self.cards}
        write_private(path, orjson.dumps(kept))
        self.changed = False

    def load(self, path: Path) -> None:
        """Read what `save` wrote."""
        kept = orjson.loads(path.read_bytes())
        self.offset_seconds, self.tables, self.cards = kept["offset_seconds"], kept["tables"], kept["cards"]

    def clear(self) -> None:
        """Forget everything and go back to real time."""
        self.tables.clear()
        self.cards.clear()
        self.offset_seconds = 0.0
        self.changed = True


def new_id(prefix: str) -> str:
    """An id as Stripe writes them, such as cus_N3kGzUe9bQxV1a."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(16))}"
