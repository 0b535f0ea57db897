"""Everything the demo runs: golive, a PostgreSQL, a mail sink, a payment provider, acme and its customers."""

import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from examples.demo.acme import HOME, Acme, traffic
from examples.demo.hook import Hook
from examples.demo.install import Install, free_ports
from golive.sandbox.mail import MailSink
from golive.sandbox.payments.simulator import PaymentSimulator
from golive.sandbox.servers import PostgresServer

PERSON = "ada@acme.example"
PROJECT = "acme"
RELEASE = "2026.11.1"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What may be varied. Ports are golive's usual ones, unless they are to be free ones (0)."""

    folder: Path
    port: int = 0
    ingest_port: int = 0
    requests_per_second: float = 8


class World:
    """Built step by step; whatever has been started is ended when the context is left."""

    install: Install
    mail: MailSink
    payments: PaymentSimulator
    postgres: PostgresServer
    acme: Acme
    token: str
    password: str
    project: dict[str, Any]

    def __init__(self, options: Options, say: Say) -> None:
        self.options, self.say = options, say
        self.stack = ExitStack()
        self.logs = options.folder / "logs"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.say("stopping everything")
        self.stack.close()

    @property
    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """The construction, in order."""
        return [
            ("golive up", self.start_golive),
            ("mail sink, payment provider, PostgreSQL", self.start_surroundings),
            ("project, keys and owner", self.introduce),
            ("acme", self.start_acme),
            ("golive apply", self.apply),
            ("a deploy, on record", self.record_deploy),
            ("customers", self.start_traffic),
        ]

    def build(self) -> None:
        for name, work in self.steps:
            self.say(name)
            work()

    def start_golive(self) -> None:
        shutil.rmtree(self.options.folder, ignore_errors=True)
        self.logs.mkdir(parents=True)
        acme_port = free_ports(1)[0]
        self.acme_url = f"http://127.0.0.1:{acme_port}"
        self.install = Install(
            self.options.folder / "golive",
            port=self.options.port,
            ingest_port=self.options.ingest_port,
            # acme runs on this machine: golive reaches private addresses only when its operator says so.
            environment={"ACME_URL": self.acme_url, "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8"},
        )
        self.mail = self.stack.enter_context(MailSink(self.options.folder / "mail"))
        self.hook = self.stack.enter_context(Hook())
        self.install.environment |= {"ACME_SMTP": self.mail.smtp_url, "ACME_ALERT_WEBHOOK": self.hook.url}
        self.stack.callback(self.install.kill_all)
        self.stack.callback(self.install.stop)
        self.install.start()

    def start_surroundings(self) -> None:
        self.payment_secret = f"whsec_{secrets.token_hex(16)}"
        self.payments = self.stack.enter_context(
            PaymentSimulator(webhook=f"{self.acme_url}/webhooks/payments", secret=self.payment_secret)
        )
        self.postgres = self.stack.enter_context(PostgresServer(self.options.folder / "postgres"))

    def introduce(self) -> None:
        """Make the project and an API token, and the owner's account through the first-run link."""
        self.project = self.install.json("project", "add", PROJECT, "--url", self.acme_url)
        self.token = self.install.json("token", "create", "--scope", "*", "--name", "demo")["token"]
        self.flags_key = self.install.json("flag", "key", "add", "acme", "--project", PROJECT)["key"]
        with self.install.client(self.token) as console:
            flags = f"projects/{PROJECT}/flags"
            about = {"key": "project-figures", "description": "The report's figures by project, its heaviest query"}
            console.post(flags, json=about).raise_for_status()
            console.post(f"{flags}/project-figures/activation").raise_for_status()
        self.password = f"demo-{secrets.token_urlsafe(9)}"
        link = self.install.json("owner", "link")["url"]
        with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as person:
            form = person.get(link)
            hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
            person.post(
                link,
                data={
                    "csrfmiddlewaretoken": hidden[1] if hidden else "",
                    "email": PERSON,
                    "name": "Ada",
                    "password": self.password,
                },
                headers={"Referer": link},
            ).raise_for_status()

    def acme_environment(self) -> dict[str, str]:
        """What acme's operators would set, and nothing more."""
        given = dict(self.project["environment"])
        given["OTEL_RESOURCE_ATTRIBUTES"] += f",service.version={RELEASE}"
        return {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            **given,
            "SENTRY_RELEASE": RELEASE,
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_BLRP_SCHEDULE_DELAY": "500",
            "ACME_URL": self.acme_url,
            "ACME_DATABASE_URL": self.database_url,
            "ACME_SECRET": secrets.token_hex(32),
            "ACME_SMTP": self.mail.smtp_url,
            "ACME_STRIPE_URL": self.payments.url,
            "ACME_STRIPE_KEY": "sk_test_demo",
            "ACME_STRIPE_WEBHOOK_SECRET": self.payment_secret,
            "ACME_FLAGS_URL": self.install.url,
            "ACME_FLAGS_KEY": self.flags_key,
            "ACME_FAULTS": "1",
            "ACME_FAULTS_TOKEN": secrets.token_hex(16),
        }

    def start_acme(self) -> None:
        self.database_url = self.postgres.create_database("acme")
        self.acme = Acme(self.acme_url, self.acme_environment(), self.logs / "acme.log")
        self.stack.callback(self.acme.stop)
        self.acme.begin()

    def apply(self) -> None:
        """Put acme's own golive.toml in force, with the demo's short intervals laid over it."""
        files = (str(HOME / "golive.toml"), "--overlay", str(HOME / "demo.toml"))
        self.install.run("apply", *files, "--project", PROJECT, "--yes")

    def record_deploy(self) -> None:
        self.install.run("change", "record", "deploy", "--release", RELEASE, "--project", PROJECT)

    def start_traffic(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(HOME),
            "TRAFFIC_MAIL_URL": self.mail.url,
            "TRAFFIC_RATE": str(self.options.requests_per_second),
        }
        self.traffic = traffic(self.acme_url, environment, self.logs / "traffic.log")
        self.stack.callback(self.traffic.stop)
        self.traffic.start()

    def last_words(self) -> str:
        """The ends of all logs, for somebody who must find out what went wrong."""
        parts = []
        for name in ("install", "acme", "traffic"):
            if program := getattr(self, name, None):
                parts.append(f"--- {name}\n{program.last_words()}")
        return "\n".join(parts)
