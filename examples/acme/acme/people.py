"""People: signing up, confirming an address, logging in, resetting a password, inviting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from acme import passwords
from acme.models import Account, ApiKey, Login, MailToken, Purpose, Role, User
from acme.tokens import fresh_token, token_hash

LOGIN_LASTS = timedelta(days=14)
_LINK_LASTS = {
    Purpose.VERIFY: timedelta(days=2),
    Purpose.RESET: timedelta(hours=1),
    Purpose.INVITE: timedelta(days=7),
    Purpose.SECOND: timedelta(minutes=5),
}


class Refused(Exception):
    """What was asked for cannot be done; the message is for the person who asked."""


@dataclass(frozen=True)
class Wish:
    """What someone typed into the sign-up form."""

    name: str
    team: str
    email: str
    password: str


def clean_email(text: str) -> str:
    """A syntactically valid address in its normal form. Raises Refused."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Refused("This is not an email address.") from error


def clean_name(text: str, what: str) -> str:
    """A name of 1 to 80 characters on one line. Raises Refused."""
    name = " ".join(text.split())
    if not name or len(name) > 80:
        raise Refused(f"Give {what} of at most 80 characters.")
    return name


def by_email(db: Session, email: str) -> User | None:
    """The person with this address, whatever its case."""
    return db.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


def sign_up(db: Session, wish: Wish, now: datetime) -> tuple[User, str] | None:
    """Make an account with its owner: the person and the token for the confirmation mail.

    None when the address is taken: the caller answers as if all were well, so that nobody learns who is a customer.
    Raises Refused.
    """
    email = clean_email(wish.email)
    name, team = clean_name(wish.name, "your name"), clean_name(wish.team, "a team name")
    if weak := passwords.weakness(wish.password, email):
        raise Refused(weak)
    if by_email(db, email) is not None:
        return None
    account = Account(name=team)
    db.add(account)
    db.flush()
    user = User(
        account_id=account.id,
        email=email,
        name=name,
        role=Role.OWNER,
        password_hash=passwords.hashed(wish.password),
    )
    db.add(user)
    try:
        db.flush()
    except IntegrityError:  # someone else took the address a moment ago
        db.rollback()
        return None
    token = new_link(db, user, Purpose.VERIFY, now)
    db.commit()
    return user, token


def new_link(db: Session, user: User, purpose: Purpose, now: datetime) -> str:
    """A token for a mail; it replaces earlier ones for the same purpose. The caller commits."""
    db.execute(delete(MailToken).where(MailToken.user_id == user.id, MailToken.purpose == purpose))
    token = fresh_token()
    db.add(
        MailToken(
            token_hash=token_hash(token),
            user_id=user.id,
            purpose=purpose,
            expires_at=now + _LINK_LASTS[purpose],
        )
    )
    return token


def holder(db: Session, token: str, purposes: tuple[Purpose, ...], now: datetime) -> MailToken | None:
    """The valid, unused link behind a token."""
    link = db.get(MailToken, token_hash(token))
    if link is None or link.purpose not in purposes or link.used_at is not None or link.expires_at <= now:
        return None
    return link


def verify(db: Session, token: str, now: datetime) -> User | None:
    """Confirm an address by its link; None when the link is wrong, used or too old."""
    link = holder(db, token, (Purpose.VERIFY,), now)
    if link is None or not _use(db, link, now):
        return None
    link.user.verified_at = link.user.verified_at or now
    db.commit()
    return link.user


def choose_password(db: Session, token: str, password: str, now: datetime) -> User | None:
    """Set a password by a reset link or an invitation, and end all sessions. Raises Refused for a weak one."""
    link = holder(db, token, (Purpose.RESET, Purpose.INVITE), now)
    if link is None:
        return None
    if weak := passwords.weakness(password, link.user.email):
        raise Refused(weak)
    if not _use(db, link, now):
        return None
    link.user.password_hash = passwords.hashed(password)
    link.user.verified_at = link.user.verified_at or now  # the link came by mail
    db.execute(delete(Login).where(Login.user_id == link.user_id))
    db.commit()
    return link.user


def use_up(db: Session, link: MailToken, now: datetime) -> bool:
    """Use a link up and commit; False when someone else did at the same moment."""
    used = _use(db, link, now)
    db.commit()
    return used


def _use(db: Session, link: MailToken, now: datetime) -> bool:
    """Use a link up; False when someone else did at the same moment."""
    wanted = update(MailToken).where(MailToken.token_hash == link.token_hash, MailToken.used_at.is_(None))
    return db.execute(wanted.values(used_at=now).returning(MailToken.token_hash)).first() is not None


def check_password(db: Session, email: str, password: str) -> User | None:
    """The person, when the password is right."""
    user = by_email(db, email)
    return user if passwords.is_right(password, user.password_hash if user else None) else None


def log_in(db: Session, user: User, now: datetime) -> str:
    """Begin a session; returns the cookie's token."""
    token = fresh_token()
    db.execute(delete(Login).where(Login.user_id == user.id, Login.expires_at <= now))
    db.add(Login(token_hash=token_hash(token), user_id=user.id, expires_at=now + LOGIN_LASTS))
    db.commit()
    return token


def logged_in(db: Session, token: str, now: datetime) -> User | None:
    """The person behind a cookie."""
    login = db.get(Login, token_hash(token))
    return login.user if login is not None and login.expires_at > now else None


def log_out(db: Session, token: str) -> None:
    """End a session."""
    db.execute(delete(Login).where(Login.token_hash == token_hash(token)))
    db.commit()


def members(db: Session, account_id: int) -> list[User]:
    """Everyone of an account, the longest there first."""
    return list(db.scalars(select(User).where(User.account_id == account_id).order_by(User.id)))


def invite(db: Session, inviter: User, email: str, now: datetime) -> tuple[User, str]:
    """Add a member who has yet to choose a password: the person and the token for the mail. Raises Refused."""
    email = clean_email(email)
    if inviter.role != Role.OWNER:
        raise Refused("Only the owner of the account invites people.")
    if by_email(db, email) is not None:
        raise Refused("This address already belongs to someone on acme.")
    user = User(account_id=inviter.account_id, email=email, name=email.partition("@")[0], role=Role.MEMBER)
    db.add(user)
    db.flush()
    token = new_link(db, user, Purpose.INVITE, now)
    db.commit()
    return user, token


KEY_PREFIX = "acme_"


def new_api_key(db: Session, user: User, name: str) -> str:
    """Make an API key; it is shown once. Raises Refused."""
    key = fresh_token(KEY_PREFIX)
    db.add(
        ApiKey(
            account_id=user.account_id,
            user_id=user.id,
            name=clean_name(name, "the key a name"),
            hint=key[: len(KEY_PREFIX) + 4],
            key_hash=token_hash(key),
        )
    )
    db.commit()
    return key


def api_keys(db: Session, account_id: int) -> list[ApiKey]:
    """The keys in force."""
    keys = select(ApiKey).where(ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None))
    return list(db.scalars(keys.order_by(ApiKey.id)))


def revoke_api_key(db: Session, account_id: int, key_id: int, now: datetime) -> bool:
    """Take a key out of force; False when the account has no such key."""
    key = db.scalar(select(ApiKey).where(ApiKey.account_id == account_id, ApiKey.id == key_id))
    if key is None:
        return False
    key.revoked_at = key.revoked_at or now
    db.commit()
    return True


def by_api_key(db: Session, key: str) -> User | None:
    """The person who made a key that is in force."""
    found = db.scalar(select(ApiKey).where(ApiKey.key_hash == token_hash(key), ApiKey.revoked_at.is_(None)))
    return found.user if found else None
