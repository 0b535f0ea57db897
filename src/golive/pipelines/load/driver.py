"""The load generator's process: Locust users against one host, level by level; a JSON line for each on standard output.

`python -m golive.pipelines.load.driver` reads its orders as JSON from standard input. It knows no Django and no secrets
but the pass to a preview. gevent must patch the standard library before anything else is imported.
"""

from gevent import monkey

monkey.patch_all()

import collections  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import secrets  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from dataclasses import asdict, dataclass, field  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import urljoin, urlsplit  # noqa: E402

import gevent  # noqa: E402
import psutil  # noqa: E402
import urllib3  # noqa: E402
from locust import HttpUser, between, task  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.user.users import User  # noqa: E402
from locust.util.load_locustfile import load_locustfile  # noqa: E402

from golive.pipelines.load.climb import Level, Target, following  # noqa: E402

TIMEOUT_SECONDS = 30.0
LONGEST_SETTLE_SECONDS = 10.0


@dataclass
class Seen:
    """The requests of one level."""

    times_ms: list[float] = field(default_factory=list)
    failures: int = 0
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    messages: collections.Counter[str] = field(default_factory=collections.Counter)

    def note(self, response_time: float, response: Any, exception: BaseException | None, **_: Any) -> None:
        """Locust's event for each request that has ended."""
        status = int(getattr(response, "status_code", 0) or 0)
        self.times_ms.append(response_time)
        if exception is not None or status == 0 or status == 429 or status >= 500:
            self.failures += 1
        if status:
            self.statuses[str(status)] += 1
        elif exception is not None:
            self.messages[f"{type(exception).__name__}: {exception}"[-200:]] += 1


def visitor(orders: dict[str, Any]) -> type[User]:
    """A user who opens pages at random and thinks in between."""
    paths, think = list(orders["paths"]), float(orders["think"])

    class Visitor(HttpUser):
        wait_time = between(think * 0.5, think * 1.5)

        @task
        def open_page(self) -> None:
            path = random.choice(paths)  # noqa: S311 (no secret)
            self.client.get(path, name=path, timeout=TIMEOUT_SECONDS, headers=traced(orders["marker"]))

    return Visitor


def traced(marker: str) -> dict[str, str]:
    """A trace id by which golive knows its own traffic."""
    if not marker:
        return {}
    trace = (marker + secrets.token_hex(16))[:32]
    return {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}


def users_of(orders: dict[str, Any]) -> list[type[User]]:
    """The users of the repository's own locustfile, or visitors."""
    if not orders["file"]:
        return [visitor(orders)]
    sys.path.insert(0, os.path.dirname(os.path.abspath(orders["file"])))  # noqa: PTH100, PTH120
    found = load_locustfile(orders["file"])
    users = list(found[0].values())
    if not users:
        sys.exit(f"{orders['file']} has no Locust user")
    return users


def dressed(users: list[type[User]], orders: dict[str, Any]) -> None:
    """Each user is let into the preview, and trusts its certificate where golive's own front made it."""
    for kind in users:
        before = kind.on_start

        def on_start(self: Any, before: Any = before) -> None:
            client = getattr(self, "client", None)
            if client is not None and hasattr(client, "headers"):
                client.headers.update(orders["headers"])
                client.verify = not orders["own_certificate"]
                stay(client, orders["host"])
            before(self)

        kind.on_start = on_start  # type: ignore[method-assign]
        last = kind.on_stop

        def on_stop(self: Any, last: Any = last) -> None:
            last(self)
            client = getattr(self, "client", None)
            if client is not None and hasattr(client, "close"):
                client.close()  # who has left holds no connection

        kind.on_stop = on_stop  # type: ignore[method-assign]


def stay(client: Any, host: str) -> None:
    """Redirects are followed on the product's own host only: no load, and no pass to the preview, for anybody else."""
    own, real = urlsplit(host).hostname, client.get_redirect_target

    def target(response: Any) -> str | None:
        place: str | None = real(response)
        return place if place and urlsplit(urljoin(response.url, place)).hostname == own else None

    client.get_redirect_target = target


def led(name: str, place: str) -> None:
    """Connections to a name go to this machine: its front serves domains that no resolver knows."""
    real = socket.getaddrinfo

    def found(host: Any, *words: Any, **more: Any) -> Any:
        return real(place if host == name else host, *words, **more)

    socket.getaddrinfo = found


def main() -> None:
    """Climb until the answer is known."""
    orders: dict[str, Any] = json.load(sys.stdin)
    lines, sys.stdout = sys.stdout, sys.stderr  # what a locustfile prints is no line of ours
    logging.basicConfig(level=logging.ERROR)
    urllib3.disable_warnings()
    if orders["lead"]:
        led(*orders["lead"])
    users = users_of(orders)
    dressed(users, orders)
    environment = Environment(user_classes=users, host=orders["host"], catch_exceptions=True)
    runner = environment.create_local_runner()
    target = Target(**orders["target"])
    levels: list[Level] = []
    seen = Seen()
    environment.events.request.add_listener(lambda **given: seen.note(**given))  # type: ignore[no-untyped-call]
    process = psutil.Process()
    while (count := following(levels, target, orders["first"], orders["most"])) is not None:
        since = time.time()
        runner.start(count, spawn_rate=max(10.0, count / 3))
        began = time.monotonic()
        while runner.user_count != count and time.monotonic() - began < LONGEST_SETTLE_SECONDS:
            gevent.sleep(0.1)
        gevent.sleep(max(1.0, float(orders["think"])))  # those who came last have begun
        seen = Seen()
        process.cpu_percent()
        began = time.monotonic()
        gevent.sleep(orders["hold"])
        took = time.monotonic() - began
        level = measured(seen, count, took, process.cpu_percent() / 100)
        levels.append(level)
        print(json.dumps({"level": asdict(level), "from": since, "until": time.time()}), file=lines, flush=True)
    runner.quit()


def measured(seen: Seen, users: int, seconds: float, generator: float) -> Level:
    """One level's figures."""
    times = sorted(seen.times_ms)

    def at(share: float) -> float | None:
        return round(times[min(len(times) - 1, int(len(times) * share))], 1) if times else None

    statuses, messages = dict(seen.statuses), dict(seen.messages.most_common(5))
    return Level(
        users, round(seconds, 2), len(times), seen.failures, at(0.5), at(0.95), round(generator, 3), statuses, messages
    )


if __name__ == "__main__":
    main()
