"""What is answered: a status, headers and a body; and the refusals, each with its reason."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from golive.telemetry.proto import message_class

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The request is refused as a whole; the message tells the sender why and what to do."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def status_reply(refusal: Refusal, content_type: str) -> Reply:
    """A refusal as google.rpc.Status, in the encoding that the client speaks."""
    code = _RPC_CODES.get(refusal.status, 2)
    if content_type == PROTOBUF:
        status: Any = message_class("Status")(code=code, message=refusal.message)
        return Reply(refusal.status, status.SerializeToString(), PROTOBUF, refusal.headers)
    return Reply(refusal.status, orjson.dumps({"code": code, "message": refusal.message}), JSON, refusal.headers)
