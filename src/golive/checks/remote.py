"""A probe that looks from elsewhere: learns from the server what to look at, hands over what it saw."""

import logging
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
from cryptography.fernet import Fernet, InvalidToken

from golive import __version__
from golive.alerts.models import State
from golive.checks.errand_runner import ErrandRunner
from golive.checks.errands import Repository
from golive.checks.exchange import MOST_RESULTS, POLL_SECONDS, unpack
from golive.checks.outbox import Outbox
from golive.checks.probe import Result, Target
from golive.checks.prober import Prober
from golive.checks.renewal import Renewer
from golive.checks.verdict import Position
from golive.kit.connections import Policy
from golive.kit.folders import write_private

log = logging.getLogger("golive.probe")
PATH = "/api/v1/probe/exchange"
LONGEST_WAIT_SECONDS = 30.0


class Refused(Exception):
    """The server does not want this probe; the message says why and what to do."""


class Uplink:
    """The probe's keeper: definitions come from the server, results go to it through the outbox."""

    def __init__(self, server: str, token: str, folder: Path, repository: Repository | None = None) -> None:
        self.client = httpx.Client(
            base_url=server.rstrip("/"), headers={"Authorization": f"Bearer {token}"}, timeout=20.0, trust_env=True
        )
        self.outbox = Outbox(folder / "outbox.db")
        self.kept = folder / "checks.sealed"
        self.box = Fernet(urlsafe_b64encode(sha256(token.encode()).digest()))
        self.orders: dict[str, Any] = self._remembered()
        self.changed = True
        self.again: list[int] = []
        self.details: dict[str, Any] = {}
        self.failures = 0
        self.offered = __version__  # the server's version
        self.lock = threading.Lock()
        self.runner = ErrandRunner(repository, folder, self.outbox, self.client) if repository else None
        if self.runner is not None and self.orders:
            self.runner.replace(self.orders)

    # What the prober asks of its keeper.

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        """What to look at; None when nothing changed."""
        with self.lock:
            if not self.changed:
                return None
            self.changed = False
            found = [unpack(given) for given in self.orders.get("checks") or []]
        return {target.number: (target, Position(State.UNKNOWN)) for target in found}

    def record(self, results: Sequence[Result]) -> None:
        """Keep results until the server has them."""
        self.outbox.add([look_of(result) for result in results])

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None:
        """How the probe does, for the server's page."""
        self.details = details

    def asked(self) -> Sequence[int]:
        """What the server wants to be looked at now."""
        with self.lock:
            again, self.again = self.again, []
        return again

    # The other direction.

    def exchange(self) -> float:
        """Talk to the server once; how long to wait until the next time. Raises Refused."""
        first, looks = self.outbox.first(MOST_RESULTS)
        report = {
            "version": __version__,
            "sent_at": time.time(),
            "known": self.orders.get("hash", ""),
            "first": first,
            "results": looks,
            "details": {**self.details, "waiting": len(self.outbox), "journeys": int(self.runner is not None)},
        }
        try:
            answer = self.client.post(PATH, json=report)
        except httpx.HTTPError as error:
            return self._away(str(error) or type(error).__name__)
        if answer.status_code in (401, 403):
            raise Refused(f"the server refuses this token ({answer.status_code}); make one with `golive probe add`")
        if answer.status_code in (400, 422):
            raise Refused(f"the server does not understand this probe ({answer.text[:200]}); update it")
        if not answer.is_success:
            return self._away(f"it answered {answer.status_code}")
        if self.failures:
            log.info("the server is back; %d results waited", len(self.outbox))
        self.failures = 0
        return self._heed(answer.json(), first, looks)

    def _heed(self, orders: dict[str, Any], first: int, looks: Sequence[object]) -> float:
        taken = int(orders["taken"])
        self.offered = str(orders.get("version") or __version__)
        if looks and taken >= first:
            self.outbox.forget(taken)
        self.outbox.skip_to(taken)
        with self.lock:
            self.again += orders["again"]
            if orders["checks"] is not None:
                self.orders, self.changed = orders, True
        if self.runner is not None:
            self.runner.hurry(orders["again"])
        if orders["checks"] is not None:
            if self.runner is not None:
                self.runner.replace(orders)
            write_private(self.kept, self.box.encrypt(orjson.dumps(orders)))
        return 0.05 if len(looks) == MOST_RESULTS or len(self.outbox) > MOST_RESULTS else float(orders["poll_seconds"])

    def _away(self, why: str) -> float:
        if self.failures == 0:
            log.warning("the server cannot be reached (%s); results are kept here", why)
        self.failures += 1
        return float(min(POLL_SECONDS * 2 ** min(self.failures, 4), LONGEST_WAIT_SECONDS))

    def _remembered(self) -> dict[str, Any]:
        """What to look at according to the last orders, so that a restart without the server loses nothing."""
        try:
            found: dict[str, Any] = orjson.loads(self.box.decrypt(self.kept.read_bytes()))
        except (OSError, InvalidToken, orjson.JSONDecodeError):
            return {}
        return found

    def close(self) -> None:
        self.client.close()
        self.outbox.close()


def look_of(result: Result) -> dict[str, Any]:
    phases = result.phases
    parts = {name: round(value, 2) for name in phases.__dataclass_fields__ if (value := getattr(phases, name))}
    return {
        "check": result.target.number,
        "at": result.attempt.at.timestamp(),
        "outcome": result.attempt.outcome.value,
        "reason": result.attempt.reason[:400],
        "status": result.status,
        "phases": parts,
        "trace_id": result.trace_id,
    }


def run(
    server: str,
    token: str,
    folder: Path,
    stop: threading.Event,
    renewer: Renewer | None = None,
    repository: Repository | None = None,
) -> bool:
    """Probe until `stop` is set; true when a newer version was installed and the program must begin anew.

    With a `repository` it runs journeys too. Raises Refused when the server does not want this probe.
    """
    uplink = Uplink(server, token, folder, repository)
    renewed = False
    try:
        while not uplink.orders and not stop.is_set():
            stop.wait(uplink.exchange())
        if stop.is_set():
            return False
        prober = Prober(uplink, uplink.orders["marker"], Policy.from_environment(), region=uplink.orders["region"])
        looking = threading.Thread(target=prober.run, args=(stop,), name="probe", daemon=True)
        running = threading.Thread(target=uplink.runner.run, args=(stop,), name="journeys") if uplink.runner else None
        looking.start()
        if running is not None:
            running.start()
        try:
            while not stop.is_set():
                stop.wait(uplink.exchange())
                if renewer is not None and uplink.failures == 0 and renewer.heed(uplink.offered):
                    renewed = True
                    stop.set()
        finally:
            stop.set()
            looking.join(10)
            if running is not None:
                running.join(30)
        uplink.exchange()
    finally:
        uplink.close()
    return renewed
