"""What golive needs to know of a git host. A module reads its webhooks and words its API calls; it performs none."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Headers = Mapping[str, str]


class Happened(StrEnum):
    """What a webhook tells."""

    PUSH = "push"
    PULL_REQUEST = "pull request"
    CLOSED = "closed"


@dataclass(frozen=True)
class Event:
    """A push, or a pull request that was opened, changed or closed. `fetch` is the ref to fetch it by."""

    happened: Happened
    branch: str
    commit: str
    fetch: str
    repository: str
    number: str = ""
    fork: bool = False
    by: str = ""


@dataclass(frozen=True)
class Call:
    """A call of a host's API, as data."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Status:
    """What is reported for a commit: state is pending, success, failure or error."""

    commit: str
    state: str
    text: str
    link: str


@dataclass(frozen=True)
class Host:
    """One kind of host. The functions are pure."""

    name: str
    api: str  # the usual address of its API
    verified: Callable[[Headers, bytes, str], bool]
    delivery: Callable[[Headers], str]
    event: Callable[[Headers, Any], Event | None]
    authorization: Callable[[str], tuple[str, str]]
    status: Callable[[str, Status], Call]
    comment: Callable[[str, str, str], Call]  # repository, pull request, text
    changed_comment: Callable[[str, str, str, str], Call]  # repository, pull request, comment's id, text
    deployment: Callable[[str, str, str, str], Call] | None = None  # repository, commit, environment, text


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether a hex HMAC-SHA-256 of the body is right, in constant time."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(wanted.encode(), signature.strip().lower().encode())


def text(value: Any, *path: str) -> str:
    """A text somewhere in a payload, or ""."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def is_commit(word: str) -> bool:
    """Whether a word is a whole commit id that is not the zero id."""
    return len(word) in (40, 64) and all(c in "0123456789abcdef" for c in word) and set(word) != {"0"}
