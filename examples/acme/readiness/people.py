"""Prints two fresh accounts as JSON, one of them with a second factor: golive tries what their logins must refuse.

For previews only: it speaks to the database that ACME_DATABASE_URL names.
"""

import json
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from acme import people, second_factor
from acme.database import make_engine
from acme.people import Wish
from acme.settings import Settings

STEP = timedelta(seconds=second_factor.STEP_SECONDS)


def somebody(db: Session, now: datetime, *, factor: bool) -> dict[str, str]:
    """A person with a confirmed address."""
    name, password = f"probe-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    made = people.sign_up(db, Wish("Golive probe", name, f"{name}@probe.acme.example", password), now)
    user = people.verify(db, made[1], now) if made else None
    if user is None:
        raise SystemExit("no account could be made")
    who = {"email": user.email, "password": password}
    if factor:
        who["secret"] = second_factor.begin(db, user).secret
        # confirmed with an old code, so that the next one is still to be used
        before = second_factor.code_of(who["secret"], second_factor.step_at(now - STEP))
        second_factor.spend_code(db, user, before, now)
    return who


def main() -> None:
    engine, now = make_engine(Settings.from_environment()), datetime.now(UTC)
    with Session(engine, expire_on_commit=False) as db:
        print(json.dumps({"plain": somebody(db, now, factor=False), "second_factor": somebody(db, now, factor=True)}))
    engine.dispose()


if __name__ == "__main__":
    main()
