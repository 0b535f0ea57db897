"""Rate limits by address and by account, counted in the database so that all workers share them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from acme.models import RateCount
from acme.tokens import token_hash


@dataclass(frozen=True)
class Limit:
    """At most `most` attempts in each window."""

    name: str
    most: int
    window: timedelta


LOGIN_BY_ADDRESS = Limit("login:address", 30, timedelta(minutes=5))
LOGIN_BY_EMAIL = Limit("login:email", 10, timedelta(minutes=5))
SIGNUP_BY_ADDRESS = Limit("signup:address", 20, timedelta(minutes=10))
MAIL_BY_EMAIL = Limit("mail:email", 5, timedelta(minutes=10))
CODE_BY_PERSON = Limit("code:person", 10, timedelta(minutes=5))
SUPPORT_BY_ADDRESS = Limit("support:address", 10, timedelta(minutes=10))
API_BY_KEY = Limit("api:key", 600, timedelta(minutes=1))
API_FAILURES_BY_ADDRESS = Limit("api:failures", 120, timedelta(minutes=1))


class TooManyAttempts(Exception):
    """The limit is reached; try again after so many seconds."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many attempts; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


def window_start(limit: Limit, now: datetime) -> datetime:
    """The beginning of the window that `now` falls into; windows are aligned to the epoch."""
    length = int(limit.window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // length * length, UTC)


def seconds_left(limit: Limit, now: datetime) -> int:
    """Until the window ends, at least 1."""
    return max(1, round((window_start(limit, now) + limit.window - now).total_seconds()))


def spend(db: Session, limit: Limit, who: str, now: datetime, window: timedelta | None = None) -> None:
    """Count one attempt at once (it commits); `window` replaces the limit's own. Raises TooManyAttempts beyond it."""
    limit = replace(limit, window=window or limit.window)
    # Hashed, so that a primary key of fixed length holds whatever a stranger typed.
    row = {"key": token_hash(f"{limit.name}:{who.lower()}"), "window": window_start(limit, now), "count": 1}
    counted = (
        insert(RateCount)
        .values(row)
        .on_conflict_do_update(index_elements=[RateCount.key, RateCount.window], set_={"count": RateCount.count + 1})
    )
    count = db.execute(counted.returning(RateCount.count)).scalar_one()
    db.commit()
    if count > limit.most:
        raise TooManyAttempts(seconds_left(limit, now))


def forget_old(db: Session, now: datetime) -> None:
    """Delete counts that no window needs any more."""
    db.execute(delete(RateCount).where(RateCount.window < now - timedelta(hours=1)))
    db.commit()
