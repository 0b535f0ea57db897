"""Domain: is the name still registered for long enough? By RDAP; by WHOIS where the registry has no RDAP."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

import orjson
from pydantic import Field, model_validator

from golive.checks.kind import Asking, DaysLeft, Kind, Placed, Seen, place
from golive.config.values import Duration, Resolved
from golive.kit.connections import Fault, Limits, OutboundError, Phases, connect
from golive.kit.outbound import fetch

BOOTSTRAP = "https://data.iana.org/rdap/dns.json"
WHOIS = "whois.iana.org:43"
KEPT_SECONDS = 24 * 3600.0
_EXPIRY = re.compile(
    r"^\s*(?:registry expiry date|registrar registration expiration date|expiration date|expiry date|expires on"
    r"|expires|expire|paid-till|renewal date|validity)\s*:\s*(\S+(?: \d\d:\d\d:\d\d)?)",
    re.IGNORECASE | re.MULTILINE,
)
_FORMATS = ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%d.%m.%Y", "%d-%b-%Y", "%Y%m%d", "%Y-%m-%d %H:%M:%S")


class DomainSection(Placed):
    """One domain's registration: it must not run out soon."""

    kind: Literal["domain"] = "domain"
    """"domain"."""
    url: Resolved
    """The registered name: "domain://acme.example"."""
    every: Duration = timedelta(hours=6)
    """How often; registries do not like to be asked often."""
    days: DaysLeft = 30
    """How many days the registration must still last."""
    rdap: str = ""
    """The registry's RDAP service, such as "https://rdap.nic.example/"; found by IANA's list when left out."""
    whois: str = Field(default="", pattern=r"^$|^[A-Za-z0-9.-]+(:\d+)?$")
    """The registry's WHOIS server, asked where there is no RDAP; found by IANA's when left out."""

    @model_validator(mode="after")
    def _http(self) -> Self:
        if self.rdap and not self.rdap.startswith(("https://", "http://")):
            raise ValueError('rdap is an address such as "https://rdap.nic.example/"')
        return self


async def ask(wanted: DomainSection, asking: Asking) -> Seen:
    """Ask the registry by RDAP, then by WHOIS; what neither can tell is unknown, not down."""
    name = place(asking.url)[0].lower().rstrip(".")
    began = time.perf_counter()
    half = Limits(asking.limits.total / 2, asking.limits.body_bytes, asking.limits.redirects)
    until, how, problems = None, "", []
    for how, look in (("RDAP", _by_rdap), ("WHOIS", _by_whois)):
        try:
            until = await look(name, wanted, asking, half)
            break
        except OutboundError as error:
            problems.append(f"{how}: {error}")
    phases = Phases(total_ms=(time.perf_counter() - began) * 1000)
    if until is None:
        if any("is not registered" in problem for problem in problems):
            return Seen(False, f"{name} is not registered", phases)
        raise OutboundError(Fault.OURS, "; ".join(problems), phases)
    left = until - asking.at
    if left < timedelta(days=wanted.days):
        said = f"expires in {left.days} days" if left > timedelta() else "has expired"
        return Seen(False, f"{name} {said} ({until:%Y-%m-%d}, by {how}), less than {wanted.days}", phases)
    return Seen(True, f"registered until {until:%Y-%m-%d} ({how})", phases)


async def _by_rdap(name: str, wanted: DomainSection, asking: Asking, limits: Limits) -> datetime:
    base = wanted.rdap or await _service(name, asking, limits)
    answer = await fetch(
        f"{base.rstrip('/')}/domain/{name}",
        headers={"accept": "application/rdap+json"},
        limits=limits,
        policy=asking.policy,
    )
    if answer.status == 404:
        raise OutboundError(Fault.TARGET, f"{name} is not registered")
    if answer.status != 200:
        raise OutboundError(Fault.TARGET, f"it answered {answer.status}")
    found = expiry_of_rdap(_json(answer.body))
    if found is None:
        raise OutboundError(Fault.TARGET, "the answer has no expiration date")
    return found


_services: dict[str, str] = {}
_services_at = [-KEPT_SECONDS]


async def _service(name: str, asking: Asking, limits: Limits) -> str:
    """The RDAP service of the name's registry, by IANA's list, which is kept for a day."""
    if time.monotonic() - _services_at[0] > KEPT_SECONDS or not _services:
        answer = await fetch(BOOTSTRAP, limits=limits, policy=asking.policy)
        if answer.status != 200:
            raise OutboundError(Fault.OURS, f"IANA's list cannot be read ({answer.status})")
        _services.clear()
        _services.update(services_of(_json(answer.body)))
        _services_at[0] = time.monotonic()
    found = _services.get(name.rpartition(".")[2])
    if found is None:
        raise OutboundError(Fault.OURS, "its registry has no RDAP service")
    return found


async def _by_whois(name: str, wanted: DomainSection, asking: Asking, limits: Limits) -> datetime:
    server = wanted.whois
    if not server:
        told = await _whois(WHOIS, name.rpartition(".")[2], asking, limits)
        match = re.search(r"^whois:\s*(\S+)", told, re.MULTILINE)
        if match is None:
            raise OutboundError(Fault.OURS, "IANA knows no WHOIS server for it")
        server = match[1]
    told = await _whois(server, name, asking, limits)
    found = expiry_of_whois(told)
    if found is None:
        if re.search(r"no match|not found|no entries found", told, re.IGNORECASE):
            raise OutboundError(Fault.TARGET, f"{name} is not registered")
        raise OutboundError(Fault.TARGET, "the answer has no expiration date that can be read")
    return found


async def _whois(server: str, question: str, asking: Asking, limits: Limits) -> str:
    host, port = place(f"whois://{server}", 43)
    async with connect(host, port, limits=limits, policy=asking.policy) as stream:
        await stream.send(f"{question}\r\n".encode("idna" if not question.isascii() else "ascii"))
        return (await stream.rest()).decode("utf-8", "replace")


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise OutboundError(Fault.TARGET, "it answered something that is not JSON") from error


def services_of(bootstrap: Any) -> dict[str, str]:
    """IANA's list (RFC 9224) as top-level domain to service; https before http."""
    found: dict[str, str] = {}
    for names, urls in bootstrap.get("services", ()) if isinstance(bootstrap, Mapping) else ():
        url = next((one for one in sorted(urls, key=lambda one: not one.startswith("https:"))), None)
        found |= {name.lower(): url for name in names if url}
    return found


def expiry_of_rdap(answer: Any) -> datetime | None:
    """When a registration ends, by the events of an RDAP answer (RFC 9083)."""
    for event in answer.get("events", ()) if isinstance(answer, Mapping) else ():
        if event.get("eventAction") == "expiration":
            return _read(str(event.get("eventDate", "")))
    return None


def expiry_of_whois(text: str) -> datetime | None:
    """When a registration ends, by the free text of a WHOIS answer."""
    return next((read for match in _EXPIRY.finditer(text) if (read := _read(match[1]))), None)


def _read(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.replace(tzinfo=UTC)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


KIND = Kind("domain", DomainSection, ask, ("domain",))
