"""Passwords: what is accepted, and how they are kept (argon2id)."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
LONGEST = 200
_COMMON = {"password", "1234567890", "qwertyuiop", "passwordpassword", "letmeinletmein"}

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's minimum for argon2id
_NOBODY = _hasher.hash("nobody has this password")


def weakness(password: str, email: str) -> str | None:
    """Why a password is not accepted, or None."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if password.lower() in _COMMON or len(set(password)) < 4:
        return "This password is too easy to guess."
    if password.lower() in (email.lower(), email.lower().partition("@")[0]):
        return "Use something other than your email address."
    return None


def hashed(password: str) -> str:
    """The text to keep."""
    return _hasher.hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether the password fits; takes as long when there is no such person, so that nobody can ask who exists."""
    try:
        return _hasher.verify(kept or _NOBODY, password) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False
