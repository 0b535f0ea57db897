"""TLS: is the certificate valid, and for how long still?"""

from typing import Literal

from golive.checks.kind import Asking, DaysLeft, Kind, Placed, Seen, certificate_trouble, place
from golive.config.values import Resolved
from golive.kit.connections import connect


class TlsSection(Placed):
    """One certificate check: valid for its name, and not about to expire."""

    kind: Literal["tls"] = "tls"
    """"tls"."""
    url: Resolved
    """Whose certificate: "tls://acme.example", on port 443 unless it names another."""
    certificate_days: DaysLeft = 14
    """How many days the certificate must still be valid."""
    verify: bool = True
    """False looks at the date alone, for a certificate that nobody has signed."""


async def ask(wanted: TlsSection, asking: Asking) -> Seen:
    """Shake hands and look at the certificate."""
    host, port = place(asking.url, 443)
    async with connect(
        host, port, tls=True, verify=wanted.verify, limits=asking.limits, policy=asking.policy
    ) as stream:
        until = stream.certificate_until()
        trouble = certificate_trouble(until, wanted.certificate_days, asking.at)
        return Seen(trouble is None, trouble or f"its certificate is valid until {until:%Y-%m-%d}", stream.phases())


KIND = Kind("tls", TlsSection, ask, ("tls",))
