"""`golive load`: how users climb, what the answer says, what is concluded from what was seen; one real small climb."""

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from django.test import Client
from django.utils import timezone

from golive.people import tokens
from golive.people.models import Project, Role, User
from golive.pipelines.load import aim, trial
from golive.pipelines.load.answer import Before, Verdict, answer
from golive.pipelines.load.cause import Cause, Database, Evidence, cause
from golive.pipelines.load.climb import Level, Target, broken, following
from golive.pipelines.load.section import LoadSection
from golive.pipelines.models import LoadTest
from golive.releases.models import DeploySettings, Environment

TARGET = Target(p95_ms=500, errors=0.01)


def level(users: int, p95: float = 100, failures: int = 0, generator: float = 0.1) -> Level:
    return Level(users, 10, 1000, failures, p95 / 2, p95, generator)


@pytest.mark.parametrize(("breaks_at", "tried"), [(140, 16), (1, 16), (10, 16), (999, 16), (10_000, 16)])
def test_the_climb_ends_close_to_where_it_breaks(breaks_at: int, tried: int) -> None:
    levels: list[Level] = []
    while (users := following(levels, TARGET, 10, 1000)) is not None:
        levels.append(level(users, p95=900 if users >= breaks_at else 100))
        assert len(levels) <= tried
    said = answer(levels, TARGET, Cause("connection pool", ""))
    if breaks_at > 1000:
        assert (said.verdict, said.held, said.broke) == (Verdict.HELD, 1000, None)
    else:
        assert said.broke is not None
        assert breaks_at <= said.broke <= breaks_at * 1.12 + 1
        assert said.sentence.startswith(f"It breaks at {said.broke} user")
        assert "connection pool" in said.sentence


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (level(10), ""),
        (level(10, p95=501), "p95 is 501 ms, 500 ms is the target"),
        (level(10, failures=11), "1.1% of requests failed, 1.0% may"),
        (Level(10, 10, 0, 0, None, None), "no request was answered"),
    ],
)
def test_what_breaks(seen: Level, said: str) -> None:
    assert broken(seen, TARGET) == said


def test_a_busy_generator_blames_nobody() -> None:
    levels = [level(10), level(20, p95=900, generator=0.97)]
    assert following(levels, TARGET, 10, 1000) is None
    said = answer(levels, TARGET, None)
    assert (said.verdict, said.held, said.broke) == (Verdict.UNKNOWN, 10, None)
    assert "load generator itself was busy" in said.sentence


@pytest.mark.parametrize(
    ("before", "wanted", "verdict", "words"),
    [
        (None, 0, Verdict.BROKE, "no earlier test"),
        (Before("shop@1", 160, 200), 0, Verdict.WORSE, "shop@1 broke at 200: 60 users fewer now (-38%)"),
        (Before("shop@1", 60, 70), 0, Verdict.BROKE, "shop@1 broke at 70: 40 users more now (+67%)"),
        (Before("shop@1", 105, 110), 0, Verdict.BROKE, "shop@1 broke at 110: about the same"),
        (Before("shop@1", 90, None), 0, Verdict.BROKE, "shop@1 held 90, the most that were tried"),
        (None, 150, Verdict.WORSE, "150 are wanted and 100 held"),
    ],
)
def test_it_is_compared_with_the_last_release(before: Before | None, wanted: int, verdict: Verdict, words: str) -> None:
    said = answer([level(100), level(110, p95=800)], TARGET, None, before=before, wanted=wanted)
    assert said.verdict is verdict
    assert words in said.sentence


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (Evidence(errors={"TimeoutError: QueuePool limit of size 5 overflow 0 reached": 9}), "connection pool"),
        (Evidence(errors={"OperationalError: FATAL: sorry, too many clients already": 2}), "database connections"),
        (Evidence(errors={"KeyError: no such room": 50}, processors=0.3), "cause unknown"),
        (Evidence(errors={"ValueError: x": 50}, pools={"app": (10, 10)}), "connection pool"),
        (Evidence(pools={"app": (5, 10)}, database=Database(97, 97)), "database connections"),
        (Evidence(database=Database(20, 97, waiting_for_locks=9, active=10)), "database locks"),
        (Evidence(statuses={"200": 80, "429": 20}), "rate limit"),
        (Evidence(processors=0.99, idle=0.1, generator=0.2), "processors"),
        (Evidence(processors=0.99, idle=0.8), "cause unknown"),
        (Evidence(messages={"ConnectionError: Connection refused": 60}, statuses={"200": 40}), "no free process"),
        (Evidence(), "cause unknown"),
    ],
)
def test_what_gave_way(seen: Evidence, name: str) -> None:
    found = cause(seen)
    assert found.name == name
    assert found.reason


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:80", True),
        ("http://pr-1.preview.shop.localhost", True),
        ("https://shop.example", True),
        ("https://staging.shop.example", True),
        ("https://other.example", False),
        ("https://shop.example.evil.example", False),
        ("http://10.0.0.1", False),
        ("ftp://127.0.0.1", False),
        ("http://user:word@127.0.0.1", False),
    ],
)
def test_load_is_put_on_ones_own_product_only(url: str, allowed: bool) -> None:
    project = Project(slug="shop", name="shop", url="https://shop.example")
    if allowed:
        assert aim.at_address(project, url).host == url
    else:
        with pytest.raises(aim.AimError):
            aim.at_address(project, url)


