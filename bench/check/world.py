"""A preview of acme with everything around it, and a golive that checks it, all on free ports and thrown away."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from examples.demo.acme import BIN, HOME
from examples.demo.install import Install
from golive.kit.launch import bound_to_me
from golive.sandbox.mail import MailSink
from golive.sandbox.payments import PaymentSimulator
from golive.sandbox.servers import PostgresServer, free_port

WEBHOOK_SECRET = "whsec_preview"  # noqa: S105 (of a simulator)
GOLIVE = str(Path(sys.executable).with_name("golive"))


@dataclass
class World:
    """acme at `url` and a golive on `folder`; `environment` is that of both."""

    folder: Path
    url: str
    environment: dict[str, str]
    mail: MailSink
    payments: PaymentSimulator
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, **more: str) -> None:
        """Start acme (again), with more in its environment, and wait until it answers."""
        self.stop()
        command = [str(BIN / "python"), "-m", "acme", "--port", self.url.rpartition(":")[2]]
        with (self.folder / "acme.log").open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_me(command), cwd=HOME, env={**self.environment, **more}, stdout=log, stderr=log
            )
        end = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"acme did not come up; see {self.folder / 'acme.log'}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def golive(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One golive command, as an operator runs it."""
        return subprocess.run(
            [GOLIVE, *words],
            env={**self.environment, **more},
            cwd=HOME,
            capture_output=True,
            text=True,
            check=False,
        )

    def check(self, *items: str, options: Sequence[str] = (), **more: str) -> dict[str, Any]:
        """`golive check --json` on the preview: its output."""
        words = ["check", "run", *items, "--target", "preview", "--json", "--project", "acme", *options]
        done = self.golive(*words, **more)
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError as error:
            raise RuntimeError(f"golive check printed no JSON ({done.returncode}): {done.stderr[-2000:]}") from error
        return found


@contextlib.contextmanager
def world(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[World]:
    """Everything started, golive's project made and its configuration applied."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{free_port()}"
    with (
        PostgresServer(folder / "postgres") as postgres,
        MailSink(folder / "mail") as mail,
        PaymentSimulator(webhook=f"{url}/webhooks/payments", secret=WEBHOOK_SECRET) as payments,
    ):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GOLIVE_", "ACME_", "DJANGO_"))
        }
        environment = {
            **kept,
            "GOLIVE_DATA": str(folder / "golive"),
            "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8",
            "NO_COLOR": "1",
            "ACME_DATABASE_URL": postgres.create_database("acme"),
            "ACME_SECRET": "0123456789abcdef0123456789abcdef",
            "ACME_URL": url,
            "ACME_PREVIEW_URL": url,
            "ACME_SOURCE": str(HOME),
            "ACME_SMTP": mail.smtp_url,
            "ACME_ALERT_WEBHOOK": "http://127.0.0.1:9/",
            "ACME_STRIPE_URL": payments.url,
            "ACME_STRIPE_KEY": "sk_test_preview",
            "ACME_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "ACME_ORIGINS": "https://app.acme.example",
            "ACME_RATE_SECONDS": "20",
            **(more or {}),
        }
        made = World(folder, url, environment, mail, payments)
        try:
            made.start()
            _prepare(made)
            yield made
        finally:
            made.stop()


def _prepare(made: World) -> None:
    steps = [
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0", "--settings", "golive.settings"],
        [GOLIVE, "project", "add", "acme"],
        [
            GOLIVE, "apply", "golive.toml", "--overlay", "readiness.toml",
            "--project", "acme", "--yes",
        ],
    ]  # fmt: skip
    for step in steps:
        environment = {**made.environment, "ACME_URL": "https://acme.example"}
        done = subprocess.run(step, env=environment, cwd=HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(step)} failed: {done.stdout[-500:]} {done.stderr[-1500:]}")
