"""Who may talk to the embedded store: two accounts, checked on every request in constant time."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from golive.kit.folders import kept_secret


class Right(StrEnum):
    """What an account may do."""

    READ = "reader"
    WRITE = "writer"


@dataclass(frozen=True)
class Account:
    """A name, its password and its right."""

    name: str
    password: str
    right: Right


def accounts() -> tuple[Account, ...]:
    """The accounts of this install; passwords are made on first use and kept in the data folder."""
    return tuple(Account(right.value, kept_secret(f"store-{right.value}"), right) for right in Right)


def credentials(headers: Mapping[str, str], parameters: Mapping[str, str]) -> tuple[str, str] | None:
    """Name and password as ClickHouse takes them: X-ClickHouse-User/-Key, Basic, or `user` and `password`."""
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return name, password
    if "user" in parameters:
        return parameters["user"], parameters.get("password", "")
    return None


def authenticate(given: tuple[str, str] | None, known: tuple[Account, ...]) -> Account | None:
    """The account these credentials open, or None. Every account is compared, whatever is found on the way."""
    if given is None:
        return None
    name, password = (text.encode(errors="replace") for text in given)
    found = None
    for account in known:
        same_name = hmac.compare_digest(account.name.encode(), name)
        same_password = hmac.compare_digest(account.password.encode(), password)
        if same_name & same_password:
            found = account
    return found
