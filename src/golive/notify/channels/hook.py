"""Webhooks of outsiders (a status page's subscribers): the recipient is the URL itself, the body is the data."""

import time
from datetime import timedelta

import orjson

from golive.kit.connections import Limits, OutboundError
from golive.kit.outbound import fetch_blocking
from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.notify.signature import default_secret, sign

LIMITS = Limits(total=timedelta(seconds=10), body_bytes=1 << 14, redirects=0)


class Hook:
    """The channel "hook"."""

    name = "hook"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        body, now = orjson.dumps(message.data), int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(default_secret(message.project.slug), message.key, now, body),
        }
        try:
            answer = fetch_blocking(message.recipient, method="POST", headers=headers, content=body, limits=LIMITS)
        except OutboundError as error:
            raise DeliveryError(str(error)) from None
        if not 200 <= answer.status < 300:
            raise DeliveryError(f"The webhook answered {answer.status}", permanent=answer.status in (404, 410))


CHANNEL = Hook()
