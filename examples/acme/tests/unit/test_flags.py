"""Flags through OpenFeature: defaults without a server, its answer with one, and what the span tells."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from openfeature import api
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from acme.flags import PROJECT_FIGURES, enabled, start_flags
from acme.models import Account, User
from acme.settings import Settings


class Server(BaseHTTPRequestHandler):
    """An OFREP server that says one thing."""

    value = False
    asked: ClassVar[list[tuple[str, str, dict[str, str]]]] = []

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], told["context"]))
        word = "on" if self.value else "off"
        body = json.dumps({"key": PROJECT_FIGURES, "value": self.value, "variant": word, "reason": "STATIC"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    api.clear_providers()
    api.clear_hooks()


@pytest.fixture
def user() -> User:
    return User(id=1, account_id=7, account=Account(id=7, plan="team"))


def settings(url: str = "") -> Settings:
    return Settings(database_url="postgresql://x/y", secret="s" * 32, flags_url=url, flags_key="glf_key")


def test_without_a_server_the_default_counts(user: User) -> None:
    start_flags(settings())
    assert enabled(PROJECT_FIGURES, user, True) is True
    assert enabled(PROJECT_FIGURES, user, False) is False


def test_the_server_is_asked_for_the_account_and_the_span_tells_the_variant(server: str, user: User) -> None:
    start_flags(settings(server))
    with TracerProvider().get_tracer("test").start_as_current_span("GET /app/reports") as span:
        assert enabled(PROJECT_FIGURES, user, True) is False
    assert isinstance(span, ReadableSpan)
    assert dict(span.attributes or {}) == {
        "feature_flag.key": PROJECT_FIGURES,
        "feature_flag.result.variant": "off",
    }
    assert Server.asked == [
        (
            f"/ofrep/v1/evaluate/flags/{PROJECT_FIGURES}",
            "Bearer glf_key",
            {"targetingKey": "account-7", "plan": "team"},
        )
    ]


def test_while_the_server_is_away_the_default_counts(user: User) -> None:
    start_flags(settings("http://127.0.0.1:9"))
    assert enabled(PROJECT_FIGURES, user, True) is True
    api.clear_providers()
    api.clear_hooks()
