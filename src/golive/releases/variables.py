"""Variables of an environment: encrypted, versioned, never shown. A change makes a new version, which a deploy uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from golive.people import audit, vault
from golive.releases.errors import ReleaseError
from golive.releases.models import Environment, Variable

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}")
OURS = ("SOCKET", "GOLIVE_RELEASE", "GOLIVE_ENVIRONMENT", "GOLIVE_UNIT")


class VariableError(ReleaseError):
    """A variable's name or value cannot be used; the message never shows a value."""

    exit_code = 3


@dataclass(frozen=True)
class Known:
    """What is told of a variable without opening it."""

    name: str
    version: int
    at: datetime
    by: str


def version(environment: Environment) -> int:
    """The newest version; 0 before the first variable."""
    return int(Variable.objects.filter(environment=environment).aggregate(last=Max("version"))["last"] or 0)


def change(
    environment: Environment, values: Mapping[str, str | None], *, by: str, at: datetime
) -> int:  # fmt: skip
    """Set variables, or take those away whose value is None, as one new version. Raises VariableError."""
    for name, value in values.items():
        if not NAME.fullmatch(name):
            raise VariableError(f"{name!r} is no variable's name: letters, digits and _, not beginning with a digit.")
        if name in OURS:
            raise VariableError(f"{name} is set by golive itself.")
        if value is not None and "\0" in value:
            raise VariableError(f"The value of {name} holds a zero byte, which no environment can carry.")
    known = {one.name for one in kept(environment)}
    if missing := [name for name, value in values.items() if value is None and name not in known]:
        raise VariableError(f"There is no variable {', '.join(missing)} in {environment.name}.")
    if not values:
        raise VariableError("Nothing to change.")
    with transaction.atomic():
        new = version(environment) + 1
        for name, value in values.items():
            sealed = "" if value is None else vault.encrypt_text(value, _belongs(environment, new, name))
            Variable.objects.create(environment=environment, version=new, name=name, sealed=sealed, at=at, by=by)
        audit.record(
            by, "variables.change", environment.name, project=environment.project, names=sorted(values), version=new
        )
        return new


def kept(environment: Environment, upto: int | None = None) -> list[Known]:
    """The variables in force in a version, by name."""
    return [Known(v.name, v.version, v.at, v.by) for v in _rows(environment, upto).values() if v.sealed]


def values(environment: Environment, upto: int | None = None) -> dict[str, str]:
    """The variables of a version, opened: for a process's environment, nothing else."""
    return {
        name: vault.decrypt_text(row.sealed, _belongs(environment, row.version, name))
        for name, row in sorted(_rows(environment, upto).items())
        if row.sealed
    }


def _rows(environment: Environment, upto: int | None) -> dict[str, Variable]:
    rows = Variable.objects.filter(environment=environment).order_by("name", "version")
    if upto is not None:
        rows = rows.filter(version__lte=upto)
    return {row.name: row for row in rows}


def _belongs(environment: Environment, number: int, name: str) -> str:
    return f"variable:{environment.pk}:{number}:{name}"
