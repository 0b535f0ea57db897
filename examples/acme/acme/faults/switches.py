"""Which faults there are, what they need, and which are on now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """The names in `POST /_faults/<name>`."""

    CRASH = "crash"  # the process exits hard, again and again while the fault lasts
    ERRORS = "errors"  # unhandled errors on a route
    SLOW = "slow"  # a route answers late
    LEAK = "leak"  # database connections are taken and not given back
    WEBHOOKS = "webhooks"  # payment webhooks fail while being processed
    SIGNUPS = "signups"  # signing up is switched off, politely


class WrongFault(ValueError):
    """No such fault, or a setting that makes no sense."""


@dataclass(frozen=True)
class Active:
    """A fault that is on. `route` is a path template such as /app/reports ("*" for all)."""

    fault: Fault
    route: str = "*"
    share: float = 1.0
    delay_seconds: float = 3.0
    connections: int = 100
    until: datetime | None = None

    def concerns(self, route: str, dice: float) -> bool:
        """Whether a request on this route is hit; `dice` is uniform in 0..1."""
        return self.route in ("*", route) and dice < self.share

    def over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now


def read(name: str, settings: Mapping[str, Any], until: datetime | None) -> Active:
    """Make a fault from its name and JSON settings. Raises WrongFault with what is accepted."""
    if name not in set(Fault):
        raise WrongFault(f"no fault {name!r}; there are {', '.join(Fault)}")
    unknown = settings.keys() - {"route", "share", "delay_seconds", "connections"}
    if unknown:
        raise WrongFault(f"unknown setting {', '.join(sorted(unknown))}")
    try:
        active = Active(
            Fault(name),
            route=str(settings.get("route", "*")),
            share=float(settings.get("share", 1.0)),
            delay_seconds=float(settings.get("delay_seconds", 3.0)),
            connections=int(settings.get("connections", 100)),
            until=until,
        )
    except (TypeError, ValueError) as error:
        raise WrongFault(str(error)) from error
    if not 0 < active.share <= 1 or not 0 <= active.delay_seconds <= 60 or active.connections < 1:
        raise WrongFault("share is within 0..1, delay_seconds within 0..60, connections at least 1")
    return active


def on_now(switched: Iterable[Active], now: datetime) -> dict[Fault, Active]:
    """The faults in force."""
    return {active.fault: active for active in switched if not active.over(now)}
