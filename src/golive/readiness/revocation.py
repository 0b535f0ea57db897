"""Proof that a leaked secret is worth nothing any more: its own provider refuses it.

The secret is sent to nobody but the provider that issued it, over the address that is declared for it.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from golive.kit.connections import Policy
from golive.readiness.asking import Ask, Site
from golive.readiness.verdict import CannotTell


class Worth(StrEnum):
    """What a provider says of a secret."""

    REFUSED = "refused"
    LIVE = "live"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Provider:
    """Who issued secrets of some rules, and how it is asked: a path, and headers made of the secret."""

    name: str
    url: str
    path: str
    headers: Callable[[str], Mapping[str, str]]
    method: str = "GET"
    also_own: bool = False
    """Whether people run it themselves: then the public one knows nothing of their secrets, and refuses them."""


def _bearer(secret: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _basic(secret: str) -> Mapping[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{secret}:".encode()).decode()}


_GITHUB = Provider("github", "https://api.github.com", "/user", _bearer, also_own=True)
PROVIDERS: Mapping[str, Provider] = {
    "GitHub token": _GITHUB,
    "GitHub fine-grained token": _GITHUB,
    "GitLab token": Provider(
        "gitlab", "https://gitlab.com", "/api/v4/user", lambda secret: {"PRIVATE-TOKEN": secret}, also_own=True
    ),
    "Stripe key": Provider("stripe", "https://api.stripe.com", "/v1/balance", _basic),
    "Slack token": Provider("slack", "https://slack.com", "/api/auth.test", _bearer, "POST"),
    "OpenAI key": Provider("openai", "https://api.openai.com", "/v1/models", _bearer),
    "Anthropic key": Provider(
        "anthropic",
        "https://api.anthropic.com",
        "/v1/models",
        lambda secret: {"x-api-key": secret, "anthropic-version": "2023-06-01"},
    ),
    "SendGrid key": Provider("sendgrid", "https://api.sendgrid.com", "/v3/scopes", _bearer),
    "npm token": Provider("npm", "https://registry.npmjs.org", "/-/whoami", _bearer),
    "DigitalOcean token": Provider("digitalocean", "https://api.digitalocean.com", "/v2/account", _bearer),
}


def worth(rule: str, secret: str, addresses: Mapping[str, str], policy: Policy | None) -> tuple[Worth, str]:
    """Whether the provider of a secret still takes it, and who said so."""
    provider = PROVIDERS.get(rule)
    if provider is None:
        return Worth.UNKNOWN, "no provider can be asked about it"
    site = Site(addresses.get(provider.name, provider.url), policy=policy, hidden=[secret])
    try:
        answer = site.ask(Ask(provider.path, provider.method, provider.headers(secret)))
    except CannotTell:
        answer = None
    if answer is None:
        return Worth.UNKNOWN, f"{provider.name} could not be asked"
    said, who = judge(provider.name, answer.status, answer.body), f"{provider.name} answered {answer.status}"
    if said is Worth.REFUSED and provider.also_own and provider.name not in addresses:
        return Worth.UNKNOWN, f"{who}, but the one that issued it is not named under providers"
    return said, who


def judge(provider: str, status: int, body: bytes) -> Worth:
    """A refusal is 401; what is known but may not do this (403) lives."""
    if provider == "slack" and status == 200:
        said = _json(body).get("ok")
        return Worth.LIVE if said is True else Worth.REFUSED if said is False else Worth.UNKNOWN
    if status == 401:
        return Worth.REFUSED
    return Worth.LIVE if status in (200, 403) else Worth.UNKNOWN


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
