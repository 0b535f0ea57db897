"""Gitea and Forgejo: GitHub's events with a bare hex signature; https://docs.gitea.com/usage/webhooks."""

from dataclasses import replace
from typing import Any

from golive.pipelines.hosts import github
from golive.pipelines.hosts.host import Event, Headers, Host, signed


def verified(headers: Headers, body: bytes, secret: str) -> bool:
    signature = headers.get("X-Gitea-Signature") or headers.get("X-Forgejo-Signature") or ""
    return signed(body, secret, signature)


def event(headers: Headers, body: Any) -> Event | None:
    return github.read(headers.get("X-Gitea-Event") or headers.get("X-Forgejo-Event") or "", body)


GITEA = Host(
    "gitea",
    "",
    verified,
    lambda headers: headers.get("X-Gitea-Delivery") or headers.get("X-Forgejo-Delivery") or "",
    event,
    lambda token: ("Authorization", f"token {token}"),
    github.status,
    github.comment,
    github.changed_comment,
)
FORGEJO = replace(GITEA, name="forgejo")
