"""DNS: does the name have the record, with the value that it should have?"""

import asyncio
import ipaddress
import time
from typing import Annotated, Any, Literal, Self

import dns.asyncresolver
import dns.exception
import dns.resolver
from pydantic import BeforeValidator, Field, model_validator

from golive.checks.kind import Asking, Kind, Placed, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, Phases


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class DnsSection(Placed):
    """One DNS check: does the name resolve to what it should?"""

    kind: Literal["dns"] = "dns"
    """"dns"."""
    url: Resolved
    """The name: "dns://acme.example"."""
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "CAA", "SRV", "PTR"] = "A"
    """The type of record."""
    value: Annotated[list[str], BeforeValidator(_list), Field(max_length=50)] = []
    """What the answer must hold, a text or a list; else any will do. MX is written "10 mx.acme.example"."""
    server: str = ""
    """The address of the server to ask, such as "9.9.9.9" or "9.9.9.9:5353"; else the resolvers of the machine."""

    @model_validator(mode="after")
    def _askable(self) -> Self:
        if self.server:
            host, _ = place(f"dns://{self.server}")
            ipaddress.ip_address(host)
        return self


async def ask(wanted: DnsSection, asking: Asking) -> Seen:
    """One question for one type of record."""
    name, _ = place(asking.url)
    resolver = _resolver(wanted, asking)
    began = time.perf_counter()
    fault = Fault.TARGET if wanted.server else Fault.OURS
    try:
        async with asyncio.timeout(asking.limits.total.total_seconds()):
            answer = await resolver.resolve(
                name, wanted.record, lifetime=asking.limits.total.total_seconds(), search=False
            )
    except dns.resolver.NXDOMAIN:
        return Seen(False, "the name does not exist", _phases(began))
    except dns.resolver.NoAnswer:
        return Seen(False, f"the name has no {wanted.record} record", _phases(began))
    except (TimeoutError, dns.exception.Timeout) as error:
        raise OutboundError(fault, "no answer from the name server in time", _phases(began)) from error
    except dns.resolver.NoNameservers as error:
        raise OutboundError(Fault.TARGET, "the name servers fail to answer for it", _phases(began)) from error
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise OutboundError(fault, f"the question could not be asked ({error})", _phases(began)) from error
    trouble = judge(wanted, [record.to_text() for record in answer])
    return Seen(trouble is None, trouble or f"{wanted.record} is as expected", _phases(began))


def judge(wanted: DnsSection, given: list[str]) -> str | None:
    """Which of the expected values is missing; names are compared without their last dot and in small letters."""
    have = {_plain(one, wanted.record) for one in given}
    missing = [one for one in wanted.value if _plain(one, wanted.record) not in have]
    return f"{wanted.record} is {', '.join(sorted(given))[:200]}, without {missing[0]!r}" if missing else None


def _plain(text: str, record: str) -> str:
    return text.replace('" "', "").strip('"') if record in ("TXT", "CAA") else text.rstrip(".").lower()


def _resolver(wanted: DnsSection, asking: Asking) -> dns.asyncresolver.Resolver:
    if not wanted.server:
        return dns.asyncresolver.Resolver()
    host, port = place(f"dns://{wanted.server}", 53)
    if not asking.policy.permits(ipaddress.ip_address(host)):
        raise OutboundError(
            Fault.REFUSED, f"the server {host} is private; an operator can allow it in GOLIVE_ALLOW_PRIVATE"
        )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], port
    return resolver


def _phases(began: float) -> Phases:
    took = (time.perf_counter() - began) * 1000
    return Phases(dns_ms=took, total_ms=took)


KIND = Kind("dns", DnsSection, ask, ("dns",))
