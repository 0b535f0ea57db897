"""The fixture `mailbox`: reads the mails that a journey causes, from golive's mail sink (GOLIVE_MAIL_URL)."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from golive_client.journeys.record import Unable

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Mail:
    """A mail that arrived."""

    to: tuple[str, ...]
    subject: str
    text: str
    links: tuple[str, ...]


class Mailbox:
    """The mail sink's messages, newest first."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def wait(self, *, to: str, subject: str = "", seconds: float = PATIENCE_SECONDS) -> Mail:
        """The newest mail to this address whose subject has these words. Fails the journey when none comes in time."""
        deadline = time.monotonic() + seconds
        while not (found := self.messages(to=to, subject=subject)):
            if time.monotonic() > deadline:
                others = [one["subject"] for one in self.messages(to=to)]
                pytest.fail(f"no mail {subject!r} to {to} within {seconds:g} s; it got {others or 'none'}")
            time.sleep(LOOK_SECONDS)
        whole = self._get(f"/api/messages/{found[0]['id']}")
        return Mail(tuple(whole["to"]), whole["subject"], whole["text"], tuple(whole["links"]))

    def messages(self, *, to: str, subject: str = "") -> list[Mapping[str, Any]]:
        """What arrived, as summaries."""
        found: list[Mapping[str, Any]] = self._get("/api/messages", to=to, subject=subject)["messages"]
        return found

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            answer = self._client.get(path, params=query)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Unable(f"the mailbox cannot be read: {error}") from error
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """The mails that the site sends."""
    url = os.environ.get("GOLIVE_MAIL_URL", "")
    if not url:
        raise Unable("there is no mailbox to read: GOLIVE_MAIL_URL is not set")
    with httpx.Client(base_url=url, timeout=10.0, trust_env=False) as client:
        yield Mailbox(client)
