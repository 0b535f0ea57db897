"""A remote probe against a real golive: it reports what it sees, keeps it while the server is away, and is refused."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.demo.install import Install
from golive.checks import renewal
from golive.checks.errands import Repository
from golive.checks.kinds.http import HttpSection
from golive.checks.outbox import Outbox
from golive.checks.probe import Target
from golive.checks.remote import PATH, Refused, Uplink
from golive.checks.remote import run as run_probe
from golive.checks.renewal import Attempted


def until(condition: Callable[[], Any], seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def test_the_outbox_numbers_without_gaps_and_forgets_what_is_taken(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", most=5)
    assert outbox.first(10) == (1, [])
    outbox.add([{"n": n} for n in range(4)])
    assert outbox.first(2) == (1, [{"n": 0}, {"n": 1}])
    outbox.forget(2)
    assert outbox.first(10) == (3, [{"n": 2}, {"n": 3}])
    outbox.close()
    again = Outbox(tmp_path / "outbox.db", most=5)
    again.forget(4)
    assert again.first(10) == (5, [])
    again.add([{"n": n} for n in range(8)])
    assert [look["n"] for look in again.first(10)[1]] == [3, 4, 5, 6, 7]  # the oldest went first
    again.forget(100)
    again.skip_to(50)
    again.add([{"n": 1}])
    assert again.first(10) == (51, [{"n": 1}])


class Server:
    """A server that answers as it is told."""

    def __init__(self) -> None:
        self.status, self.reports = 200, list[dict[str, Any]]()
        self.orders: dict[str, Any] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.path == PATH
                outer.reports.append(body)
                self.send_response(outer.status)
                self.end_headers()
                taken = body["first"] + len(body["results"]) - 1
                self.wfile.write(json.dumps({"taken": taken, "poll_seconds": 0.1, **outer.orders}).encode())

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def orders() -> dict[str, Any]:
    sent = {
        "number": 7, "project": "acme", "name": "home", "url": "http://127.0.0.1:1/", "every": 60.0, "timeout": 1.0,
        "latency": None, "environment": "production", "kind": "http", "secrets": {"token": "very-private"},
        "trouble": "", "wanted": HttpSection(url="http://127.0.0.1:1/").model_dump(mode="json", by_alias=True),
    }  # fmt: skip
    return {"checks": [sent], "hash": "h1", "again": [7], "region": "eu", "marker": "0" * 12}


def test_what_is_seen_waits_for_the_server_and_orders_survive_a_restart(server: Server, tmp_path: Path) -> None:
    uplink = Uplink(server.url, "glt_x", tmp_path)
    server.orders = orders()
    uplink.exchange()
    targets = uplink.targets()
    assert targets is not None
    target: Target = targets[7][0]
    assert (target.name, target.every, target.secrets["token"]) == ("home", timedelta(seconds=60), "very-private")
    assert uplink.targets() is None
    assert uplink.asked() == [7]
    server.status = 503
    uplink.outbox.add([{"n": 1}, {"n": 2}])
    first = uplink.exchange()
    assert uplink.exchange() > first  # it waits longer and longer
    uplink.close()
    assert b"very-private" not in (tmp_path / "checks.sealed").read_bytes()
    again = Uplink(server.url, "glt_x", tmp_path)
    assert list(again.targets() or {}) == [7]
    server.status, server.orders = 200, {**orders(), "checks": None}
    again.exchange()
    assert server.reports[-1]["results"] == [{"n": 1}, {"n": 2}]
    assert (server.reports[-1]["known"], len(again.outbox)) == ("h1", 0)
    again.close()
    other = Uplink(server.url, "glt_other", tmp_path)  # another token cannot read what this one was told
    assert other.orders == {}
    server.status = 403
    with pytest.raises(Refused, match="golive probe add"):
        other.exchange()
    other.close()


def test_a_probe_becomes_the_servers_version_under_the_same_number_and_loses_nothing(
    server: Server, tmp_path: Path
) -> None:
    server.orders = {**orders(), "again": [], "version": "9.9.9"}
    code = f"import sys, pathlib; pathlib.Path({str(tmp_path / 'installed')!r}).open('a').write(sys.argv[1])"
    environment = {**os.environ, "GOLIVE_PROBE_TOKEN": "glt_x", "GOLIVE_DATA": str(tmp_path)}
    environment |= {
        "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8",
        "GOLIVE_PROBE_UPDATE": f'{sys.executable} -c "{code}" VERSION',
    }
    Outbox(tmp_path / "outbox.db").add([{"n": 1}])
    words = [sys.executable, "-m", "golive.cli", "probe", "--server", server.url, "--folder", str(tmp_path)]
    with (tmp_path / "log").open("wb") as log:
        probe = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        # The new program says again for whom it probes; as its version is the old one still, it does not try twice.
        until(lambda: (tmp_path / "log").read_text().count("probing for") == 2)
        until(lambda: "9.9.9 was tried at" in (tmp_path / "log").read_text())
        assert probe.poll() is None
    finally:
        probe.terminate()
        probe.wait(60)
    assert (tmp_path / "installed").read_text() == "9.9.9"
    assert {"n": 1} in [look for report in server.reports for look in report["results"]]


@pytest.mark.parametrize(
    ("offered", "last", "fixed", "now"),
    [
        ("1.0", None, "", False),  # as it is
        ("1.1", None, "", True),
        ("0.9", None, "", True),  # a server that went back takes its probes along
        ("1.1", None, "updates are off", False),
        ("1.1", ("1.1", 5), "", False),  # tried five hours ago
        ("1.1", ("1.1", 7), "", True),
        ("1.2", ("1.1", 1), "", True),
        ("1.1; rm -rf /", None, "", False),
        ("-r evil", None, "", False),
        ("", None, "", False),
    ],
)
def test_when_a_probe_updates(offered: str, last: tuple[str, int] | None, fixed: str, now: bool) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    tried = Attempted(last[0], at - timedelta(hours=last[1])) if last else None
    assert renewal.decide(offered, "1.0", tried, at, fixed).now is now


TOML = """
[app]
name = "probed"
url = "http://127.0.0.1:9"
[checks.everywhere]
url = "{url}"
every = "1s"
[checks.here]
url = "{url}"
every = "1s"
regions = ["built-in"]
[checks.buy]
file = "checks/test_buy.py"
every = "10m"
regions = ["eu"]
environment = {{ CARD = "secret:not-needed-here" }}
[maintenance.move]
start = 2026-01-01T03:00:00
every = "7d"
length = "1h"
zone = "Europe/Berlin"
"""


JOURNEY = """
import os
from pathlib import Path
from golive_client.journeys import journey
from golive_client.journeys.tag import genuine

