"""Secrets of this install and the references by which settings name them. No error ever shows a value."""

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.db.models import Max

from golive.people import vault
from golive.people.models import Secret

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,119}")
KINDS = ("env:", "file:", "secret:")


class SecretError(ValueError):
    """A reference cannot be resolved; the message names the reference's kind and name, never a value."""


@dataclass(frozen=True)
class Kept:
    """What is known of a secret without opening it."""

    name: str
    version: int
    changed_at: datetime


def _belongs(name: str, version: int) -> str:
    return f"secret:{name}:{version}"


def put(name: str, value: str) -> Secret:
    """Keep a secret as its next version. Raises SecretError for a bad name or an empty value."""
    if not NAME.fullmatch(name):
        raise SecretError("A secret's name starts with a letter and has only letters, digits, dots, - and _.")
    if not value:
        raise SecretError(f"The value of secret {name} is empty.")
    with transaction.atomic():
        last = Secret.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
        return Secret.objects.create(
            name=name, version=last + 1, ciphertext=vault.encrypt(value, _belongs(name, last + 1))
        )


def get(name: str) -> str:
    """The newest version of a secret. Raises SecretError."""
    kept = Secret.objects.filter(name=name).order_by("-version").first()
    if kept is None:
        raise SecretError(f"There is no secret {name}; set it with: golive secret set {name}")
    try:
        return vault.decrypt(bytes(kept.ciphertext), _belongs(name, kept.version))
    except vault.VaultError as error:
        raise SecretError(f"Secret {name} cannot be opened. {error}") from None


def remove(name: str) -> int:
    """Forget a secret and all its versions; how many there were."""
    return Secret.objects.filter(name=name).delete()[0]


def kept() -> list[Kept]:
    """All secrets' names, newest versions and when they changed."""
    newest: dict[str, Kept] = {}
    for secret in Secret.objects.order_by("name", "version").only("name", "version", "created_at"):
        newest[secret.name] = Kept(secret.name, secret.version, secret.created_at)
    return list(newest.values())


def is_reference(text: str) -> bool:
    """Whether a setting refers to a secret instead of being one."""
    return text.startswith(KINDS)


def resolve(reference: str) -> str:
    """The value behind `env:NAME`, `file:/path` or `secret:NAME`. Raises SecretError."""
    kind, separator, name = reference.partition(":")
    if f"{kind}{separator}" not in KINDS:
        raise SecretError("A secret is given by reference: env:NAME, file:/path or secret:NAME.")
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            raise SecretError(f"The environment variable {name} is not set.")
        return value
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not a text file"
            raise SecretError(f"The secret's file {name} cannot be read: {why}.") from None
    return get(name)
