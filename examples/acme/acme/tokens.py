"""Random tokens (session cookies, links in mails, API keys): people get the token, the database its hash."""

import hashlib
import hmac
import secrets


def fresh_token(prefix: str = "") -> str:
    """256 random bits as URL-safe text."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token. A plain hash suffices: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(secret: str, visitor: str) -> str:
    """The proof that a form was served to this visitor's browser by us."""
    return hmac.new(secret.encode(), b"form:" + visitor.encode(), hashlib.sha256).hexdigest()


def is_form_token(secret: str, visitor: str, token: str) -> bool:
    """Whether a submitted proof is right, compared in constant time."""
    return bool(visitor) and hmac.compare_digest(form_token(secret, visitor).encode(), token.encode())
