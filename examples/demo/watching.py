"""Looking at golive from outside: its API, its public status page, the mail that it sends."""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from examples.demo.world import PERSON, PROJECT, World

Found = TypeVar("Found")


class StepFailed(Exception):
    """Something that should have happened did not; the message says what was waited for and what was seen."""


def until(what: str, look: Callable[[], Found | None], timeout_seconds: float, every_seconds: float = 0.25) -> Found:
    """Look again and again until it is there. Raises StepFailed with the last error."""
    end, last = time.monotonic() + timeout_seconds, ""
    while True:
        try:
            if found := look():
                return found
        except (httpx.HTTPError, KeyError, ValueError) as error:
            last = f" ({error})"
        if time.monotonic() > end:
            raise StepFailed(f"no {what} within {timeout_seconds:.0f} s{last}")
        time.sleep(every_seconds)


class Watcher:
    """What somebody with an API token, a browser and a mailbox can see."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = world.install.client(world.token)
        self.web = httpx.Client(base_url=world.install.url, timeout=30, trust_env=False, follow_redirects=True)

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.api.get(f"projects/{PROJECT}/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **content: Any) -> Any:
        answer = self.api.post(f"projects/{PROJECT}/{path}", json=content)
        if answer.is_error:
            raise StepFailed(f"POST {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def incident(self) -> dict[str, Any] | None:
        """The newest incident, or None."""
        found: list[dict[str, Any]] = self.get("incidents")
        return found[0] if found else None

    def groups(self) -> list[dict[str, Any]]:
        """Error groups that nobody has resolved."""
        found: list[dict[str, Any]] = self.get("errors")
        return found

    def check_state(self, name: str) -> str:
        return next((str(check["state"]) for check in self.get("checks") if check["name"] == name), "missing")

    def status_page(self) -> dict[str, Any]:
        """The public status page in Statuspage's JSON."""
        answer = self.web.get(f"/status/{PROJECT}/api/v2/summary.json")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def page_mail(self) -> Any:
        """The first mail to the person on call since the outage began that carries a link to acknowledge."""
        for message in reversed(self.world.mail.mailbox.messages(to=PERSON)):
            if any("/a/" in link for link in message.links):
                return message
        return None

    def acknowledge_by_mail(self, message: Any) -> None:
        """Open the link in the mail and press its button, as a person without a login would."""
        link = next(link for link in message.links if "/a/" in link)
        form = self.web.get(link)
        hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        if form.is_error or hidden is None:
            raise StepFailed(f"the link in the mail answered {form.status_code} without a button")
        done = self.web.post(link, data={"csrfmiddlewaretoken": hidden[1]}, headers={"Referer": link})
        if done.is_error:
            raise StepFailed(f"pressing the button in the mail answered {done.status_code}")
