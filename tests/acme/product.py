"""acme as the demonstration runs it: its own process, PostgreSQL, mail sink and payment simulator around it."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from golive.sandbox.mail import MailSink
from golive.sandbox.payments import PaymentSimulator
from golive.sandbox.servers import PostgresServer, free_port

ACME = Path(__file__).parents[2] / "examples" / "acme"
PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


@dataclass
class Product:
    """A running acme with what stands around it."""

    url: str
    mail: MailSink
    payments: PaymentSimulator
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start the process (again) and wait until it answers."""
        port = self.url.rpartition(":")[2]
        self.process = subprocess.Popen(
            [str(ACME / ".venv/bin/python"), "-m", "acme", "--port", port], cwd=ACME, env=self.environment
        )
        eventually(self.answers, 60)

    def answers(self) -> bool:
        """Whether it is healthy."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def fault(self, name: str, **settings: object) -> None:
        """Switch a fault on."""
        answer = httpx.post(f"{self.url}/_faults/{name}", headers=self.permission, json=settings)
        assert answer.status_code == 200, answer.text

    def mend(self) -> None:
        """Switch all faults off."""
        httpx.delete(f"{self.url}/_faults", headers=self.permission)

    @property
    def permission(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.environment['ACME_FAULTS_TOKEN']}"}


class Person:
    """Someone with a browser (without scripts): signs up, follows mails, fills in forms."""

    def __init__(self, product: Product, email: str) -> None:
        self.product = product
        self.email = email
        self.http = httpx.Client(base_url=product.url, follow_redirects=True, timeout=20)

    def submit(self, path: str, served_on: str = "", **values: str) -> httpx.Response:
        """Fill in a form of the page and send it."""
        found = _TOKEN.search(self.http.get(served_on or path).text)
        assert found, f"no form on {served_on or path}"
        return self.http.post(path, data={"form_token": found[1], **values})

    def sign_up(self) -> None:
        """Sign up and confirm the address by the mail that really came."""
        self.submit("/signup", name="Ada", team="Engines", email=self.email, password=PASSWORD)
        link = self.product.mail.wait_for(to=self.email, subject="Confirm").links[0]
        assert "Your address is confirmed" in self.http.get(link).text

    def subscribe(self, plan: str, card: str = "4242424242424242") -> httpx.Response:
        """Choose a plan and pay at the simulator's page."""
        pay_page = self.submit("/billing/plan", "/billing", plan=plan)
        assert pay_page.url.path.startswith("/pay/"), pay_page.text
        return self.http.post(str(pay_page.url), data={"card_number": card})

    def plan(self) -> str:
        """The plan in force, as the API tells."""
        plan: str = self.http.get("/api/me").json()["plan"]
        return plan


@contextlib.contextmanager
def running_product(folder: Path, telemetry: dict[str, str]) -> Iterator[Product]:
    """acme with everything around it, on free ports."""
    port = free_port()
    url, secret = f"http://127.0.0.1:{port}", "whsec_story"
    with (
        PostgresServer(folder / "postgres") as postgres,
        MailSink(folder / "mail") as mail,
        PaymentSimulator(webhook=f"{url}/webhooks/payments", secret=secret) as payments,
    ):
        environment = {
            "PATH": os.environ["PATH"],
            "ACME_DATABASE_URL": postgres.create_database("acme"),
            "ACME_SECRET": "0123456789abcdef0123456789abcdef",
            "ACME_URL": url,
            "ACME_SMTP": mail.smtp_url,
            "ACME_STRIPE_URL": payments.url,
            "ACME_STRIPE_KEY": "sk_test_story",
            "ACME_STRIPE_WEBHOOK_SECRET": secret,
            "ACME_FAULTS": "1",
            "ACME_FAULTS_TOKEN": "story",
            "ACME_POOL_SIZE": "5",
            "ACME_POOL_TIMEOUT_SECONDS": "2",
            **telemetry,
        }
        product = Product(url, mail, payments, environment, None)  # type: ignore[arg-type]
        product.start()
        try:
            yield product
        finally:
            product.process.terminate()
            product.process.wait(15)


def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
