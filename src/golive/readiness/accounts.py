"""Two tenants on the target, as the user's own program makes them: credentials and objects for the probes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from golive.readiness.item import Subject, command_environment
from golive.readiness.programs import printed, run_json
from golive.readiness.verdict import CannotTell

_HOW = 'set [readiness] accounts to a program that prints them: see the guide, "Accounts"'


@dataclass(frozen=True)
class Way:
    """A credential: headers of every request, and fields of every form."""

    name: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]

    def spoiled(self) -> "Way":
        """The same in shape, but worth nothing."""
        return Way(self.name, {name: _spoil(value) for name, value in self.headers.items()}, self.fields)


def _spoil(value: str) -> str:
    """Keeps "Bearer " or "name=", replaces what comes after."""
    head = re.match(r"\w+[ =]", value)
    return (head[0] if head else "") + "golive-malformed-credential"


class Account(BaseModel):
    """Somebody on the target: headers that prove it, or a browser's session with what its forms must carry.

    `objects` are the identifiers of what is theirs, by the name of the route's parameter.
    """

    model_config = ConfigDict(extra="forbid")
    headers: dict[str, str] = {}
    session: dict[str, str] = {}
    fields: dict[str, str] = {}
    objects: dict[str, str | int | list[str | int]] = {}

    def kept(self) -> dict[str, str | int]:
        """One object of each kind, which no probe destroys."""
        return {name: value[0] if isinstance(value, list) else value for name, value in self.objects.items() if value}

    def spares(self) -> dict[str, list[str | int]]:
        """The objects that may be destroyed, by kind."""
        return {name: list(value[1:]) for name, value in self.objects.items() if isinstance(value, list)}

    def ways(self) -> list[Way]:
        """The ways in which they can ask."""
        ways = [Way("key", self.headers, {})] if self.headers else []
        return [*ways, Way("session", self.session, self.fields)] if self.session else ways


class Accounts(BaseModel):
    """`owner` is valid; `stranger` is valid in another tenant; `expired` was valid once."""

    model_config = ConfigDict(extra="forbid")
    owner: Account
    stranger: Account
    expired: Account | None = None

    def secrets(self) -> list[str]:
        known = [one for one in (self.owner, self.stranger, self.expired) if one]
        values = [
            value for one in known for way in one.ways() for value in (*way.headers.values(), *way.fields.values())
        ]
        return [part for value in values for part in (value, value.split()[-1], value.partition("=")[2])]


def read(given: Any) -> Accounts:
    """Accounts from JSON. Raises CannotTell."""
    return printed(Accounts, given, "accounts", _HOW)


def accounts(subject: Subject, command: list[str]) -> Accounts:
    """The run's accounts, made once. Raises CannotTell."""
    if "accounts" not in subject.shared:
        if not command:
            raise CannotTell("accounts", "no accounts to probe with are declared", _HOW)
        environment: Mapping[str, str] = command_environment(subject)
        subject.shared["accounts"] = read(run_json(command, subject.folder(), environment))
    found: Accounts = subject.shared["accounts"]
    return found
