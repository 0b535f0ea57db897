"""golive with three probes, a site that fails and a mailbox; and how to look at what golive makes of it."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bench.outages import site
from bench.outages.lands import Lands
from examples.demo.install import Install
from golive.sandbox.mail import MailSink

PROJECT, PERSON, PASSWORD = "shop", "eve@shop.example", "a quiet green morning"
REGIONS = ("ap", "eu", "us")
EVERYWHERE = "0.0.0.0"  # noqa: S104 (of a namespace of its own)
PATIENCE = 900.0  # seconds for golive to come up; how long it takes is not what is measured
PRIVATE = "10.77.0.0/24,127.0.0.0/8"
PLAN = """
[app]
name = "shop"
url = "http://{host}:8080"

[checks.home]
url = "/"
every = "{every}ms"
timeout = "{timeout}ms"
latency = "{latency}ms"
regions = ["ap", "eu", "us"]

[checks.tls]
url = "https://{host}:8443/"
every = "{every}ms"
timeout = "{timeout}ms"
regions = ["ap", "eu", "us"]

[oncall]
people = ["eve@shop.example"]

[notify]
email = "{smtp}"
from = "golive@shop.example"

[status]
title = "shop status"
publish_after = "0s"
components = [{{ name = "Shop", checks = ["home"] }}, {{ name = "Secure shop", checks = ["tls"] }}]
"""


@dataclass(frozen=True)
class Pace:
    """Times of a check in seconds; `factor` is by how much they are shorter than in production."""

    factor: float

    @property
    def every(self) -> float:
        return 60 / self.factor

    @property
    def timeout(self) -> float:
        return 10 / self.factor

    @property
    def latency(self) -> float:
        return 4 / self.factor


class World:
    """Everything that runs; ended when the context is left. Made inside golive's own land."""

    def __init__(self, lands: Lands, folder: Path, pace: Pace) -> None:
        self.lands, self.folder, self.pace = lands, folder, pace
        self.stack = ExitStack()
        self.probes: dict[str, subprocess.Popen[bytes]] = {}
        self.tokens: dict[str, str] = {}
        self.shop: subprocess.Popen[bytes] | None = None
        (folder / "site").mkdir(parents=True)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.stack.close()
            raise
        return self

    def _build(self) -> None:
        home, host = self.lands.address["home"], self.lands.address["site"]
        site.certify(self.folder / "site", host)
        self.open_shop()
        self.mail = self.stack.enter_context(MailSink(self.folder / "mail"))
        environment = {"GOLIVE_ALLOWED_HOSTS": home, "GOLIVE_HOST": EVERYWHERE}
        environment["GOLIVE_ALLOW_PRIVATE"] = PRIVATE
        self.install = Install(self.folder / "golive", environment=environment)
        self.stack.callback(self.close)
        self.install.start(PATIENCE)
        self.install.json("project", "add", PROJECT)
        self._sign_up()
        for region in REGIONS:
            self.tokens[region] = self.install.json("probe", "add", f"{region}-1", "--region", region)["token"]
            self.start_probe(region)
        plan = self.folder / "golive.toml"
        every, timeout, latency = (round(one * 1000) for one in (self.pace.every, self.pace.timeout, self.pace.latency))
        plan.write_text(PLAN.format(host=host, every=every, timeout=timeout, latency=latency, smtp=self.mail.smtp_url))
        self.install.run("apply", str(plan), "--project", PROJECT, "--yes", timeout_seconds=PATIENCE)
        token = self.install.json("token", "create", "--scope", "*", "--name", "bench")["token"]
        self.api = self.stack.enter_context(self.install.client(token))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def close(self) -> None:
        for region in list(self.probes):
            self.kill_probe(region)
        if self.shop is not None:
            self.kill_shop()
        self.install.kill_all()

    def _sign_up(self) -> None:
        link = self.install.json("owner", "link")["url"]
        with httpx.Client(trust_env=False, timeout=60, follow_redirects=True) as person:
            hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', person.get(link).text)
            data = {"email": PERSON, "name": "Eve", "password": PASSWORD}
            data["csrfmiddlewaretoken"] = hidden[1] if hidden else ""
            person.post(link, data=data, headers={"Referer": link}).raise_for_status()

    # The site and the probes.

    def open_shop(self) -> None:
        self.mood("well")
        words = self.lands.within("site", "bench.outages.site", self.lands.address["site"], str(self.folder / "site"))
        self.shop = subprocess.Popen(words)

    def kill_shop(self) -> None:
        assert self.shop is not None
        self.shop.send_signal(signal.SIGCONT)
        self.shop.kill()
        self.shop.wait()
        self.shop = None

    def stop_shop(self, how: signal.Signals) -> None:
        assert self.shop is not None
        self.shop.send_signal(how)

    def mood(self, mood: str) -> None:
        draft = self.folder / "site" / "mood.draft"
        draft.write_text(mood)
        draft.replace(self.folder / "site" / "mood")

    def start_probe(self, region: str) -> None:
        server = f"http://{self.lands.address['home']}:{self.install.port}"
        folder = self.folder / "probes" / region
        folder.mkdir(parents=True, exist_ok=True)
        words = self.lands.within(region, "golive.cli", "probe", "--server", server, "--folder", str(folder))
        environment = {**os.environ, "GOLIVE_PROBE_TOKEN": self.tokens[region], "GOLIVE_ALLOW_PRIVATE": PRIVATE}
        environment |= {"GOLIVE_DATA": str(folder), "SSL_CERT_FILE": str(self.folder / "site" / "root.pem")}
        with (folder / "log").open("ab") as log:
            self.probes[region] = subprocess.Popen(words, env=environment, stdout=log, stderr=log)

    def kill_probe(self, region: str) -> None:
        probe = self.probes.pop(region)
        probe.kill()
        probe.wait()

    # What golive makes of it.

    def asked(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of golive's database, only read."""
        with sqlite3.connect(f"file:{self.install.data}/golive.db?mode=ro", uri=True, timeout=30) as database:
            return database.execute(question, values).fetchall()

    def last_flip(self) -> int:
        return int(self.asked("SELECT coalesce(max(id), 0) FROM alerts_flip")[0][0])

    def flips(self, after: int, source: str = "") -> list[dict[str, Any]]:
        found = self.asked(
            "SELECT source, title, new, severity, reason, at, evidence FROM alerts_flip WHERE id > ? ORDER BY id", after
        )
        names = ("source", "title", "new", "severity", "reason", "at", "evidence")
        rows = [dict(zip(names, row, strict=True)) for row in found]
        return [row for row in rows if row["source"].startswith(source)]

    def pages_since(self, at: datetime) -> list[Any]:
        """Mails with a link to acknowledge, oldest first."""
        found = self.mail.mailbox.messages(to=PERSON)
        return sorted(
            (one for one in found if one.received_at >= at and any("/a/" in link for link in one.links)),
            key=lambda one: one.received_at,
        )

    def shown(self) -> tuple[str, datetime] | None:
        """The worst state on the status page as its file says, and when that was written."""
        file = self.install.data / "status" / PROJECT / "api" / "v2" / "summary.json"
        try:
            page, written = json.loads(file.read_text()), file.stat().st_mtime
        except (OSError, ValueError):
            return None
        states = [component["status"] for component in page["components"]]
        order = (
            "major_outage",
            "partial_outage",
            "degraded_performance",
            "under_maintenance",
            "unknown",
            "operational",
        )
        return min(states, key=order.index), datetime.fromtimestamp(written, UTC)

    def states(self) -> list[tuple[Any, ...]]:
        return self.asked(
            "SELECT c.name, s.state FROM checks_check c JOIN checks_checkstate s ON s.check_row_id = c.id ORDER BY 1"
        )

    def all_well(self) -> bool:
        states = self.states()
        shown = self.shown()
        return bool(states) and {one[1] for one in states} == {"ok"} and bool(shown) and shown[0] == "operational"

    def voices(self) -> bool:
        """Whether every probe is heard of and none has trouble."""
        found = self.asked("SELECT seen_at, fault FROM checks_probe")
        now = datetime.now(UTC)
        times = [datetime.fromisoformat(at).replace(tzinfo=UTC) for at, fault in found if at and not fault]
        return len(times) == len(REGIONS) and all((now - at).total_seconds() < 10 for at in times)

    def settle(self) -> None:
        """Close what is open, so that the next failure pages anew."""
        for incident in self.api.get(f"projects/{PROJECT}/incidents").raise_for_status().json():
            if incident["state"] not in ("resolved", "reviewed"):
                body = {"cause": "made for the bench", "none_needed": "it was made for the bench"}
                self.api.post(f"projects/{PROJECT}/incidents/{incident['number']}/resolution", json=body)


def until(what: str, look: Callable[[], Any], seconds: float) -> Any:
    """Look again and again. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {seconds:.0f} s")
        time.sleep(0.05)
    return found
