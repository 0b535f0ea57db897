"""The whole application over a real PostgreSQL, with mail kept in a list and a payment provider in memory."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from acme.__main__ import migrate
from acme.app import create_app
from acme.mail import Letter
from acme.models import Base
from acme.settings import Settings
from tests.integration.provider import SECRET, Provider

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings over a database of our own beside the one that ACME_TEST_DATABASE_URL names."""
    given = os.environ.get("ACME_TEST_DATABASE_URL")
    if not given:
        pytest.exit("integration tests need ACME_TEST_DATABASE_URL, a PostgreSQL where they may create databases", 4)
    server = make_url(given).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS acme_test WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE acme_test"))
    admin.dispose()
    own = server.set(database="acme_test").render_as_string(hide_password=False)
    made = Settings(
        database_url=own,
        secret="0123456789abcdef0123456789abcdef",
        url="http://testserver",
        stripe_url="http://pay.example",
        stripe_key="sk_test_1",
        stripe_webhook_secret=SECRET,
        pool_size=5,
        pool_timeout_seconds=2,
        faults=True,
        faults_token="fault-token",
    )
    migrate(made)
    return made


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    engine = create_engine(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def db(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@dataclass
class Browser:
    """A person's browser: fills in forms as they were served."""

    client: TestClient
    letters: list[Letter]

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def form_token(self, path: str) -> str:
        found = _TOKEN.search(self.client.get(path).text)
        assert found, f"no form on {path}"
        return found[1]

    def post(self, path: str, served_on: str = "", **values: str) -> httpx.Response:
        """Send a form, with the token of the page that serves it; redirects are not followed."""
        given = {"form_token": self.form_token(served_on or path), **values}
        answer: httpx.Response = self.client.post(path, data=given, follow_redirects=False)
        return answer

    def mailed_link(self, to: str) -> str:
        """The path of the link in the newest mail to someone."""
        letter = next(letter for letter in reversed(self.letters) if letter.to == to)
        found = re.search(r"http://testserver(\S+)", letter.text)
        assert found
        return found[1]

    def sign_up(self, email: str = "ada@example.com", team: str = "Engines") -> "Browser":
        """Sign up and follow the mail: afterwards this browser is logged in."""
        self.post("/signup", name="Ada", team=team, email=email, password=PASSWORD)
        self.get(self.mailed_link(email))
        return self


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def letters() -> list[Letter]:
    return []


@pytest.fixture
def application(settings: Settings, engine: Engine, provider: Provider, letters: list[Letter]) -> Iterator[TestClient]:
    """The application with empty tables."""
    with engine.begin() as connection:
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    app = create_app(settings, send=letters.append, payment_transport=provider.transport)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def browser(application: TestClient, letters: list[Letter]) -> Browser:
    return Browser(application, letters)


@pytest.fixture
def other(application: TestClient, letters: list[Letter]) -> Browser:
    """A second browser of someone else."""
    return Browser(TestClient(application.app, raise_server_exceptions=False), letters)
