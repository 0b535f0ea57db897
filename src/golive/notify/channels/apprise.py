"""Any service Apprise can reach (Slack, ntfy, Telegram, SMS ...); the recipient is the reference to its URL, or a
person's contact."""

import apprise

from golive.notify import reach
from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.people.secrets import SecretError, resolve

TIMEOUT_SECONDS = 15
KINDS = {
    "incident.mitigated": apprise.NotifyType.SUCCESS,
    "incident.resolved": apprise.NotifyType.SUCCESS,
}


class Apprise:
    """The channel "apprise"."""

    name = "apprise"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        personal = message.recipient.startswith(reach.PREFIX)
        try:
            url = reach.opened(message.recipient) if personal else resolve(message.recipient)
        except SecretError as error:
            raise DeliveryError(str(error)) from error
        service = apprise.Apprise()
        if not service.add(url):
            raise DeliveryError(f"{message.recipient} is not a URL that Apprise knows")
        urgent = apprise.NotifyType.FAILURE if message.urgency == "high" else apprise.NotifyType.WARNING
        result = service.notify(
            title=message.subject,
            body=message.text,
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=KINDS.get(message.event, urgent),
            timeout=TIMEOUT_SECONDS,
        )
        if not result:
            words = "; ".join(str(entry.message) for entry in result.logs()) or "no reason given"
            raise DeliveryError(f"{message.recipient} did not take it: {words}"[:500])


CHANNEL = Apprise()
