"""Database credentials: not defaults, not guessable, not those of development, over TLS, with few rights."""

import secrets
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import scrypt
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict

from golive.config.values import Duration
from golive.people.models import Secret
from golive.readiness.inputs import of_settings, short
from golive.readiness.item import Area, Item, Subject, opened
from golive.readiness.planted import judged
from golive.readiness.verdict import CannotTell, Control, Report

# What images, tutorials and frameworks come with, beside the user's own name as password.
DEFAULTS = (
    "",
    "postgres",
    "password",
    "admin",
    "root",
    "secret",
    "changeme",
    "example",
    "test",
    "app",
    "dev",
    "123456",
)
NOWHERE = "/nonexistent"  # no password of this machine's own is offered in place of a guess
LOCAL = ("127.0.0.1", "localhost", "::1")
RIGHTS = """
    SELECT current_user AS name, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
           coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls,
           current_setting('password_encryption') AS hashing
    FROM pg_roles WHERE rolname = current_user
"""


class DatabaseSettings(BaseModel):
    """Database credentials."""

    model_config = ConfigDict(extra="forbid")
    urls: dict[str, str] = {}
    """The product's databases by a name of your own, each URL by reference: "secret:NAME" knows its age."""
    development: str = ""
    """The development database's URL, by reference: its password must be another."""
    rotate: Duration = timedelta(days=180)
    """How old a password may be, where its age is known."""


