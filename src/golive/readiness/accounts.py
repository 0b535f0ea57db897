"""Two tenants on the target, as the user's own program makes them: credentials and objects for the probes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from golive.readiness.item import Subject, command_environment
from golive.readiness.programs import run_json
from golive.readiness.verdict import CannotTell

_HOW = 'set [readiness] accounts to a program that prints them: see the guide, "Accounts"'


class Account(BaseModel):
    """Somebody on the target: headers that prove it, and the identifiers of objects that are theirs by parameter."""

    model_config = ConfigDict(extra="forbid")
    headers: dict[str, str] = {}
    objects: dict[str, str | int] = {}


class Accounts(BaseModel):
    """`owner` is valid; `stranger` is valid in another tenant; `expired` was valid once."""

    model_config = ConfigDict(extra="forbid")
    owner: Account
    stranger: Account
    expired: Account | None = None
    session: Account | None = None

    def secrets(self) -> list[str]:
        known = [self.owner, self.stranger, self.expired, self.session]
        return [part for one in known if one for value in one.headers.values() for part in (value, value.split()[-1])]


def read(given: Any) -> Accounts:
    """Accounts from JSON. Raises CannotTell."""
    try:
        return Accounts.model_validate(given)
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise CannotTell("accounts", f"the accounts program printed something else: {where}", _HOW) from error


def accounts(subject: Subject, command: list[str]) -> Accounts:
    """The run's accounts, made once. Raises CannotTell."""
    if "accounts" not in subject.shared:
        if not command:
            raise CannotTell("accounts", "no accounts to probe with are declared", _HOW)
        environment: Mapping[str, str] = command_environment(subject)
        subject.shared["accounts"] = read(run_json(command, subject.folder(), environment))
    found: Accounts = subject.shared["accounts"]
    return found
