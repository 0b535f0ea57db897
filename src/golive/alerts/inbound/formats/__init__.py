"""One module for each format, found by its file name: `decode(body, now) -> Decoded`, pure. Copy one to add another."""

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from golive.alerts.inbound.event import Decoded

Decode = Callable[[Any, datetime], Decoded]


def names() -> list[str]:
    """The formats there are."""
    return sorted(found.name for found in iter_modules(__path__))


def decoder(name: str) -> Decode:
    """The decoder of one format."""
    found: Decode = import_module(f"{__name__}.{name}").decode
    return found
