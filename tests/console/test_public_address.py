"""The console answers to the name that GOLIVE_URL gives it, also behind a proxy that ends TLS."""

import importlib
import os
from collections.abc import Iterator

import pytest
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.test import override_settings

from golive import settings as module


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Reads the settings module again afterwards, as the environment was."""
    yield monkeypatch
    monkeypatch.undo()
    importlib.reload(module)


@pytest.mark.parametrize(
    ("url", "host", "origin"),
    [
        ("https://golive.example/", "golive.example", "https://golive.example"),
        ("http://ops.example:8400", "ops.example:8400", "http://ops.example:8400"),
        ("http://[fd00::7]:8400", "[fd00::7]:8400", "http://[fd00::7]:8400"),
    ],
)
def test_host_and_origin_of_the_public_url_are_accepted(
    reloaded: pytest.MonkeyPatch, url: str, host: str, origin: str
) -> None:
    reloaded.setitem(os.environ, "GOLIVE_URL", url)
    read = importlib.reload(module)
    request = HttpRequest()
    request.META |= {"HTTP_HOST": host, "HTTP_ORIGIN": origin, "wsgi.url_scheme": "http"}
    with override_settings(ALLOWED_HOSTS=read.ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS=read.CSRF_TRUSTED_ORIGINS):
        assert request.get_host() == host
        assert CsrfViewMiddleware(lambda _: None)._origin_verified(request)  # type: ignore[arg-type,attr-defined]


def test_other_names_are_added_to_it(reloaded: pytest.MonkeyPatch) -> None:
    reloaded.setitem(os.environ, "GOLIVE_URL", "https://golive.example")
    reloaded.setitem(os.environ, "GOLIVE_ALLOWED_HOSTS", "old.example,older.example")
    read = importlib.reload(module)
    assert read.ALLOWED_HOSTS[-3:] == ["golive.example", "old.example", "older.example"]
