"""Webhooks: JSON by POST, signed by the Standard Webhooks scheme; the recipient is the reference to their URL."""

import time

import httpx
import orjson

from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.notify.references import BrokenReference, value
from golive.notify.signature import default_secret, sign

TIMEOUT_SECONDS = 10
GONE = 410  # the scheme's word for "never again"


class Webhook:
    """The channel "webhook"."""

    name = "webhook"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        kept = next((hook for hook in settings.webhooks if hook["url"] == message.recipient), None)
        if kept is None:
            raise DeliveryError("This webhook is no longer in [notify] webhooks.", permanent=True)
        body = orjson.dumps({"type": message.event, "timestamp": message.created_at, "data": message.data})
        now = int(time.time())
        try:
            url = value(kept["url"])
            secret = value(kept.get("secret") or "") or default_secret(message.project.slug)
            signature = sign(secret, message.key, now, body)
        except (BrokenReference, ValueError) as error:
            raise DeliveryError(f"Webhook {kept['url']}: {error}") from error
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(now),
            "webhook-signature": signature,
        }
        try:
            answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryError(f"{kept['url']} does not answer: {error}") from error
        if not answer.is_success:
            raise DeliveryError(f"{kept['url']} answered {answer.status_code}", permanent=answer.status_code == GONE)


CHANNEL = Webhook()
