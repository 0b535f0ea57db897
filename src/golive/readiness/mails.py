"""golive's mail sink, where a preview's mail is caught: asked over its API."""

import json
from typing import Any
from urllib.parse import urlencode

from golive.readiness.asking import Site
from golive.readiness.verdict import CannotTell


def caught(sink: Site, todo: str, **wanted: str | int) -> list[dict[str, Any]]:
    """The mails that fit (`to`, `subject`), the newest first. Raises CannotTell, with what to do, when it is silent."""
    found: list[dict[str, Any]] = _asked(sink, f"/api/messages?{urlencode(wanted)}", todo).get("messages", [])
    return found


def links(sink: Site, ident: str, todo: str) -> list[str]:
    """The links in one mail. Raises CannotTell."""
    return [str(link) for link in _asked(sink, f"/api/messages/{ident}", todo).get("links", [])]


def _asked(sink: Site, path: str, todo: str) -> dict[str, Any]:
    answer = sink.get(path)
    try:
        given = json.loads(answer.body) if answer and answer.status == 200 else None
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise CannotTell("mail", "the mail sink does not answer", todo)
    return given
