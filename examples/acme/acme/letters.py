"""The mails that follow a signup, each once: what is due is decided from facts and the time, then sent.

`python -m acme letters` sends what is due now; `--now` moves the clock, for tests of the whole sequence.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from acme.mail import Letter, Send
from acme.models import Project, SentLetter, User


@dataclass(frozen=True)
class Facts:
    """What the sequence knows of a person who has confirmed their address."""

    confirmed_at: datetime
    has_project: bool
    members: int
    unsubscribed: bool


@dataclass(frozen=True)
class Stage:
    """One mail of the sequence: so long after the confirmation, to those whom it still helps."""

    key: str
    after: timedelta
    helps: Callable[[Facts], bool]
    subject: str
    text: str


SEQUENCE = (
    Stage(
        "welcome",
        timedelta(),
        lambda facts: True,
        "Welcome to acme",
        "Make a project, write down three tasks, and look at the report on Friday.\n\n{url}/app",
    ),
    Stage(
        "first-project",
        timedelta(days=1),
        lambda facts: not facts.has_project,
        "Your first project on acme",
        "A project takes one line. What are you working on this week?\n\n{url}/app",
    ),
    Stage(
        "invite",
        timedelta(days=3),
        lambda facts: facts.members < 2,
        "acme is better together",
        "Invite a colleague, and the report shows what both of you do.\n\n{url}/team",
    ),
    Stage(
        "plans",
        timedelta(days=7),
        lambda facts: True,
        "A week with acme",
        "If your team grows, the Team plan holds 25 projects and ten people.\n\n{url}/billing",
    ),
)
_TOO_LATE = timedelta(days=3)  # nobody wants last month's welcome


def due(facts: Facts, sent: Collection[str], now: datetime) -> list[Stage]:
    """The mails that somebody should get now."""
    if facts.unsubscribed:
        return []
    age = now - facts.confirmed_at
    return [
        stage
        for stage in SEQUENCE
        if stage.key not in sent and stage.after <= age < stage.after + _TOO_LATE and stage.helps(facts)
    ]


def unsubscribe_token(secret: str, user_id: int) -> str:
    """What the link in a mail carries: nobody can make one for somebody else."""
    return f"{user_id}.{hmac.new(secret.encode(), f'letters:{user_id}'.encode(), sha256).hexdigest()[:32]}"


def unsubscribe(db: Session, secret: str, token: str, now: datetime) -> bool:
    """Take somebody off the sequence; False when the link is not ours."""
    ident, _, _ = token.partition(".")
    known = ident.isascii() and ident.isdigit() and len(ident) < 19
    if not known or not hmac.compare_digest(unsubscribe_token(secret, int(ident)).encode(), token.encode()):
        return False
    user = db.get(User, int(ident))
    if user is None:
        return False
    user.unsubscribed_at = user.unsubscribed_at or now
    db.commit()
    return True


def send_due(db: Session, send: Send, url: str, secret: str, now: datetime) -> int:
    """Send all that is due, each mail once even when two processes try; how many."""
    count = 0
    for user, facts, sent in _people(db, now):
        for stage in due(facts, sent, now):
            if _claim(db, user, stage, now):
                send(_letter(user, stage, url, secret))
                count += 1
    return count


def _letter(user: User, stage: Stage, url: str, secret: str) -> Letter:
    away = f"{url}/unsubscribe?token={unsubscribe_token(secret, user.id)}"
    text = f"Hello {user.name},\n\n{stage.text.format(url=url)}\n\nNo more of these mails: {away}\n"
    headers = {"List-Unsubscribe": f"<{away}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Letter(user.email, stage.subject, text, headers)


def _people(db: Session, now: datetime) -> Iterator[tuple[User, Facts, set[str]]]:
    window = SEQUENCE[-1].after + _TOO_LATE
    wanted = select(User).where(User.verified_at.is_not(None), User.verified_at > now - window, User.role == "owner")
    people: Iterable[User] = list(db.scalars(wanted))
    for user in people:
        members = db.scalar(select(func.count(User.id)).where(User.account_id == user.account_id)) or 0
        project = bool(db.scalar(select(exists().where(Project.account_id == user.account_id))))
        sent = set(db.scalars(select(SentLetter.key).where(SentLetter.user_id == user.id)))
        if user.verified_at is not None:
            yield user, Facts(user.verified_at, project, members, user.unsubscribed_at is not None), sent


def _claim(db: Session, user: User, stage: Stage, now: datetime) -> bool:
    row = insert(SentLetter).values(user_id=user.id, key=stage.key, at=now)
    claimed = db.execute(row.on_conflict_do_nothing().returning(SentLetter.key)).first() is not None
    db.commit()
    return claimed
