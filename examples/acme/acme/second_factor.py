"""The second factor: one-time codes of an authenticator app (RFC 6238: SHA-1, 30 s, 6 digits), each accepted once."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import update
from sqlalchemy.orm import Session

from acme.models import Totp, User

STEP_SECONDS = 30
_DRIFT = (-1, 0, 1)


def fresh_secret() -> str:
    """160 random bits in base 32, as authenticator apps take them."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_of(secret: str, step: int) -> str:
    """The code of one time step."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def accepted_step(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The time step that a code belongs to, when it is later than the last one used; None when the code is no good."""
    code = code.replace(" ", "")
    for drift in _DRIFT:
        step = step_at(now) + drift
        if step > last and hmac.compare_digest(code_of(secret, step).encode(), code.encode()):
            return step
    return None


def address(secret: str, email: str) -> str:
    """What an authenticator app reads from a QR code."""
    return f"otpauth://totp/acme:{quote(email)}?secret={secret}&issuer=acme"


def of(db: Session, user: User) -> Totp | None:
    """The person's second factor, confirmed or not."""
    return db.get(Totp, user.id)


def is_on(db: Session, user: User) -> bool:
    kept = of(db, user)
    return kept is not None and kept.confirmed_at is not None


def begin(db: Session, user: User) -> Totp:
    """A secret to be confirmed; it replaces an unconfirmed one."""
    kept = of(db, user)
    if kept is None:
        kept = Totp(user_id=user.id, secret=fresh_secret(), last_step=0)
        db.add(kept)
        db.commit()
    return kept


def spend_code(db: Session, user: User, code: str, now: datetime) -> bool:
    """Whether the code is right; it is used up. The first right one confirms the factor."""
    kept = of(db, user)
    if kept is None:
        return False
    step = accepted_step(kept.secret, code, now, kept.last_step)
    if step is None:
        return False
    wanted = update(Totp).where(Totp.user_id == user.id, Totp.last_step < step)
    fields = {"last_step": step, "confirmed_at": kept.confirmed_at or now}
    used = db.execute(wanted.values(fields).returning(Totp.user_id)).first() is not None
    db.commit()
    return used


def turn_off(db: Session, user: User) -> None:
    """Forget the factor."""
    kept = of(db, user)
    if kept is not None:
        db.delete(kept)
        db.commit()
