"""The channels: one module each, found here by their file names. Copy one to start the next."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from golive.notify.models import Channels, OutboxMessage


class DeliveryError(Exception):
    """The receiver did not take the message. `permanent`: trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Channel(Protocol):
    """Hands one message over. Returns when the receiver has accepted it, else raises DeliveryError.

    Must end within SEND_TIMEOUT (see `delivery.py`), must send the message's `key` or `message_id` along, so that a
    receiver can recognise one that is repeated.
    """

    name: str

    def send(self, message: OutboxMessage, settings: Channels) -> None: ...


def names() -> list[str]:
    """The names of all channels: their modules' names."""
    return sorted(found.name for found in iter_modules(__path__))


def channel(name: str) -> Channel:
    """The channel of this name, imported on first use: not every pager needs all their libraries."""
    if name not in names():
        raise DeliveryError(f"There is no channel {name!r}; there are {', '.join(names())}.", permanent=True)
    found: Channel = import_module(f"{__name__}.{name}").CHANNEL
    return found
