"""SMTP: does the mail server greet, and offer encryption where it should?"""

from typing import Literal

from golive.checks.kind import Asking, DaysLeft, Kind, Placed, Seen, certificate_trouble, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, Stream, connect


class SmtpSection(Placed):
    """One mail server check: greeting, EHLO, and STARTTLS if wanted. It sends no mail."""

    kind: Literal["smtp"] = "smtp"
    """"smtp"."""
    url: Resolved
    """The server: "smtp://mail.acme.example" (port 25) or "smtps://mail.acme.example" (TLS at once, port 465)."""
    starttls: bool = False
    """Whether it must offer STARTTLS with a valid certificate."""
    certificate_days: DaysLeft | None = None
    """How many days the certificate must still be valid."""


async def ask(wanted: SmtpSection, asking: Asking) -> Seen:
    """Talk as far as a mail client does before it has a mail."""
    tls = asking.url.startswith("smtps:")
    host, port = place(asking.url, 465 if tls else 25)
    async with connect(host, port, tls=tls, limits=asking.limits, policy=asking.policy) as stream:
        greeting = await _reply(stream, 220)
        offered = await _command(stream, "EHLO golive.invalid", 250)
        if wanted.starttls:
            if not any(line[4:].strip().upper() == "STARTTLS" for line in offered):
                return Seen(False, "it does not offer STARTTLS", stream.phases())
            await _command(stream, "STARTTLS", 220)
            await stream.start_tls()
            await _command(stream, "EHLO golive.invalid", 250)
        if wanted.certificate_days is not None:
            trouble = certificate_trouble(stream.certificate_until(), wanted.certificate_days, asking.at)
            if trouble:
                return Seen(False, trouble, stream.phases())
        await _command(stream, "QUIT", 221)
        return Seen(True, f"greets with {greeting[-1][:80]!r}", stream.phases())


async def _command(stream: Stream, text: str, code: int) -> list[str]:
    await stream.send(f"{text}\r\n".encode())
    return await _reply(stream, code)


async def _reply(stream: Stream, code: int) -> list[str]:
    """The lines of a reply. Raises OutboundError when it is not the code expected."""
    lines: list[str] = []
    while not lines or lines[-1][3:4] == "-":
        lines.append((await stream.until()).decode("utf-8", "replace").rstrip())
        if len(lines) > 100 or not lines[-1].startswith(str(code)):
            raise OutboundError(Fault.TARGET, f"said {lines[-1][:80]!r} where {code} was expected")
    return lines


KIND = Kind("smtp", SmtpSection, ask, ("smtp", "smtps"))
