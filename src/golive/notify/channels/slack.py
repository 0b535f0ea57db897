"""Slack by an incoming webhook, with buttons where the news can be acted on; the recipient refers to its URL."""

from datetime import timedelta
from typing import Any

import orjson

from golive.kit.connections import Limits, OutboundError
from golive.kit.outbound import fetch_blocking
from golive.notify.channels import DeliveryError
from golive.notify.models import Channels, OutboxMessage
from golive.people.secrets import SecretError, resolve

LIMITS = Limits(total=timedelta(seconds=10), body_bytes=1 << 14, redirects=0)
BUTTONS = (("acknowledge", "Acknowledge", "primary"), ("snooze", "Snooze 30 min", ""), ("resolve", "Resolve", ""))


class Slack:
    """The channel "slack"."""

    name = "slack"

    def send(self, message: OutboxMessage, settings: Channels) -> None:
        try:
            url = resolve(message.recipient)
        except SecretError as error:
            raise DeliveryError(str(error)) from error
        headers = {"content-type": "application/json"}
        try:
            answer = fetch_blocking(
                url, method="POST", headers=headers, content=orjson.dumps(body(message)), limits=LIMITS
            )
        except OutboundError as error:
            raise DeliveryError(f"Slack: {str(error).replace(repr(url), message.recipient)}") from None
        if not 200 <= answer.status < 300:
            said = answer.body.decode(errors="replace")[:100]
            raise DeliveryError(f"Slack answered {answer.status} {said}", permanent=answer.status in (404, 410))


def body(message: OutboxMessage) -> dict[str, Any]:
    """The message in blocks; buttons carry the token that names the incident and its firing."""
    reason, link = str(message.data.get("reason", "")) or message.text, message.data.get("url", "")
    lines = [f"*{escaped(message.subject)}*", escaped(reason)]
    lines += [f"• {escaped(str(title))}" for title in message.data.get("changes", ())]
    if link:
        lines.append(f"<{link}|Open it>")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:2900]}},
    ]
    if token := message.data.get("button"):
        blocks.append({"type": "actions", "elements": [_button(token, *one) for one in BUTTONS]})
    return {"text": message.subject, "blocks": blocks}


def escaped(text: str) -> str:
    """Slack's three characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _button(token: str, action: str, word: str, style: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "button",
        "action_id": f"golive.{action}",
        "value": token,
        "text": {"type": "plain_text", "text": word},
    }
    return found | ({"style": style} if style else {})


CHANNEL = Slack()
