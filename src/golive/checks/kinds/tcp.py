"""TCP: does the port accept, and does it greet as it should?"""

from typing import Literal, Self

from pydantic import Field, model_validator

from golive.checks.kind import Asking, Kind, Placed, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, connect


class TcpSection(Placed):
    """One TCP check: does somebody listen there?"""

    kind: Literal["tcp"] = "tcp"
    """"tcp"."""
    url: Resolved
    """What to connect to: "tcp://mq.acme.example:5672"."""
    send: str = Field(default="", max_length=1000)
    """A text to send after connecting."""
    contains: str = Field(default="", max_length=1000)
    """A text that must arrive."""

    @model_validator(mode="after")
    def _has_a_port(self) -> Self:
        if not place(self.url)[1]:
            raise ValueError(f"{self.url!r} names no port")
        return self


async def ask(wanted: TcpSection, asking: Asking) -> Seen:
    """Connect, and wait for the text if one is expected."""
    host, port = place(asking.url)
    async with connect(host, port, limits=asking.limits, policy=asking.policy) as stream:
        if wanted.send:
            await stream.send(wanted.send.encode())
        if not wanted.contains:
            return Seen(True, f"accepted at {stream.address}:{port}", stream.phases())
        try:
            await stream.until(wanted.contains.encode())
        except OutboundError as error:
            if error.fault is not Fault.TARGET:
                raise
            return Seen(False, f"does not say {wanted.contains[:80]!r}: {error}", stream.phases())
        return Seen(True, f"says {wanted.contains[:80]!r}", stream.phases())


KIND = Kind("tcp", TcpSection, ask, ("tcp",))
