"""Prints two tenants as JSON for golive's probes: keys, sessions, and objects of their own. For previews only.

It speaks to the database that ACME_DATABASE_URL names and pays at the payment provider's simulator.
"""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy.orm import Session

from acme import people
from acme.database import make_engine
from acme.models import ApiKey, User
from acme.payments.client import PaymentClient
from acme.people import Wish
from acme.plans import BUSINESS
from acme.settings import Settings
from acme.tokens import form_token, token_hash
from acme.web.identity import SESSION_COOKIE
from acme.work import Work

CARD = "4242424242424242"


def tenant(db: Session, now: datetime) -> User:
    """A fresh account with a confirmed owner."""
    name = f"probe-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(16)
    made = people.sign_up(db, Wish("Golive probe", name, f"{name}@probe.acme.example", password), now)
    user = people.verify(db, made[1], now) if made else None
    if user is None:
        raise SystemExit("no account could be made")
    return user


def subscription(settings: Settings, user: User) -> str:
    """The id of a paid subscription at the simulator; empty when a real provider is set."""
    if "127.0.0.1" not in settings.stripe_url:
        return ""
    client = PaymentClient(settings.stripe_url, settings.stripe_key)
    pay_page = client.checkout(BUSINESS, user.account_id, None, user.email, f"{settings.url}/billing")
    httpx.post(pay_page, data={"card_number": CARD})
    session = urlsplit(pay_page).path.rpartition("/")[2]
    answer = httpx.get(
        f"{settings.stripe_url}/v1/checkout/sessions/{session}",
        headers={"Authorization": f"Bearer {settings.stripe_key}"},
    )
    return str(answer.json()["subscription"])


def objects(db: Session, user: User) -> dict[str, list[int] | str]:
    """Projects, tasks and keys of this account: of each one that stays and some that probes may destroy."""
    work = Work(db, user.account_id)
    projects = [work.add_project(f"Probe {number}").id for number in range(3)]
    tasks = [work.add_task(projects[0], f"Probe {number}") for number in range(3)]
    for number in range(2):
        people.new_api_key(db, user, f"to be probed {number}")
    keys = [key.id for key in people.api_keys(db, user.account_id)[-2:]]
    return {"project_id": projects, "task_id": [task.id for task in tasks if task], "key_id": keys}


def account(db: Session, settings: Settings, user: User, now: datetime) -> dict[str, Any]:
    """A key and a browser's session with its form token."""
    key, token = people.new_api_key(db, user, "probes"), people.log_in(db, user, now)
    return {
        "headers": {"Authorization": f"Bearer {key}"},
        "session": {"Cookie": f"{SESSION_COOKIE}={token}"},
        "fields": {"form_token": form_token(settings.secret, token)},
        "objects": objects(db, user),
    }


def expired(db: Session, user: User, now: datetime) -> dict[str, dict[str, str]]:
    """A key and a session that were valid once."""
    key = people.new_api_key(db, user, "expired")
    kept = db.query(ApiKey).filter(ApiKey.key_hash == token_hash(key)).one()
    people.revoke_api_key(db, user.account_id, kept.id, now)
    session = people.log_in(db, user, now - people.LOGIN_LASTS)
    return {"headers": {"Authorization": f"Bearer {key}"}, "session": {"Cookie": f"{SESSION_COOKIE}={session}"}}


def main() -> None:
    settings, now = Settings.from_environment(), datetime.now(UTC)
    engine = make_engine(settings)
    with Session(engine, expire_on_commit=False) as db:
        owner, stranger = tenant(db, now), tenant(db, now)
        mine = account(db, settings, owner, now)
        mine["objects"]["subscription"] = subscription(settings, owner)
        made = {
            "owner": mine,
            "stranger": account(db, settings, stranger, now),
            "expired": expired(db, owner, now - timedelta(minutes=1)),
        }
    print(json.dumps(made))
    engine.dispose()


if __name__ == "__main__":
    main()