@dataclass(frozen=True)
class Login:
    """Where to log in and as whom."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @staticmethod
    def of(url: str) -> "Login":
        """Raises CannotTell for what is no PostgreSQL URL; never shows it."""
        try:
            parts = urlsplit(url)
            if not parts.scheme.startswith("postgres") or not parts.hostname:
                raise ValueError
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            return Login(parts.hostname, parts.port or 5432, user, password, parts.path.strip("/"))
        except ValueError as error:
            raise CannotTell("url", "a database URL is not like postgresql://user:password@host/name") from error


def enters(login: Login, password: str) -> str:
    """ "in", "refused", or "away" when nobody answers."""
    try:
        psycopg.connect(
            host=login.host, port=login.port, user=login.user, password=password or None, dbname=login.database,
            connect_timeout=8, passfile=NOWHERE, application_name="golive check",
        ).close()  # fmt: skip
    except psycopg.OperationalError as error:
        text = str(error).lower()
        refused = ("password authentication failed", "no password supplied", "authentication failed", "pg_hba.conf")
        return "refused" if any(word in text for word in refused) else "away"
    return "in"


def examine_guesses(login: Login) -> Report:
    """Known defaults and a password that nobody can know must be refused."""
    guesses = list(dict.fromkeys([*DEFAULTS, login.user, login.database, secrets.token_urlsafe(18)]))
    guesses = [
        guess for guess in guesses if guess != login.password or guess in (*DEFAULTS, login.user, login.database)
    ]
    report = Report(expected=len(guesses))
    for guess in guesses:
        seen = enters(login, guess)
        if seen == "away":
            report.doubt(login.host, f"{login.host}:{login.port} does not answer as PostgreSQL does", "golive doctor")
            continue
        report.examined += 1
        if seen == "in":
            kind = (
                "a default password" if guess in DEFAULTS or guess in (login.user, login.database) else "any password"
            )
            report.convict(f"{login.user} on {login.host}", f"lets {login.user} in with {kind}")
            break
    if report.findings:
        report.expected = report.examined
    return report


def examine_role(login: Login, facts: Mapping[str, object]) -> Report:
    """What the role may do beyond its own tables, and whether the way to it is encrypted."""
    report = Report(expected=1, examined=1)
    rights = {
        "rolsuper": "is a superuser: one injection reads and writes everything, files included",
        "rolcreaterole": "may make roles",
        "rolreplication": "may replicate the whole cluster",
        "rolbypassrls": "passes by row level security",
    }
    for name, text in rights.items():
        if facts.get(name):
            report.convict(f"role {facts.get('name')} {name}", f"the role {facts.get('name')} {text}")
    if not facts.get("tls") and login.host not in LOCAL:
        report.convict(f"{login.host} TLS", "the connection to the database is not encrypted")
    return report


def examine_passwords(
    ours: str, development: str, changed_at: datetime | None, rotate: timedelta, now: datetime
) -> Report:
    """Not that of development, not short, not too old. Compared by a salted hash; neither value is kept."""
    report = Report(expected=1, examined=1)
    if len(ours) < 12:
        report.convict("password length", f"the password has {len(ours)} characters; at least 12 are expected")
    if development:
        salt = secrets.token_bytes(16)
        mine, theirs = (scrypt(one.encode(), salt=salt, n=2**14, r=8, p=1) for one in (ours, development))
        if mine == theirs:
            report.convict("development password", "development has the same password: every laptop opens production")
    if changed_at is not None:
        report.facts["changed"] = changed_at.isoformat()
        if changed_at < now - rotate:
            report.convict("rotation", f"the password was last changed on {changed_at:%Y-%m-%d}; golive db rotate")
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("database", DatabaseSettings)
    if not wanted.urls:
        raise CannotTell("urls", "no database is declared", "set [readiness.database] urls in golive.toml")
    development = Login.of(opened(wanted.development, "development")).password if wanted.development else ""
    whole = Report()
    for name, reference in wanted.urls.items():
        login = Login.of(opened(reference, f"the URL of {name}"))
        whole.absorb(examine_guesses(login))
        whole.absorb(examine_role(login, _facts(login, name)))
        whole.absorb(examine_passwords(login.password, development, _changed(reference), wanted.rotate, subject.now))
    return whole


def _facts(login: Login, name: str) -> Mapping[str, object]:
    """The positive control too: the real password must be let in."""
    try:
        with psycopg.connect(
            host=login.host, port=login.port, user=login.user, password=login.password, dbname=login.database,
            connect_timeout=8, application_name="golive check", row_factory=dict_row,
        ) as connection:  # fmt: skip
            row = connection.execute(RIGHTS).fetchone()
    except psycopg.Error as error:
        why = type(error).__name__
        raise CannotTell(name, f"the database {name} does not let its own user in ({why})", "golive doctor") from None
    return row or {}


def _changed(reference: str) -> datetime | None:
    """When a secret that golive keeps was last changed."""
    if not reference.startswith("secret:"):
        return None
    newest = Secret.objects.filter(name=reference.removeprefix("secret:")).order_by("-version").first()
    return newest.created_at if newest else None


class _Door(socketserver.StreamRequestHandler):
    """PostgreSQL's first words: asks for a password in the clear and judges it by the server's rule."""

    def handle(self) -> None:
        while True:
            head = self.rfile.read(8)
            if len(head) < 8:
                return
            length, code = struct.unpack("!II", head)
            self.rfile.read(max(0, length - 8))
            if code != 80877103:  # an offer of TLS
                break
            self.wfile.write(b"N")
        self.wfile.write(b"R" + struct.pack("!II", 8, 3))
        kind = self.rfile.read(5)
        if len(kind) < 5:
            return
        given = self.rfile.read(struct.unpack("!I", kind[1:])[0] - 4).rstrip(b"\0").decode()
        if self.server.accepts(given):  # type: ignore[attr-defined]
            self.wfile.write(b"R" + struct.pack("!II", 8, 0) + b"Z" + struct.pack("!I", 5) + b"I")
            self.rfile.read(1)
        else:
            body = b"SFATAL\0C28P01\0Mpassword authentication failed for user\0\0"
            self.wfile.write(b"E" + struct.pack("!I", len(body) + 4) + body)


def _guessed(name: str, bad: bool, accepts: Callable[[str], bool]) -> Control:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Door) as server:
        server.daemon_threads = True
        server.accepts = accepts  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        login = Login("127.0.0.1", server.server_address[1], "app", "the-real-one", "app")
        control = judged(name, bad, lambda: examine_guesses(login))
        server.shutdown()
    return control


def controls() -> list[Control]:
    login = Login("db.example", 5432, "app", "", "app")
    plain: Mapping[str, object] = {"name": "app", "tls": True}
    now = datetime(2026, 1, 1).astimezone()
    long = "a long and good one"
    return [
        _guessed("lets anybody in", True, lambda given: True),
        _guessed("has a default password", True, lambda given: given == "postgres"),
        judged("a superuser", True, lambda: examine_role(login, {**plain, "rolsuper": True})),
        judged("not encrypted", True, lambda: examine_role(login, {**plain, "tls": False})),
        judged("that of development", True, lambda: examine_passwords(long, long, None, timedelta(days=180), now)),
        _guessed("asks for its password", False, lambda given: given == "the-real-one"),
        judged("an ordinary role", False, lambda: examine_role(login, plain)),
        judged("a password of its own", False, lambda: examine_passwords(long, "x", None, timedelta(days=180), now)),
    ]


def _print_of_urls(subject: Subject) -> str:
    """A print of the credentials, so that a rotation calls for a new proof."""
    found: list[str] = []
    for reference in subject.settings("database", DatabaseSettings).urls.values():
        try:
            found.append(short(opened(reference, "url")))
        except CannotTell:
            found.append("missing")
    return short(repr(found))


ITEM = Item(
    key="database",
    order=4,
    area=Area.SECURITY,
    title="Database credentials rotated from defaults",
    question="Can somebody who reaches the database get in, or do more than the product needs?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        "configuration": of_settings(subject, "database"),
        "credentials": _print_of_urls(subject),
        "place": subject.place.value,
    },
    settings=DatabaseSettings,
    tools=("psycopg",),
)
