"""The plugin as golive calls it: a pytest of its own, on journeys in a folder of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from golive_client.journeys.http import Log, tagged
from golive_client.journeys.tag import TICKET, Tag, genuine, signature

SITE = "<title>shop</title><h1>Shop</h1><script>console.log('hello from the page')</script>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("content-type", "text/html")
        self.send_header("set-cookie", "session=very-private")
        self.end_headers()
        self.wfile.write(SITE.encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Ran:
    def __init__(self, folder: Path, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.output, self.folder = done.returncode, done.stdout, folder / "out"
        file = self.folder / "results.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        self.results: list[dict[str, Any]] = [line["result"] for line in lines if "result" in line]
        self.end = next((line["end"] for line in lines if "end" in line), None)

    def evidence(self, kind: str) -> Path:
        return next(self.folder / one["file"] for r in self.results for one in r["evidence"] if one["kind"] == kind)


def run(folder: Path, text: str, site: ThreadingHTTPServer | None = None, *options: str) -> Ran:
    (folder / "test_it.py").write_text("from golive_client.journeys import journey, step\n" + text)
    url = {"GOLIVE_BASE_URL": f"http://127.0.0.1:{site.server_port}"} if site else {}
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GOLIVE", "DJANGO"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "golive_client.journeys.plugin", "--journeys=out", *options],
        cwd=folder,
        env={**environment, **url, "GOLIVE_TRACE_PREFIX": "abcdefabcdef", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ran(folder, done)


def test_only_journeys_run_and_each_leaves_a_result(tmp_path: Path, site: ThreadingHTTPServer) -> None:
    ran = run(
        tmp_path,
        """
@journey(proves=["shop.browse", "shop.buy"])
def test_browse(api):
    with step("open the shop"):
        assert api.get("/").status_code == 200

def test_other():
    assert False
""",
        site,
    )
    assert ran.code == 0, ran.output
    (result,) = ran.results
    assert (result["outcome"], result["proves"]) == ("passed", ["shop.browse", "shop.buy"])
    assert [(one["name"], one["ok"]) for one in result["steps"]] == [("open the shop", True)]
    assert result["evidence"] == []
    assert ran.end == {"collected": 1, "exit_status": 0}
    ((_, headers),) = site.seen  # type: ignore[attr-defined]
    assert headers["traceparent"].startswith(f"00-{result['trace_id']}-")
    assert result["trace_id"].startswith("abcdefabcdef")
    said = headers["baggage"].partition(",")[0].removeprefix("synthetic=")
    assert said == "true"  # by hand, without golive's key: it proves nothing
    assert not genuine(said, result["trace_id"], "key")
    assert genuine(signature(result["trace_id"], "key"), result["trace_id"], "key")
    assert not genuine(signature("0" * 32, "key"), result["trace_id"], "key")
    assert not genuine("", result["trace_id"], "")


def test_a_failed_journey_keeps_its_requests_without_credentials(tmp_path: Path, site: ThreadingHTTPServer) -> None:
    ran = run(
        tmp_path,
        """
@journey(proves="shop.buy")
def test_buy(api):
    with step("pay"):
        assert api.get("/missing?token=very-private").status_code == 200, "cannot pay"
""",
        site,
    )
    assert ran.code == 1
    (result,) = ran.results
    assert result["outcome"] == "failed"
    assert result["reason"].startswith("cannot pay")
    assert "def test_buy" in result["detail"]
    assert [(one["name"], one["ok"]) for one in result["steps"]] == [("pay", False)]
    kept = ran.evidence("network").read_text()
    assert json.loads(kept)["status"] == 404
    assert "very-private" not in kept


@pytest.mark.browser
def test_a_failed_page_keeps_picture_trace_console_and_network(tmp_path: Path, site: ThreadingHTTPServer) -> None:
    ran = run(
        tmp_path,
        """
@journey(proves="shop.browse")
def test_browse(page, base_url):
    page.goto(base_url)
    assert page.title() == "another"

@journey(proves="shop.look")
def test_look(page, base_url):
    page.goto(base_url + "/look")
    assert page.title() == "shop"
""",
        site,
    )
    assert [result["outcome"] for result in ran.results] == ["failed", "passed"], ran.output
    assert ran.evidence("screenshot").read_bytes().startswith(b"\x89PNG")
    assert ran.evidence("trace").read_bytes().startswith(b"PK")
    assert "hello from the page" in ran.evidence("console").read_text()
    assert json.loads(ran.evidence("network").read_text().splitlines()[0])["status"] == 200
    assert ran.results[1]["evidence"] == []
    seen = dict(site.seen)  # type: ignore[attr-defined]
    assert f"-{ran.results[1]['trace_id']}-" in seen["/look"]["traceparent"]


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('@journey(proves="signup")', "is not what a journey can prove"),
        ("@journey(proves=[])", "a journey says what it proves"),
        ("@__import__('pytest').mark.journey", "a journey says what it proves"),
    ],
)
def test_a_journey_that_proves_nothing_is_refused(tmp_path: Path, mark: str, said: str) -> None:
    ran = run(tmp_path, f"{mark}\ndef test_it():\n    pass\n")
    assert ran.code not in (0, 1)
    assert said in ran.output


def test_without_a_site_it_is_skipped_and_nothing_counts_as_passed(tmp_path: Path) -> None:
    ran = run(tmp_path, '@journey(proves="a.b")\ndef test_it(api):\n    pass\n')
    assert [(result["outcome"], result["reason"][:12]) for result in ran.results] == [("skipped", "no site to r")]


def test_broken_set_up_is_an_error(tmp_path: Path, site: ThreadingHTTPServer) -> None:
    ran = run(tmp_path, '@journey(proves="a.b")\ndef test_it(no_such_fixture):\n    pass\n', site)
    assert [result["outcome"] for result in ran.results] == ["error"]


def test_a_preview_below_localhost_is_found_and_let_in(
    site: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TICKET, "let-me-in")
    host = f"pr-1.preview.shop.localhost:{site.server_port}"
    with tagged(f"http://{host}", Log(Tag.new("front"))) as client:
        assert client.get("/").status_code == 200
        assert client.get("/again").status_code == 200
    (_, first), (_, second) = site.seen  # type: ignore[attr-defined]
    named = [{name.lower(): value for name, value in headers.items()} for headers in (first, second)]
    assert [one["host"] for one in named] == [host, host]
    assert named[0]["golive-preview-pass"] == "let-me-in"
    assert named[1]["cookie"] == "session=very-private", "a cookie belongs to the name, not to the address"