@journey(proves="shop.buy")
def test_buy(base_url, journey_tag, journey_folder, request):
    said = journey_tag.headers()["baggage"].partition(",")[0].removeprefix("synthetic=")
    assert os.environ["CARD"] == "4242"
    assert genuine(said, journey_tag.trace_id)
    assert "GOLIVE_PROBE_TOKEN" not in os.environ
    from golive_client.journeys.plugin import RECORD
    place, evidence = journey_folder.place("test_buy", "screenshot", ".png")
    place.write_bytes(b"a picture")
    request.node.stash[RECORD].evidence.append(evidence)
    assert False, "the card was refused at " + base_url
"""


def test_a_probe_reports_to_golive_runs_journeys_and_can_do_nothing_else(
    golive_up: Install, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path / "elsewhere"))  # another machine: keys of its own
    monkeypatch.setenv("CARD", "4242")
    there = tmp_path / "there"
    (there / "checks").mkdir(parents=True)
    (there / "checks" / "test_buy.py").write_text(JOURNEY)
    golive_up.json("project", "add", "probed")
    file = tmp_path / "golive.toml"
    file.write_text(TOML.format(url=f"{golive_up.url}/login/"))
    token = golive_up.json("probe", "add", "fra-1", "--region", "eu")["token"]
    reader = golive_up.json("token", "create", "--scope", "checks:read", "--name", "reader")["token"]
    stop = threading.Event()

    def look() -> None:
        with suppress(Refused):  # in the end it is dismissed
            run_probe(
                golive_up.url, token, tmp_path / "probe", stop, repository=Repository(there, Path(sys.executable))
            )

    thread = threading.Thread(target=look)
    thread.start()
    try:
        # Refused until the probe has said that it runs journeys.
        until(lambda: golive_up.attempt("apply", str(file), "--project", "probed", "--yes").returncode == 0)
        with httpx.Client(base_url=f"{golive_up.url}/api/v1", headers={"Authorization": f"Bearer {reader}"}) as api:

            def results(name: str) -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = api.get(f"/projects/probed/checks/{name}/results").json()
                return found

            until(lambda: {row["region"] for row in results("everywhere")} >= {"eu"})
            assert "eu" not in {row["region"] for row in results("here")}
            listed = json.loads(golive_up.attempt("probe", "list", "--json").stdout)
            assert [(one["name"], one["region"], one["journeys"]) for one in listed] == [("fra-1", "eu", True)]
            until(lambda: api.get("/projects/probed/checks/buy").json()["state"] == "down", 240)  # tried twice
            assert "the card was refused at http" in api.get("/projects/probed/checks/buy").json()["reason"]
            assert {(row["region"], row["kind"], row["ok"]) for row in results("buy")} == {("eu", "journey", False)}
        picture = until(lambda: list((golive_up.data / "journeys").glob("*/buy/*/test_buy.screenshot.png")))
        assert picture[0].read_bytes() == b"a picture"
        until(lambda: not list((tmp_path / "probe" / "runs").iterdir()))  # handed over, so forgotten here
        mine = {"Authorization": f"Bearer {token}"}
        unknown = f"{golive_up.url}/api/v1/probe/runs/{'0' * 32}/evidence/x.png"
        assert httpx.post(unknown, headers=mine, content=b"x").status_code == 404
        for path in ("/projects/probed/checks", "/projects/probed/incidents"):
            assert httpx.get(f"{golive_up.url}/api/v1{path}", headers=mine).status_code == 403
        others = {"Authorization": f"Bearer {reader}"}
        assert httpx.post(f"{golive_up.url}{PATH}", headers=others, json={}).status_code in (403, 422)
        golive_up.run("probe", "remove", "fra-1")
        assert httpx.post(f"{golive_up.url}{PATH}", headers=mine, json={}).status_code == 401
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
