"""Settings, from the environment alone."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any


class SettingsError(ValueError):
    """The environment does not describe a working acme; the message lists everything that is wrong."""


@dataclass(frozen=True)
class Settings:
    """What an operator may vary. Each field is read from `ACME_<NAME>`; those without a default are required."""

    database_url: str
    secret: str
    url: str = "http://127.0.0.1:8000"
    smtp: str = "smtp://127.0.0.1:2525"
    mail_from: str = "acme <hello@acme.example>"
    support_email: str = "support@acme.example"
    origins: str = ""
    rate_seconds: int = 0
    stripe_url: str = "https://api.stripe.com"
    stripe_key: str = ""
    stripe_webhook_secret: str = ""
    pool_size: int = 10
    pool_timeout_seconds: int = 5
    flags_url: str = ""
    flags_key: str = ""
    faults: bool = False
    faults_token: str = ""
    defects: str = ""

    @property
    def rate_window(self) -> timedelta | None:
        """The window of all rate limits when it is not the usual one: previews forget sooner."""
        return timedelta(seconds=self.rate_seconds) if self.rate_seconds else None

    @property
    def https(self) -> bool:
        """Whether people reach acme by HTTPS, so that cookies may demand it."""
        return self.url.startswith("https://")

    @property
    def stripe_pay_origin(self) -> str:
        """Where the provider's hosted pay page is: Stripe's own, or that of a simulator."""
        return "https://checkout.stripe.com" if self.stripe_url == "https://api.stripe.com" else self.stripe_url

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read ACME_… variables. Raises SettingsError naming every variable that is missing or wrong."""
        problems: list[str] = []
        values: dict[str, str | int | bool] = {}
        for field in fields(cls):
            name = f"ACME_{field.name.upper()}"
            text = environment.get(name, "").strip()
            if not text:
                continue
            try:
                values[field.name] = _READERS[field.type](text)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        for required in ("database_url", "secret"):
            if required not in values:
                problems.append(f"ACME_{required.upper()} is not set")
        if "secret" in values and len(str(values["secret"])) < 32:
            problems.append("ACME_SECRET must have at least 32 characters")
        if values.get("faults") and not values.get("faults_token"):
            problems.append("ACME_FAULTS needs ACME_FAULTS_TOKEN")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)  # type: ignore[arg-type]


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false"):
        raise ValueError(f"{text!r} is neither 1 nor 0")
    return text.lower() in ("1", "true")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number above zero")
    return int(text)


_READERS: dict[Any, Callable[[str], str | int | bool]] = {str: str, int: _count, bool: _flag}
