"""A preview of acme with everything around it, and a golive that checks it, all on free ports and thrown away."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
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
from bench.check.zone import Zone
from examples.demo.acme import BIN, HOME
from examples.demo.install import Install, free_ports
from golive.kit.launch import bound_to_me
from golive.readiness.osv import osv
from golive.sandbox.hosting import Hosted
from golive.sandbox.mail import MailSink
from golive.sandbox.payments import PaymentSimulator
from golive.sandbox.servers import PostgresServer

WEBHOOK_SECRET = "whsec_preview"  # noqa: S105 (of a simulator)
DATABASE_PASSWORD = "n8-Qd31xkLwz-preview"  # noqa: S105 (of a database that is thrown away)
BACKED_UP = """
[database]
url = "env:ACME_DATABASE_ADMIN"
admin = "env:ACME_DATABASE_ADMIN"

[database.backup]
enabled = false
folder = "{folder}/backups"
socket = "{folder}"
smoke = ["SELECT count(*) = 1 FROM alembic_version"]
"""


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
    zone: Zone
    advisories: dict[str, Mapping[str, object]]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    planted: str = ""
    backed_up: str = ""
    archive: Path = Path()

    @property
    def source(self) -> Path:
        """acme's source tree, a repository of its own."""
        return self.folder / "source"

    def commit(self, message: str) -> None:
        """Commit what has changed in the source tree."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def git(self, *words: str) -> None:
        git(self.source, *words)

    def start(self, **more: str) -> None:
        """Start acme (again), with more in its environment, and wait until it answers."""
        self.stop()
        self.planted = more.get("ACME_DEFECTS", "")
        behind = self.front.behind
        command = [str(BIN / "python"), "-m", "acme", "--port", behind.rpartition(":")[2]]
        with (self.folder / "acme.log").open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_me(command),
                cwd=self.source,
                env={**self.environment, **self.own, **more},
                stdout=log,
                stderr=log,
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
        return subprocess.run(
            [program, *words], env=environment, cwd=self.source, capture_output=True, text=True, check=False
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

    def apply(self, **more: str) -> None:
        """Put acme's golive.toml and readiness.toml in force, and that its database is backed up."""
        overlay = self.folder / "overlay.toml"
        overlay.write_text((self.source / "readiness.toml").read_text() + self.backed_up)
        words = ["apply", "golive.toml", "--overlay", str(overlay), "--project", "acme", "--yes"]
        done = self.golive(*words, ACME_URL=self.front.behind, **more)
        if done.returncode:
            raise RuntimeError(f"golive apply failed: {done.stdout[-500:]} {done.stderr[-1500:]}")

    def back_up(self) -> None:
        """golive's role, pgBackRest, the first scheduled backup, and a drill that restores it."""
        self._done("db", "connect", "--project", "acme", "--role", "watcher", "--apply")
        self._done("db", "backup", "setup", "--project", "acme", "--apply")
        self.backed_up = self.backed_up.replace("env:ACME_DATABASE_ADMIN", "secret:acme.database.url", 1)
        self.backed_up = self.backed_up.replace("enabled = false", "enabled = true")
        self.apply()
        end = time.monotonic() + 300
        while not any(one["scheduled"] and one["ok"] for one in self.backups()):
            if time.monotonic() > end:
                raise RuntimeError(f"no scheduled backup was made: {self.backups()}")
            time.sleep(1)
        self._done("db", "drill", "--project", "acme")

    def backups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.golive("db", "backup", "status", "--project", "acme", "--json").stdout
        )["backups"]
        return found

    def _done(self, *words: str) -> None:
        done = self.golive(*words)
        if done.returncode:
            raise RuntimeError(f"golive {' '.join(words)} failed: {done.stdout[-1500:]} {done.stderr[-1500:]}")


