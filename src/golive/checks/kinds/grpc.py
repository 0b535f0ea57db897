"""gRPC: does the server serve, by the health protocol (grpc.health.v1.Health/Check)?"""

from typing import Literal
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from pydantic import Field

from golive.checks.kind import Asking, Kind, Placed, Seen, place
from golive.config.values import Resolved
from golive.kit.connections import Fault, OutboundError, Stream, connect

PATH = "/grpc.health.v1.Health/Check"
STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
CODES = {"5": "NOT_FOUND", "12": "UNIMPLEMENTED", "14": "UNAVAILABLE", "16": "UNAUTHENTICATED"}
LONGEST = 64 * 1024


class GrpcSection(Placed):
    """One gRPC check: the server says that it serves."""

    kind: Literal["grpc"] = "grpc"
    """"grpc"."""
    url: Resolved
    """The server: "grpc://api.acme.example:50051", or "grpcs://…" with TLS."""
    service: str = Field(default="", max_length=100)
    """The service to ask about; the whole server when left out."""
    verify: bool = True
    """Whether the certificate must be valid."""


async def ask(wanted: GrpcSection, asking: Asking) -> Seen:
    """One call of the health protocol."""
    tls = urlsplit(asking.url).scheme == "grpcs"
    host, port = place(asking.url, 443 if tls else 50051)
    async with connect(
        host, port, tls=tls, verify=wanted.verify, alpn=("h2",), limits=asking.limits, policy=asking.policy
    ) as stream:
        call = _Call("https" if tls else "http", f"{host}:{port}", wanted.service, asking.headers)
        try:
            await call.run(stream)
        except ProtocolError as error:
            raise OutboundError(Fault.TARGET, f"it does not speak HTTP/2 ({error})") from error
        trouble = judge(call.headers, bytes(call.body), wanted.service)
        return Seen(trouble is None, trouble or "it is serving", stream.phases())


class _Call:
    """One unary call over HTTP/2."""

    def __init__(self, scheme: str, authority: str, service: str, headers: object) -> None:
        self.connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.head = [
            (":method", "POST"), (":scheme", scheme), (":authority", authority), (":path", PATH),
            ("te", "trailers"), ("content-type", "application/grpc"),
            *((headers or {}).items() if isinstance(headers, dict) else ()),
        ]  # fmt: skip
        self.message = request(service)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended = False

    async def run(self, stream: Stream) -> None:
        connection = self.connection
        connection.initiate_connection()
        connection.send_headers(1, self.head)
        connection.send_data(1, self.message, end_stream=True)
        await stream.send(connection.data_to_send())
        while not self.ended:
            data = await stream.some()
            for event in connection.receive_data(data):
                self._take(event)
            if answer := connection.data_to_send():
                await stream.send(answer)

    def _take(self, event: Event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            self.headers |= {str(name): str(value) for name, value in event.headers or ()}
        elif isinstance(event, DataReceived):
            self.body += event.data or b""
            if len(self.body) > LONGEST:
                raise OutboundError(Fault.TARGET, "it sends more than it should")
        elif isinstance(event, StreamEnded):
            self.ended = True
        elif isinstance(event, StreamReset | ConnectionTerminated):
            raise OutboundError(Fault.TARGET, "it broke the call off")


def request(service: str) -> bytes:
    """A HealthCheckRequest in its gRPC frame."""
    name = service.encode()
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def judge(headers: dict[str, str], body: bytes, service: str) -> str | None:
    """Why the answer does not mean that it serves; None when it does."""
    if headers.get(":status", "200") != "200":
        return f"answered HTTP {headers[':status']}, not gRPC"
    code = headers.get("grpc-status", "missing")
    if code != "0":
        said = headers.get("grpc-message", "")
        about = f" (is the service {service!r} registered?)" if code == "5" and service else ""
        return f"gRPC status {CODES.get(code, code)}{f': {said[:100]}' if said else ''}{about}"
    message = body[5:]
    status = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    return None if status == 1 else f"it says {STATUS.get(status, status)}"


KIND = Kind("grpc", GrpcSection, ask, ("grpc", "grpcs"))
