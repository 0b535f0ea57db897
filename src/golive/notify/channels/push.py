"""Web push to one browser or installed web app; the recipient is a person's contact."""

from datetime import timedelta
from hashlib import sha256

import orjson
from django.conf import settings as django_settings

from golive.kit.connections import Limits, OutboundError
from golive.kit.outbound import fetch_blocking
from golive.notify import reach, webpush
from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage

LIMITS = Limits(total=timedelta(seconds=10), body_bytes=1 << 14, redirects=0)
GONE = {404, 410}  # the browser has unsubscribed
LIFETIME_SECONDS = {"high": 3600, "normal": 24 * 3600}


class Push:
    """The channel "push"."""

    name = "push"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        subscription = webpush.Subscription.read(reach.opened(message.recipient))
        tag = webpush.encoded(sha256(message.key.encode()).digest()[:18])
        headers = {
            "authorization": webpush.authorization(subscription.endpoint, django_settings.PUBLIC_URL),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(LIFETIME_SECONDS[message.urgency]),
            "urgency": message.urgency,
            "topic": tag,  # one that is sent twice replaces itself
        }
        try:
            answer = fetch_blocking(
                subscription.endpoint,
                method="POST",
                headers=headers,
                content=webpush.sealed(subscription, self._words(message, tag)),
                limits=LIMITS,
            )
        except OutboundError as error:
            words = str(error).replace(repr(subscription.endpoint), "the push service")
            raise DeliveryError(f"The push service: {words}") from None
        if not 200 <= answer.status < 300:
            words = f"The push service answered {answer.status}"
            raise DeliveryError(words, permanent=answer.status in GONE)

    @staticmethod
    def _words(message: OutboxMessage, tag: str) -> bytes:
        said = {
            "title": message.subject[:200],
            "body": str(message.data.get("reason") or message.text)[:600],
            "url": message.data.get("acknowledge") or message.data.get("url") or "/",
            "tag": tag,
            "urgent": message.urgency == "high",
        }
        return orjson.dumps(said)[: webpush.MOST_BYTES]


CHANNEL = Push()
