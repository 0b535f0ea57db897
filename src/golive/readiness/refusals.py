"""What a product must refuse around its logins, asked by golive itself, whatever the product's own journeys ask.

A wrong password, the session from before a reset, the old password after it, a reset link used twice, a wrong code and
a code used twice. Each has its positive control: who is in the right gets in.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.config.values import Resolved
from golive.readiness import mails
from golive.readiness.asking import Site, until
from golive.readiness.programs import printed
from golive.readiness.verdict import CannotTell, Report
from golive.readiness.visitor import Visitor

STEP_SECONDS = 30
MAIL_WITHIN = timedelta(seconds=30)
_MAIL = "set [readiness.auth_flows.refusals] mail"
_NEXT = "see the guide on readiness, Refusals"


class FormSettings(BaseModel):
    """A form: where it is sent to, on which page it stands, and what is filled in."""

    model_config = ConfigDict(extra="forbid")
    path: str
    """Where it is sent to."""
    form: str = ""
    """The page that it stands on; default: the same address."""
    fields: dict[str, str] = {}
    """Its fields; {{email}}, {{password}} and {{code}} are filled in."""


class RefusalSettings(BaseModel):
    """What golive itself tries on the login: all of this has to be refused."""

    model_config = ConfigDict(extra="forbid")
    account: list[str] = []
    """A program that prints two fresh accounts of the preview as JSON; see the guide."""
    inside: str = ""
    """A page that only those see who are logged in."""
    login: FormSettings | None = None
    """The login form."""
    code: FormSettings | None = None
    """The form for the second factor's code."""
    forgot: FormSettings | None = None
    """The form that asks for a reset link."""
    reset: FormSettings | None = None
    """The form behind the mailed link; its page is that link."""
    mail: Resolved = ""
    """Where the preview's mail is caught: the address of golive's mail sink."""


class Person(BaseModel):
    """Somebody with an account; `secret` is that of the authenticator app, in base 32."""

    model_config = ConfigDict(extra="forbid")
    email: str
    password: str
    secret: str = ""


class People(BaseModel):
    """One person without and one with a second factor."""

    model_config = ConfigDict(extra="forbid")
    plain: Person
    second_factor: Person | None = None


def people(given: object) -> People:
    """Accounts from JSON. Raises CannotTell."""
    return printed(People, given, "accounts", _NEXT)