@pytest.mark.parametrize(
    ("url", "customers"),
    [
        ("https://shop.example", True),
        ("http://shop.example", True),
        ("https://SHOP.example:443", True),
        ("https://eu.shop.example", True),
        ("https://staging.shop.example", False),
        ("http://127.0.0.1:8000", False),
    ],
)
def test_production_is_known_by_its_names(project: Project, url: str, customers: bool) -> None:
    project.url = "https://shop.example"
    project.save()
    Environment.objects.create(project=project, name="production", created_at=timezone.now())
    DeploySettings.objects.create(
        project=project, deploy={"processes": {"web": "run $SOCKET"}, "domains": ["eu.shop.example"]}
    )
    assert aim.is_production(project, aim.at_address(project, url)) is customers


class Narrow(BaseHTTPRequestHandler):
    """A product with five places: who keeps a sixth connection open gets errors."""

    protocol_version = "HTTP/1.1"
    places = threading.Semaphore(5)

    def setup(self) -> None:
        super().setup()
        self.seated = self.places.acquire(blocking=False)

    def finish(self) -> None:
        super().finish()
        if self.seated:
            self.places.release()

    def do_GET(self) -> None:
        self.send_response(200 if self.seated else 500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def narrow() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Narrow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.mark.django_db(transaction=True)
def test_a_real_climb_is_kept_and_shown(
    narrow: str, project: Project, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trial, "TELEMETRY_SECONDS", 0.0)
    client.force_login(User.objects.create_person("ada@shop.example", "long enough", Role.OWNER))
    assert b"golive load" in client.get("/p/shop/load/").content, "the empty page tells the next command"
    section = LoadSection(
        think=timedelta(milliseconds=100), hold=timedelta(seconds=1), first=3, most=12, p95=timedelta(seconds=30)
    )
    place = dataclasses.replace(aim.at_address(project, narrow), release="shop@2", here=False)
    lines: list[str] = []
    first = LoadTest.objects.create(
        project=project, host=narrow, release="shop@1", requested_by="ada", began_at="2026-01-01T00:00Z",
        ended_at="2026-01-01T00:01Z", p95_ms=500, errors=0.01, verdict="broke", sentence="x", held=5000, broke=6000,
    )  # fmt: skip
    made = trial.run(project, place, section, tmp_path, by="ada", tell=lines.append)
    assert made.pk != first.pk
    assert made.broke is not None, lines
    assert 3 <= made.held < made.broke <= 6, f"{made.sentence} {lines}"
    tried = [one["users"] for one in made.levels]
    assert tried == sorted(tried)
    assert (tried[0], tried[-1]) == (3, 6)
    assert made.verdict == Verdict.WORSE
    assert "shop@1 broke at 6000" in made.sentence
    assert sum(one["requests"] for one in made.levels) > 5
    page = client.get(made.link).content.decode()
    assert made.sentence in page
    assert made.sentence in client.get("/p/shop/runs/").content.decode()
    _, token = tokens.create("t", ["pipelines:read"])
    told = Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/projects/shop/load-tests")
    assert json.loads(told.content)[0]["broke"] == made.broke


NOISY = """
from locust import HttpUser, constant, task
print("a locustfile may say what it likes")
class Shopper(HttpUser):
    wait_time = constant(0.01)
    @task
    def buy(self):
        self.client.get("/away")
        raise ValueError("x" * 20_000)
"""


class Leading(BaseHTTPRequestHandler):
    """A product that leads its visitors to another host, and the host."""

    visited: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.visited.append(host)
        self.send_response(302 if host.startswith("127.0.0.1") else 200)
        self.send_header("Location", f"http://localhost:{host.partition(':')[2]}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.mark.django_db(transaction=True)
def test_a_locustfile_may_print_and_raise_and_nobody_else_is_visited(project: Project, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    section = LoadSection(file="noisy.py", think=timedelta(0), hold=timedelta(seconds=1), first=2, most=2)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Leading)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = aim.at_address(project, f"http://127.0.0.1:{server.server_address[1]}")
    made = trial.run(project, place, section, tmp_path, by="ada", tell=lambda text: None)
    server.shutdown()
    assert made.verdict == Verdict.HELD, made.sentence
    assert {name.partition(":")[0] for name in Leading.visited} == {"127.0.0.1"}


@pytest.mark.django_db(transaction=True)
def test_nobody_there_is_no_answer_and_no_green(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "TELEMETRY_SECONDS", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        place = aim.at_address(project, f"http://127.0.0.1:{taken.getsockname()[1]}")
        section = LoadSection(think=timedelta(milliseconds=100), hold=timedelta(seconds=1), first=1, most=1, wanted=1)
        made = trial.run(project, place, section, tmp_path, by="ada", tell=lambda text: None)
    assert (made.verdict, made.held, made.broke) == (Verdict.WORSE, 0, 1)
    assert "breaks at 1 user already: no free process" in made.sentence
