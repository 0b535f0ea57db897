"""Webhooks: JSON by POST, signed by the Standard Webhooks scheme; the recipient is the reference to their URL."""

import time
from datetime import timedelta

import orjson

from golive.kit.connections import Limits, OutboundError
from golive.kit.outbound import fetch_blocking
from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.notify.signature import default_secret, sign
from golive.people.secrets import is_reference, resolve

LIMITS = Limits(total=timedelta(seconds=10), body_bytes=1 << 16, redirects=0)
GONE = 410  # the scheme's word for "never again"


class Webhook:
    """The channel "webhook"."""

    name = "webhook"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        kept = next((hook for hook in settings.webhooks if hook["url"] == message.recipient), None)
        if kept is None:
            raise DeliveryError("This webhook is no longer in [notify] webhooks.", permanent=True)
        named, body = kept["url"], self._body(message)
        now = int(time.time())
        try:
            url = resolve(named) if is_reference(named) else named
            secret = resolve(kept["secret"]) if kept.get("secret") else default_secret(message.project.slug)
            signature = sign(secret, message.key, now, body)
        except ValueError as error:
            raise DeliveryError(f"Webhook {named}: {error}") from error
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(now),
            "webhook-signature": signature,
        }
        try:
            answer = fetch_blocking(url, method="POST", headers=headers, content=body, limits=LIMITS)
        except OutboundError as error:
            words = str(error).replace(repr(url), repr(named))  # what a reference stands for is secret
            raise DeliveryError(f"Webhook {named}: {words}") from None
        if not 200 <= answer.status < 300:
            raise DeliveryError(f"Webhook {named} answered {answer.status}", permanent=answer.status == GONE)

    @staticmethod
    def _body(message: OutboxMessage) -> bytes:
        return orjson.dumps({"type": message.event, "timestamp": message.created_at, "data": message.data})


CHANNEL = Webhook()
