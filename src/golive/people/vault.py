"""Encryption at rest with a key of this install: AES-256-GCM, each text bound to what it belongs to."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from golive.kit.folders import kept_secret

_FORMAT = b"\x01"
_NONCE_BYTES = 12


class VaultError(Exception):
    """A text cannot be decrypted here."""


def _cipher() -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"golive secrets 1")
    return AESGCM(derive.derive(kept_secret("secrets").encode()))


def encrypt(text: str, belongs_to: str) -> bytes:
    """Encrypt; only the same `belongs_to` decrypts, so that rows cannot be swapped."""
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + _cipher().encrypt(nonce, text.encode(), belongs_to.encode())


def decrypt(sealed: bytes, belongs_to: str) -> str:
    """Decrypt. Raises VaultError when the key of this install is another or the bytes were altered."""
    if sealed[:1] != _FORMAT:
        raise VaultError("This was encrypted in a format that this version does not know; upgrade golive.")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return _cipher().decrypt(nonce, body, belongs_to.encode()).decode()
    except InvalidTag:
        raise VaultError(
            "This was encrypted by another install or altered; restore the data folder's keys/secrets file."
        ) from None


def encrypt_text(text: str, belongs_to: str) -> str:
    """`encrypt` for a column of text."""
    return base64.b64encode(encrypt(text, belongs_to)).decode()


def decrypt_text(sealed: str, belongs_to: str) -> str:
    """`decrypt` for a column of text."""
    return decrypt(base64.b64decode(sealed), belongs_to)