@contextlib.contextmanager
def world(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[World]:
    """Everything started, golive's project made and its configuration applied."""
    folder.mkdir(parents=True, exist_ok=True)
    acme_port, port, plain_port = free_ports(3)
    behind = f"http://127.0.0.1:{acme_port}"
    authority = Authority(folder)
    advisories: dict[str, Mapping[str, object]] = {}
    front = Front(authority, behind, port=port, plain_port=plain_port)
    environment = {
        "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8,::1/128",
        "SSL_CERT_FILE": str(authority.bundle),
        "NO_COLOR": "1",
    }
    with (
        archive() as archiving,
        PostgresServer(settings={"archive_mode": "on", "unix_socket_directories": str(archiving)}) as postgres,
        MailSink(folder / "mail") as mail,
        PaymentSimulator(webhook=f"{behind}/webhooks/payments", secret=WEBHOOK_SECRET) as payments,
        Zone() as zone,
        Hosted(osv(advisories)) as advising,
        front,
    ):
        repository(folder / "source")
        environment |= {
            "PATH": f"{BIN.parents[3] / '.venv/bin'}:{os.environ['PATH']}",
            "ACME_DATABASE_URL": database(postgres, "acme", DATABASE_PASSWORD),
            "ACME_DATABASE_ADMIN": postgres.url("acme"),
            "ACME_SECRET": secrets.token_hex(24),
            "ACME_URL": front.url,
            "ACME_PREVIEW_URL": front.url,
            "ACME_PREVIEW_PLAIN_URL": front.plain_url,
            "ACME_SOURCE": str(folder / "source"),
            "ACME_LETTERS": str(folder / "letters"),
            "ACME_OSV": advising.url,
            "ACME_RESOLVER": zone.address,
            "ACME_SMTP": mail.smtp_url,
            "ACME_MAIL_URL": mail.url,
            "ACME_ALERT_WEBHOOK": "http://127.0.0.1:9/",
            "ACME_STRIPE_URL": payments.url,
            "ACME_STRIPE_KEY": f"sk_test_{secrets.token_hex(12)}",
            "ACME_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "ACME_ORIGINS": "https://app.acme.example",
            "ACME_RATE_SECONDS": "20",
            "GOLIVE_CHROMIUM": str(chromium(folder / "chromium")),
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_BLRP_SCHEDULE_DELAY": "500",
            **(more or {}),
        }
        letters(folder / "letters", environment)
        # What golive knows as production is acme without its front: never probed with what changes state.
        install = Install(folder / "golive", environment={**environment, "ACME_URL": behind})
        try:
            install.start(900)
            project = install.json("project", "add", "acme")
            made = World(
                folder, front, install, environment, project["environment"], mail, payments, postgres, zone, advisories
            )
            try:
                made.archive, made.backed_up = archiving, BACKED_UP.format(folder=archiving)
                made.start()
                made.apply()
                made.back_up()
                yield made
            finally:
                made.stop()
        finally:
            install.stop()


@contextlib.contextmanager
def archive() -> Iterator[Path]:
    """A folder for backups and the server's socket, open to PostgreSQL's account, which may not enter the world's."""
    made = Path(tempfile.mkdtemp(prefix="golive-bench-backups-"))
    made.chmod(0o777)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def database(postgres: PostgresServer, name: str, password: str) -> str:
    """A database owned by a role that may do nothing else, as a product's should be; its URL."""
    postgres.create_database(name)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} NOSUPERUSER").format(role, sql.Literal(password)))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
    server = urlsplit(postgres.url(name))
    return f"postgresql://{name}:{password}@{server.hostname}:{server.port}/{name}"


def chromium(file: Path) -> Path:
    """Chromium that takes the front's certificate, which no browser knows; the item on HTTPS judges it."""
    program = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    file.write_text(f'#!/bin/sh\nexec {program} --no-sandbox --ignore-certificate-errors "$@"\n')
    file.chmod(0o755)
    return file


def letters(file: Path, environment: Mapping[str, str]) -> None:
    """The program that sends acme's letters, for journeys, which know nothing of acme's settings."""
    lines = [f"export {name}='{value}'" for name, value in environment.items() if name.startswith("ACME_")]
    command = f'cd "{file.parent / "source"}" && exec .venv/bin/python -m acme letters --now "$1"'
    file.write_text("\n".join(["#!/bin/sh", *lines, command, ""]))
    file.chmod(0o700)


def repository(folder: Path) -> None:
    """acme's source tree as a repository of its own, with one commit."""
    left_out = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache")
    shutil.copytree(HOME, folder, ignore=left_out)
    (folder / ".venv").symlink_to(HOME / ".venv")
    (folder / ".gitignore").write_text(".venv\n__pycache__\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "acme")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=acme", "-c", "user.email=dev@acme.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)
