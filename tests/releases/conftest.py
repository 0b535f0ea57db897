"""A host with Caddy and a keeper of its own, and a product that is deployed to it."""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.demo.install import free_ports
from golive.alerts.models import Flip
from golive.incidents.intake import take_flips
from golive.incidents.models import Incident
from golive.people.models import Project
from golive.releases import door
from golive.releases.host import keeper, units
from golive.releases.host.keeper import KeeperSupervisor
from golive.releases.host.place import Place, place
from golive.releases.models import Deploy, DeploySettings, Environment, Release

SHOP = Path(__file__).parent / "shop"
QUICK = {
    "watch": "600ms", "start_timeout": "2m", "drain": "1s", "healthy": 2, "https": "off", "health": "/healthz",
    "slack": "5s",
}  # fmt: skip


@pytest.fixture(scope="session")
def ports() -> Iterator[tuple[int, int]]:
    """The front's ports in this test process."""
    plain, secure = free_ports(2)
    before = dict(os.environ)
    os.environ |= {"GOLIVE_HTTP_PORT": str(plain), "GOLIVE_HTTPS_PORT": str(secure), "GOLIVE_FRONT_LISTEN": "127.0.0.1"}
    yield plain, secure
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def front(ports: tuple[int, int]) -> Iterator[Place]:
    """The host's place; Caddy and the keeper are ended with the session."""
    where = place().make()
    yield where
    end(where)


def end(where: Place) -> None:
    """End everything of a place, its keeper last. Done twice it does nothing: imported fixtures end twice."""
    names = units.names(where)
    if names:
        KeeperSupervisor(where).stop(names)
        units.wait_gone(where, names, 20)
    if pid := keeper.keeper_pid(where):
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not keeper.keeper_runs(where))


@dataclass
class Shop:
    """A project whose releases are made by `build`."""

    project: Project
    folder: Path
    port: int
    settings: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    @property
    def where(self) -> Environment:
        found = door.environment(self.project)
        found.refresh_from_db()
        return found

    def build(self, *, settings: dict[str, Any] | None = None, **behaviour: Any) -> Release:
        """A release that behaves so."""
        self.count += 1
        source = self.folder / str(self.count)
        shutil.copytree(SHOP, source)
        (source / "behaviour.json").write_text(json.dumps(behaviour))
        DeploySettings.objects.update_or_create(
            project=self.project, defaults={"deploy": {**self.settings, **(settings or {})}}
        )
        return door.build(self.project, source, f"{self.count:040x}"[::-1])

    def ship(self, *, settings: dict[str, Any] | None = None, **behaviour: Any) -> door.Outcome:
        return door.deploy(self.build(settings=settings, **behaviour), self.where)

    def good(self) -> str:
        """A good release is deployed; its name."""
        outcome = self.ship()
        assert outcome.well, outcome.reason
        return self.serves()

    def get(self, path: str = "/") -> httpx.Response:
        return httpx.get(
            f"http://127.0.0.1:{self.port}{path}", headers={"Host": "shop.localhost"}, trust_env=False, timeout=60
        )

    def serves(self) -> str:
        return self.get().text

    def flips(self) -> list[tuple[str, str]]:
        return [(flip.new, flip.severity) for flip in Flip.objects.filter(project=self.project).order_by("id")]

    def incident(self) -> str:
        """The one incident that was opened, and is mitigated since the release before serves: why, in its timeline."""
        take_flips(door.now())
        found = Incident.objects.get(project=self.project)
        assert found.state == "mitigated"
        return " ".join(found.timeline.values_list("text", flat=True))

    def last(self) -> Deploy:
        return Deploy.objects.filter(environment__project=self.project).latest("id")


@pytest.fixture
def shop(db: None, front: Place, ports: tuple[int, int], tmp_path: Path) -> Iterator[Shop]:
    """A shop with nothing deployed yet; its processes are ended afterwards."""
    run = f"{sys.executable} server.py $SOCKET"
    made = Shop(
        Project.objects.create(slug="shop", name="shop"),
        tmp_path,
        ports[0],
        {**QUICK, "processes": {"web": {"run": run}}, "build": []},
    )
    yield made
    supervisor = KeeperSupervisor(front)
    names = [name for name in units.names(front) if name != "caddy"]
    if names:
        supervisor.stop(names)
        assert units.wait_gone(front, names, 20)
    shutil.rmtree(front.releases("shop"), ignore_errors=True)


class Customers:
    """People who keep asking, half of them with POST, on connections that they keep."""

    def __init__(self, port: int, paths: tuple[str, ...] = ("/", "/projects"), number: int = 2) -> None:
        self.port, self.paths = port, paths
        self.seen: Counter[str] = Counter()
        self.releases: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,), daemon=True) for i in range(number)]

    def __enter__(self) -> "Customers":
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + 30
        while sum(self.seen.values()) < 60 and time.monotonic() < end:  # so that there is something to compare with
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def failed(self) -> dict[str, int]:
        return {word: count for word, count in self.seen.items() if word not in ("200",)}

    def _ask(self, number: int) -> None:
        with httpx.Client(trust_env=False, timeout=60, headers={"Host": "shop.localhost"}) as client:
            turn = number
            while not self._stop.is_set():
                turn += 1
                try:
                    url = f"http://127.0.0.1:{self.port}{self.paths[turn % len(self.paths)]}"
                    answer = client.post(url, content=b"x" * 500) if turn % 2 else client.get(url)
                    self.seen[str(answer.status_code)] += 1
                    self.releases |= {answer.text} if answer.status_code == 200 else set()
                except httpx.HTTPError as error:
                    self.seen[repr(error)] += 1
                time.sleep(0.004)


@pytest.fixture
def customers(ports: tuple[int, int]) -> Customers:
    return Customers(ports[0])


def wait_for(holds: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)