def code_of(secret: str, at_seconds: float) -> str:
    """The code of an authenticator app (RFC 6238: SHA-1, 30 s, 6 digits)."""
    counter = int(at_seconds) // STEP_SECONDS
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    number = int.from_bytes(digest[digest[-1] & 15 :][:4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


@dataclass
class Refusals:
    """One run against one site. `mail` is asked for links; `now` gives the seconds by which codes are made."""

    site: Site
    wanted: RefusalSettings
    mail: Site
    now: Callable[[], float]

    def examine(self, who: People) -> Report:
        """Everything in turn. Raises CannotTell when who is in the right does not get in."""
        report = Report(expected=6)
        if self._inside(Visitor(self.site)):
            raise CannotTell("inside", f"{self.wanted.inside} is shown to everybody: it tells nothing", _NEXT)
        self._wrong_password(report, who.plain)
        if self.wanted.code is not None and who.second_factor is not None:
            report.expected += 2
            self._codes(report, who.second_factor)
        self._reset(report, who.plain)
        report.exchanges = list(self.site.exchanges)
        return report

    def _wrong_password(self, report: Report, who: Person) -> None:
        self._must(not self._enters(who, "not-" + who.password), report, "wrong password", "a wrong password is let in")
        if not self._enters(who, who.password):
            raise CannotTell("login", "golive could not log in with the right password", _NEXT)
        report.examined += 1

    def _reset(self, report: Report, who: Person) -> None:
        before, chosen, again = Visitor(self.site), who.password + "-new", who.password + "-again"
        if not self._enters(who, who.password, before):
            raise CannotTell("login", "golive could not log in with the right password", _NEXT)
        link = self._link(who)
        self._choose(link, chosen)
        if not self._enters(who, chosen):
            raise CannotTell("reset", "the mailed link was used, but the new password is not let in", _NEXT)
        report.examined += 1
        self._must(
            not self._inside(before), report, "old session", "a session from before the reset is still logged in"
        )
        self._must(not self._enters(who, who.password), report, "old password", "the old password is still let in")
        self._choose(link, again)
        self._must(
            not self._enters(who, again), report, "used link", "a reset link that was used sets the password once more"
        )

    def _codes(self, report: Report, who: Person) -> None:
        right = code_of(who.secret, self.now())
        wrong = f"{(int(right) + 500_000) % 1_000_000:06d}"
        self._must(
            not self._enters(who, who.password, code=wrong), report, "wrong code", "a wrong one-time code is let in"
        )
        right = code_of(who.secret, self.now())
        if not self._enters(who, who.password, code=right):
            raise CannotTell("code", "golive could not log in with the right one-time code", _NEXT)
        self._must(
            not self._enters(who, who.password, code=right), report, "used code", "a one-time code is let in twice"
        )

    def _must(self, holds: bool, report: Report, subject: str, text: str) -> None:
        report.examined += 1
        if not holds:
            report.convict(subject, text)

    def _enters(self, who: Person, password: str, visitor: Visitor | None = None, code: str = "") -> bool:
        """Whether somebody who gives this is logged in afterwards."""
        visitor = visitor or Visitor(self.site)
        self._send(visitor, self.wanted.login, {"email": who.email, "password": password})
        if code:
            self._send(visitor, self.wanted.code, {"email": who.email, "code": code})
        return self._inside(visitor)

    def _inside(self, visitor: Visitor) -> bool:
        answer = visitor.look(self.wanted.inside)
        if answer is None:
            raise CannotTell("inside", f"{self.wanted.inside} does not answer")
        if answer.status == 429 or answer.status >= 500:
            raise CannotTell("inside", f"{self.wanted.inside} answers {answer.status}", "try again later")
        return answer.status == 200

    def _send(self, visitor: Visitor, form: FormSettings | None, values: Mapping[str, str], page: str = "") -> None:
        if form is None:
            raise CannotTell("refusals", "a form is not declared", _NEXT)
        fields = dict(form.fields)
        for name, value in values.items():
            fields = {key: text.replace("{{" + name + "}}", value) for key, text in fields.items()}
        answer = visitor.submit(form.path, fields, page or form.form)
        if answer is None or answer.status == 429 or answer.status >= 500:
            status = answer.status if answer else "nothing"
            raise CannotTell(form.path, f"{form.path} answers {status}, so nothing can be told", "try again later")

    def _choose(self, link: str, password: str) -> None:
        self._send(Visitor(self.site), self.wanted.reset, {"password": password}, page=link)

    def _link(self, who: Person) -> str:
        """The reset link that is mailed. Raises CannotTell."""
        before = {one["id"] for one in self._mails(who)}
        self._send(Visitor(self.site), self.wanted.forgot, {"email": who.email})
        fresh: list[str] = []

        def arrived() -> bool:
            fresh[:] = [one["id"] for one in self._mails(who) if one["id"] not in before]
            return bool(fresh)

        if not until(arrived, MAIL_WITHIN):
            raise CannotTell("reset", f"no reset mail arrived within {MAIL_WITHIN.seconds} s", _NEXT)
        links = mails.links(self.mail, fresh[0], _MAIL)
        link = next((one for one in links if one.startswith(self.site.origin)), "")
        if not link:
            raise CannotTell("reset", "the reset mail has no link to the target", _NEXT)
        return link

    def _mails(self, who: Person) -> list[dict[str, str]]:
        return mails.caught(self.mail, _MAIL, to=who.email)


def somebody(*, second_factor: bool = False) -> Person:
    """A person for planted targets."""
    secret = base64.b32encode(secrets.token_bytes(20)).decode() if second_factor else ""
    return Person(email=f"golive-{secrets.token_hex(5)}@probe.example", password=secrets.token_hex(8), secret=secret)
