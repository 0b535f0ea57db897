"""Somebody who visits a target as a browser without scripts does: cookies kept, forms filled in, redirects followed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from golive.kit.outbound import Answer
from golive.readiness.asking import Ask, Site

MOST_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.hidden[str(given["name"])] = given.get("value") or ""


def hidden_fields(page: bytes) -> dict[str, str]:
    """What the forms of a page carry unseen."""
    parser = _Form()
    parser.feed(page.decode("utf-8", "replace"))
    return parser.hidden


@dataclass
class Visitor:
    """One browser; another visitor shares nothing with it."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer | None:
        return self._follow(Ask(path), 0)

    def look(self, path: str) -> Answer | None:
        """The page itself, no redirect followed."""
        return self._ask(Ask(path))

    def submit(self, path: str, fields: Mapping[str, str], form: str = "") -> Answer | None:
        """Open the page with the form (by default where it is sent to), and send it filled in; None for no answer."""
        page = self.get(form or path)
        if page is None or page.status >= 400:
            return page
        content = urlencode({**hidden_fields(page.body), **fields}).encode()
        origin = {"Referer": urljoin(self.site.url + "/", form or path), "Origin": self._origin(path)}
        headers = {"Content-Type": "application/x-www-form-urlencoded", **origin}
        return self._follow(Ask(path, "POST", headers, content), 0)

    def _origin(self, path: str) -> str:
        parts = urlsplit(urljoin(self.site.url + "/", path))
        return f"{parts.scheme}://{parts.netloc}"

    def _ask(self, ask: Ask) -> Answer | None:
        headers = dict(ask.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.site.ask(Ask(ask.path, ask.method, headers, ask.content))
        for name, value in answer.headers if answer else ():
            if name.lower() == "set-cookie":
                self._keep(value)
        return answer

    def _keep(self, header: str) -> None:
        pair, _, attributes = header.partition(";")
        name, _, value = pair.strip().partition("=")
        ended = "max-age=0" in attributes.lower().replace(" ", "") or not value.strip('"')
        if ended:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def _follow(self, ask: Ask, count: int) -> Answer | None:
        answer = self._ask(ask)
        place = next((value for name, value in answer.headers if name.lower() == "location"), "") if answer else ""
        if answer is None or answer.status not in _MOVED or not place or count >= MOST_REDIRECTS:
            return answer
        here = ask.path if "://" in ask.path else self.site.url.rstrip("/") + ask.path
        try:
            there = urljoin(here, place)
        except ValueError:  # it leads nowhere
            return answer
        if self._origin(there) != self.site.origin:  # cookies go nowhere else
            return answer
        return self._follow(Ask(there), count + 1)
