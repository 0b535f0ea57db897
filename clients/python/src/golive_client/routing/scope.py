"""What a request (or task) has to see: its token, whether it wrote, whether its reads are declared as heavy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from golive_client.routing.lsn import Token


@dataclass
class Scope:
    """One request. `need` is the position it must see; `wrote` holds from its first write to the commit."""

    need: int | None = None
    wrote: bool = False
    advanced: bool = False
    choices: list[str] = field(default_factory=list)

    def committed(self, lsn: int) -> None:
        """A transaction that wrote is committed, up to this position."""
        self.need = max(lsn, self.need or 0)
        self.wrote, self.advanced = False, True

    @property
    def token(self) -> Token | None:
        """What to hand to the user, when this request wrote."""
        return Token(self.need, int(time.time())) if self.advanced and self.need is not None else None


_current: ContextVar[Scope | None] = ContextVar("golive_routing_scope", default=None)
_heavy: ContextVar[bool] = ContextVar("golive_routing_heavy", default=False)


@contextmanager
def scope(token: str | None = None) -> Iterator[Scope]:
    """Begin a request for whoever came with this token; `scope.token` is what they take with them."""
    read = Token.read(token, time.time())
    made = Scope(need=read.lsn if read else None)
    before = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(before)


@contextmanager
def heavy() -> Iterator[None]:
    """Declare the reads inside as heavy (a dashboard, a report, a search): with `Reads.DECLARED` only these move."""
    before = _heavy.set(True)
    try:
        yield
    finally:
        _heavy.reset(before)


def current() -> Scope:
    """The scope of this context; outside of any a fresh one that is kept, so that a script reads what it wrote."""
    found = _current.get()
    if found is None:
        found = Scope()
        _current.set(found)
    return found


def is_heavy() -> bool:
    return _heavy.get()
