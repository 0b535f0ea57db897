"""A browser without scripts over Locust's client: keeps cookies, fills in forms, follows links in mails."""

import random
import re
import time
from typing import Any

from locust import HttpUser
from locust.clients import ResponseContextManager
from requests.adapters import HTTPAdapter

_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')
_TIMEOUT_SECONDS = 20


class FromAddress(HTTPAdapter):
    """Connects from one address of the loopback network, so that each person has their own, as in life."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


class Browser:
    """One person's browser. Every method returns the page, or None when acme did not answer as hoped."""

    def __init__(self, person: HttpUser) -> None:
        self._client = person.client
        self.location = ""
        if (person.host or "").startswith("http://127."):
            address = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(2, 250)}"
            self._client.mount("http://127.", FromAddress(address))

    def get(self, path: str, *, label: str = "") -> str | None:
        """Open a page."""
        with self._client.get(path, name=label or path, timeout=_TIMEOUT_SECONDS, catch_response=True) as answer:
            self.location = str(answer.url or "")
            return self._page(answer)

    def submit(self, path: str, *, served_on: str, label: str = "", **values: str) -> str | None:
        """Open the page that has the form, fill it in and send it."""
        page = self.get(served_on, label=label and f"{label} (form)")
        found = _TOKEN.search(page or "")
        if not found:
            return None
        data = {"form_token": found[1], **values}
        with self._client.post(
            path, data=data, name=label or path, timeout=_TIMEOUT_SECONDS, catch_response=True
        ) as answer:
            self.location = str(answer.url or "")
            return self._page(answer)

    def pay(self, card: str) -> str | None:
        """Pay at the page that the last form led to."""
        data = {"card_number": card, "expires": "12 / 34", "cvc": "123"}
        with self._client.post(
            self.location, data=data, name="pay page", timeout=_TIMEOUT_SECONDS, catch_response=True
        ) as answer:
            if answer.status_code == 402:
                answer.success()  # a declined card is part of life
                return None
            return self._page(answer)

    @property
    def was_sent_to_login(self) -> bool:
        """Whether the session is gone (or acme began anew with empty tables)."""
        return "/login?" in self.location

    def mailed_link(self, mail_url: str, to: str, patience_seconds: float = 15) -> str | None:
        """The link in the newest mail to someone, waiting for it."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            found = self._json(f"{mail_url}/api/messages", {"to": to, "limit": "1"}).get("messages", [])
            if found:
                links = self._json(f"{mail_url}/api/messages/{found[0]['id']}", {}).get("links", [])
                return links[0] if links else None
            time.sleep(0.5)
        return None

    def _json(self, url: str, query: dict[str, str]) -> dict[str, Any]:
        with self._client.get(
            url, params=query, name="mailbox", timeout=_TIMEOUT_SECONDS, catch_response=True
        ) as answer:
            answer.success()  # the mail sink is no part of what is measured
            return answer.json() if answer.status_code == 200 else {}

    @staticmethod
    def _page(answer: ResponseContextManager) -> str | None:
        """The text of a good answer; anything else is counted as a failure and survived."""
        if answer.status_code == 0 or answer.status_code >= 400:
            answer.failure(f"status {answer.status_code}")  # type: ignore[no-untyped-call]
            return None
        return str(answer.text)
