"""Asks the front all through a switch, as a customer would, and counts: requests, failures, p99."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass(frozen=True)
class Address:
    """Where the front answers for a domain, from this machine."""

    scheme: str
    domain: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"


@dataclass
class Availability:
    """A prober that runs until stopped. Redirects count as answers, 5xx and no answer as failures."""

    address: Address
    headers: dict[str, str]
    every_seconds: float = 0.1
    times_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    last: int = 0
    last_problem: str = ""
    streak: int = 0  # failures in a row

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, name="availability", daemon=True)

    def start(self) -> "Availability":
        self._thread.start()
        return self

    def stop(self) -> dict[str, Any]:
        """End, and sum up what was seen."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        return self.summary()

    def summary(self) -> dict[str, Any]:
        times = sorted(self.times_ms)
        return {
            "requests": len(times) + len(self.failures),
            "failures": len(self.failures),
            "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 1) if times else None,
            "problems": sorted(set(self.failures))[:5],
        }

    def _ask_on(self) -> None:
        with httpx.Client(verify=False, trust_env=False, timeout=10) as client:  # noqa: S501 (our own front, by its address)
            while not self._stop.is_set():
                self._ask(client)
                self._stop.wait(self.every_seconds)

    def _ask(self, client: httpx.Client) -> None:
        began = time.monotonic()
        try:
            answer = client.get(
                self.address.url,
                headers={**self.headers, "Host": self.address.domain},
                extensions={"sni_hostname": self.address.domain},
            )
        except httpx.HTTPError as error:
            self._failed(0, str(error) or type(error).__name__)
            return
        if answer.status_code >= 500:
            self._failed(answer.status_code, f"answered {answer.status_code}")
            return
        self.times_ms.append((time.monotonic() - began) * 1000)
        self.last, self.streak = answer.status_code, 0

    def _failed(self, status: int, problem: str) -> None:
        self.failures.append(problem)
        self.last, self.last_problem, self.streak = status, problem, self.streak + 1
