"""A real console in a process of its own, on a data folder of its own, and a browser to look at it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext

GOLIVE = [sys.executable, "-c", "import sys; from golive.cli import main; main()"]


@dataclass(frozen=True)
class Console:
    """A running web process: its address and how to call `golive` beside it."""

    url: str
    environment: dict[str, str]

    def golive(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            [*GOLIVE, *arguments], env=self.environment, input=given, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def forget_second_factors(self) -> None:
        """So that other tests sign in by password again."""
        script = "from allauth.mfa.models import Authenticator; Authenticator.objects.all().delete()"
        subprocess.run(
            [sys.executable, "-m", "django", "shell", "-v", "0", "-c", script], env=self.environment, check=True
        )


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    data: Path = tmp_path_factory.mktemp("data")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GOLIVE_")}
    environment.pop("DATABASE_URL", None)
    environment |= {"GOLIVE_DATA": str(data), "GOLIVE_URL": url, "DJANGO_SETTINGS_MODULE": "golive.settings"}
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v", "0"], env=environment, check=True)
    listener.listen(64)
    command = [sys.executable, "-m", "uvicorn", "golive.asgi:application", "--fd", str(listener.fileno())]
    with (data / "web.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"], env=environment, pass_fds=[listener.fileno()], stderr=log
        )
    listener.close()
    try:
        for _ in range(300):
            try:
                if httpx.get(f"{url}/healthz", timeout=10).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield Console(url, environment)
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: blocked by the content security policy, script errors, failed requests."""
    return []


@pytest.fixture
def context(browser: Browser, console: Console, complaints: list[str]) -> Iterator[BrowserContext]:
    """A browser that nobody signed in with."""
    made = browser.new_context(base_url=console.url, viewport={"width": 1280, "height": 800})
    made.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    made.on("weberror", lambda e: complaints.append(str(e.error)))
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    made.set_default_timeout(15_000)
    yield made
    made.close()
