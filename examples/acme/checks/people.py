"""People who use acme in its journeys, and the forms they fill in without a browser.

Each has an account below `synthetic.acme.example`, by which acme tells them from customers.
"""

import re
import secrets
from dataclasses import dataclass

import httpx
from golive_client.journeys.mail import Mailbox

DOMAIN = "synthetic.acme.example"
CARD = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


@dataclass(frozen=True)
class Person:
    """Somebody who uses acme."""

    name: str
    team: str
    email: str
    password: str


def somebody() -> Person:
    """A person whom acme does not know yet."""
    word = secrets.token_hex(5)
    return Person(f"Journey {word}", f"Team {word}", f"journey-{word}@{DOMAIN}", f"pass-{secrets.token_urlsafe(12)}")


def submit(site: httpx.Client, form: str, **values: str) -> httpx.Response:
    """Fill in a form of acme's and send it, as a browser without scripts would."""
    found = TOKEN.search(site.get(form).text)
    assert found, f"{form} has no form"
    return site.post(form, data={"form_token": found[1], **values})


def register(site: httpx.Client, mailbox: Mailbox) -> Person:
    """Somebody with a confirmed account."""
    who = somebody()
    submit(site, "/signup", name=who.name, team=who.team, email=who.email, password=who.password).raise_for_status()
    site.get(mailbox.wait(to=who.email, subject="Confirm").links[0]).raise_for_status()
    site.cookies.clear()
    return who
