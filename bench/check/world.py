"""A preview of acme with everything around it, and a golive that checks it, all on free ports and thrown away."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql

from bench.check.front import Authority, Front
from examples.demo.acme import BIN, HOME
from examples.demo.install import Install, free_ports
from golive.kit.launch import bound_to_me
from golive.sandbox.mail import MailSink
from golive.sandbox.payments import PaymentSimulator
from golive.sandbox.servers import PostgresServer

WEBHOOK_SECRET = "whsec_preview"  # noqa: S105 (of a simulator)
DATABASE_PASSWORD = "n8-Qd31xkLwz-preview"  # noqa: S105 (of a database that is thrown away)


@dataclass
class World:
    """acme behind `front` and a golive; `environment` is that of both, `own` what golive prints for acme."""

    folder: Path
    front: Front
    install: Install
    environment: dict[str, str]
    own: dict[str, str]
    mail: MailSink
    payments: PaymentSimulator
    postgres: PostgresServer
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, **more: str) -> None:
        """Start acme (again), with more in its environment, and wait until it answers."""
        self.stop()
        behind = self.front.behind
        command = [str(BIN / "python"), "-m", "acme", "--port", behind.rpartition(":")[2]]
        with (self.folder / "acme.log").open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_me(command), cwd=HOME, env={**self.environment, **self.own, **more}, stdout=log, stderr=log
            )
        end = time.monotonic() + 90
        while not self._answers(behind):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"acme did not come up; see {self.folder / 'acme.log'}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def _answers(self, behind: str) -> bool:
        try:
            return httpx.get(f"{behind}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def golive(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One golive command, as an operator runs it in acme's folder."""
        program = str(Path(BIN.parents[3] / ".venv/bin/golive"))
        environment = {**self.install.environment, **self.environment, "COLUMNS": "200", **more}
        return subprocess.run([program, *words], env=environment, cwd=HOME, capture_output=True, text=True, check=False)

    def check(self, *items: str, options: Sequence[str] = (), **more: str) -> dict[str, Any]:
        """`golive check --json` on the preview: its output."""
        words = ["check", "run", *items, "--target", "preview", "--json", "--project", "acme", *options]
        done = self.golive(*words, **more)
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError as error:
            raise RuntimeError(f"golive check printed no JSON ({done.returncode}): {done.stderr[-2000:]}") from error
        return found

    def apply(self, **more: str) -> None:
        """Put acme's golive.toml and readiness.toml in force."""
        words = ["apply", "golive.toml", "--overlay", "readiness.toml", "--project", "acme", "--yes"]
        done = self.golive(*words, ACME_URL="https://acme.example", **more)
        if done.returncode:
            raise RuntimeError(f"golive apply failed: {done.stdout[-500:]} {done.stderr[-1500:]}")


@contextlib.contextmanager
def world(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[World]:
    """Everything started, golive's project made and its configuration applied."""
    folder.mkdir(parents=True, exist_ok=True)
    acme_port, port, plain_port = free_ports(3)
    behind = f"http://127.0.0.1:{acme_port}"
    authority = Authority(folder)
    front = Front(authority, behind, port=port, plain_port=plain_port)
    environment = {
        "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8,::1/128",
        "SSL_CERT_FILE": str(authority.bundle),
        "NO_COLOR": "1",
    }
    install = Install(folder / "golive", environment=environment)
    with (
        PostgresServer(folder / "postgres") as postgres,
        MailSink(folder / "mail") as mail,
        PaymentSimulator(webhook=f"{behind}/webhooks/payments", secret=WEBHOOK_SECRET) as payments,
        front,
    ):
        environment |= {
            "PATH": os.environ["PATH"],
            "ACME_DATABASE_URL": database(postgres, "acme", DATABASE_PASSWORD),
            "ACME_SECRET": "0123456789abcdef0123456789abcdef",
            "ACME_URL": front.url,
            "ACME_PREVIEW_URL": front.url,
            "ACME_PREVIEW_PLAIN_URL": front.plain_url,
            "ACME_SOURCE": str(HOME),
            "ACME_SMTP": mail.smtp_url,
            "ACME_MAIL_URL": mail.url,
            "ACME_ALERT_WEBHOOK": "http://127.0.0.1:9/",
            "ACME_STRIPE_URL": payments.url,
            "ACME_STRIPE_KEY": "sk_test_preview",
            "ACME_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "ACME_ORIGINS": "https://app.acme.example",
            "ACME_RATE_SECONDS": "20",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_BLRP_SCHEDULE_DELAY": "500",
            **(more or {}),
        }
        try:
            install.start(300)
            project = install.json("project", "add", "acme")
            made = World(folder, front, install, environment, project["environment"], mail, payments, postgres)
            try:
                made.start()
                made.apply()
                yield made
            finally:
                made.stop()
        finally:
            install.stop()


def database(postgres: PostgresServer, name: str, password: str) -> str:
    """A database owned by a role that may do nothing else, as a product's should be; its URL."""
    postgres.create_database(name)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} NOSUPERUSER").format(role, sql.Literal(password)))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
    server = urlsplit(postgres.url(name))
    return f"postgresql://{name}:{password}@{server.hostname}:{server.port}/{name}"
