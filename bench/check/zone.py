"""A name server for one zone of TXT records, over UDP on loopback."""

import socketserver
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

GOOD = {
    "acme.example.": ["v=spf1 include:_spf.mail.example -all"],
    "_dmarc.acme.example.": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@acme.example"],
    "s1._domainkey.acme.example.": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
}


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sender = self.request
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        name = query.question[0].name
        texts = self.server.zone.get(str(name).lower())  # type: ignore[attr-defined]
        if texts:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        sender.sendto(answer.to_wire(), self.client_address)


class Zone:
    """The server; `zone` may be changed while it runs."""

    def __init__(self, zone: Mapping[str, Sequence[str]] = GOOD) -> None:
        self._server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Handler)
        self.zone = dict(zone)

    @property
    def zone(self) -> dict[str, Sequence[str]]:
        found: dict[str, Sequence[str]] = self._server.zone  # type: ignore[attr-defined]
        return found

    @zone.setter
    def zone(self, value: Mapping[str, Sequence[str]]) -> None:
        self._server.zone = dict(value)  # type: ignore[attr-defined]

    @property
    def address(self) -> str:
        return "{}:{}".format(*self._server.server_address)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
