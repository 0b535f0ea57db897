"""One request and its answer as evidence: shortened, and without anything that is secret."""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from golive.kit.outbound import Answer

HIDDEN = "[hidden]"
_BODY_CHARACTERS = 300
_PRIVATE = re.compile(r"authorization|cookie|signature|token|secret|api-?key|password", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_+/=.-]{20,}")
_ASSIGNED = re.compile(r"""(?i)((?:password|secret|token|api_?key)["']?\s*[=:]\s*["']?)[^\s"'&,;}]{4,}""")
_COOKIE_VALUE = re.compile(r"^([^=;]+)=[^;]*")


def hide(text: str, secrets: Collection[str] = ()) -> str:
    """The text without known secrets, and without anything that looks like one."""
    for secret in sorted((one for one in secrets if len(one) > 3), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _ASSIGNED.sub(lambda found: found[1] + HIDDEN, text)
    return _TOKEN.sub(lambda found: HIDDEN if _random_looking(found[0]) else found[0], text)


def _random_looking(word: str) -> bool:
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word) and not word.startswith("http")


def header(name: str, value: str, secrets: Collection[str] = ()) -> str:
    """A header's value for evidence; of a cookie that is set only the value goes, its attributes are what matters."""
    if name.lower() == "set-cookie":
        return _COOKIE_VALUE.sub(rf"\1={HIDDEN}", value)
    return HIDDEN if _PRIVATE.search(name) else hide(value, secrets)


def shown(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    answer: Answer | str,
    at: datetime,
    secrets: Collection[str] = (),
) -> dict[str, Any]:
    """The exchange as JSON; `answer` is the response, or why there was none."""
    request = {
        "method": method,
        "url": hide(url, secrets),
        "headers": {name: header(name, value, secrets) for name, value in headers.items()},
        "body_bytes": len(content),
    }
    if isinstance(answer, str):
        return {"at": at.isoformat(), "request": request, "response": {"none": hide(answer, secrets)}}
    text = answer.body[: _BODY_CHARACTERS * 4].decode("utf-8", "replace")
    response = {
        "status": answer.status,
        "headers": [[name, header(name, value, secrets)] for name, value in answer.headers[:40]],
        "body": hide(text, secrets)[:_BODY_CHARACTERS],
        "body_sha256": hashlib.sha256(answer.body).hexdigest(),
        "ms": round(answer.phases.total_ms, 1),
    }
    return {"at": at.isoformat(), "request": request, "response": response}
