"""The whole story unattended: each step is a sentence, what is done, and what must be true afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from examples.demo.watching import StepFailed, Watcher, until
from examples.demo.world import RELEASE, World

FIX = "2026.11.2"
QUIET = ("operational", "none")


@dataclass
class Times:
    """When each thing happened, by the clock of whoever saw it happen."""

    failure: datetime | None = None
    detected: datetime | None = None
    paged: datetime | None = None
    published: datetime | None = None
    acknowledged: datetime | None = None
    mitigated: datetime | None = None
    resolved: datetime | None = None

    def table(self) -> list[tuple[str, float]]:
        """Seconds since the failure, in the order of the story."""
        names = ("detected", "paged", "published", "acknowledged", "mitigated", "resolved")
        began = self.failure or datetime.now(UTC)
        return [(name, (at - began).total_seconds()) for name in names if (at := getattr(self, name))]


@dataclass
class Story:
    """The steps and what they learn on the way."""

    world: World
    watcher: Watcher
    times: Times = field(default_factory=Times)
    number: int = 0

    @property
    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Each step returns what was seen, in a few words."""
        return [
            ("traffic reaches golive: logs", self.sees_logs),
            ("traffic reaches golive: traces", self.sees_traces),
            ("traffic reaches golive: signups", self.sees_signups),
            ("an error is grouped", self.sees_errors),
            ("the check is green", self.check_is_green),
            ("the status page is green", self.page_is_green),
            ("acme is killed", self.kill_acme),
            ("an incident opens", self.incident_opens),
            ("the check is red", self.check_is_red),
            ("the person on call has mail", self.mail_arrives),
            ("the team's webhook is called", self.hook_is_called),
            ("customers are told", self.page_tells),
            ("acknowledged by the link in the mail", self.acknowledge),
            ("acme is started again", self.restart_acme),
            ("the incident is mitigated", self.is_mitigated),
            ("resolved with cause and fixing release", self.resolve),
            ("customers are told that it is over", self.page_is_over),
        ]

    def sees_logs(self) -> str:
        def look() -> list[Any] | None:
            lines: list[Any] = self.watcher.get("logs", since="5m", limit=200)["lines"]
            return lines if len(lines) >= 20 else None

        lines = until("20 log lines", look, 60)
        return f"{len(lines)}+ lines"

    def sees_traces(self) -> str:
        def look() -> Any:
            services = self.watcher.get("services", since="5m")
            return next((s for s in services if s["name"] == "acme"), None)

        found = until("service acme with spans", look, 60)
        return f"{found['requests']} requests"

    def sees_signups(self) -> str:
        def look() -> int | None:
            lines = self.watcher.get("logs", q="event:user.signed_up", since="5m", limit=100)["lines"]
            return len(lines) or None

        return f"{until('signup event', look, 60)} signups"

    def sees_errors(self) -> str:
        self.world.acme.fault("errors", route="/support", seconds=60)
        self.world.acme.http.get("/support")
        found = until("error group", self.watcher.groups, 60)
        self.world.acme.mend()
        return f"{len(found)} group(s): {found[0]['type']}: {found[0]['message']}"

    def check_is_green(self) -> str:
        return until("green check", lambda: "ok" if self.watcher.check_state("home") in ("ok", "up") else None, 60)

    def page_is_green(self) -> str:
        def look() -> str | None:
            components = self.watcher.status_page()["components"]
            states = [component["status"] for component in components]
            return f"{len(states)} components operational" if set(states) == {"operational"} else None

        return until("green status page", look, 60)

    def kill_acme(self) -> str:
        before = self.watcher.incident()
        if before and before["state"] in ("detected", "acknowledged"):
            raise StepFailed(f"an incident is open before the outage: {before['title']}")
        self.number = before["number"] if before else 0
        self.times.failure = datetime.now(UTC)
        self.world.acme.kill()
        return "kill -9"

    def newest(self) -> dict[str, Any] | None:
        found = self.watcher.incident()
        return found if found and found["number"] > self.number else None

    def incident_opens(self) -> str:
        found = until("incident", self.newest, 60)
        self.times.detected = instant(found["detected_at"])
        return f"#{found['number']} {found['title']}"

    def check_is_red(self) -> str:
        return until(
            "red check", lambda: s if (s := self.watcher.check_state("home")) in ("firing", "down") else None, 30
        )

    def mail_arrives(self) -> str:
        self.message = until("page by mail", self.watcher.page_mail, 60)
        self.times.paged = self.message.received_at
        return str(self.message.subject)

    def hook_is_called(self) -> str:
        calls = until("call of the webhook", lambda: self.world.hook.calls, 30)
        return f"{len(calls)} call(s)"

    def page_tells(self) -> str:
        def look() -> dict[str, Any] | None:
            page = self.watcher.status_page()
            broken = [c for c in page["components"] if c["status"] != "operational"]
            return page if broken and page["incidents"] else None

        page = until("outage on the status page", look, 60)
        self.times.published = datetime.now(UTC)
        return f"{page['status']['description']}: {page['incidents'][0]['name']}"

    def acknowledge(self) -> str:
        self.watcher.acknowledge_by_mail(self.message)
        found = until("acknowledged incident", lambda: self.in_state("acknowledged"), 20)
        self.times.acknowledged = instant(found["acknowledged_at"])
        return f"by {found.get('acknowledged_by', 'mail')}"

    def in_state(self, state: str) -> dict[str, Any] | None:
        found = self.newest()
        return found if found and found["state"] == state else None

    def restart_acme(self) -> str:
        self.world.acme.begin()
        return f"release {RELEASE}"

    def is_mitigated(self) -> str:
        found = until("mitigated incident", lambda: self.in_state("mitigated"), 90)
        self.times.mitigated = instant(found["mitigated_at"])
        return "service is back"

    def resolve(self) -> str:
        found = self.newest() or {}
        self.world.install.run("change", "record", "deploy", "--release", FIX, "--project", "acme")
        self.watcher.post(
            f"incidents/{found['number']}/resolution", cause="acme was killed by hand, in the demo", release=FIX
        )
        done = until("resolved incident", lambda: self.in_state("resolved"), 20)
        self.times.resolved = instant(done["resolved_at"])
        return f"fixed by {FIX}"

    def page_is_over(self) -> str:
        def look() -> str | None:
            page = self.watcher.status_page()
            over = all(c["status"] == "operational" for c in page["components"]) and not page["incidents"]
            return str(page["status"]["description"]) if over else None

        return until("green status page", look, 60)


def instant(text: str) -> datetime:
    """An instant as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def tell(world: World, say: Callable[[str], None]) -> Times:
    """Go through the story. Raises StepFailed naming the step."""
    story = Story(world, Watcher(world))
    for number, (name, work) in enumerate(story.steps, 1):
        began = time.monotonic()
        try:
            seen = work()
        except Exception as error:
            raise StepFailed(f"step {number}, {name}: {error}") from error
        say(f"{number:2}. {name}: {seen} ({time.monotonic() - began:.1f} s)")
    return story.times
