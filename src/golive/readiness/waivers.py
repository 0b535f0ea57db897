"""Waivers: findings that somebody has accepted for a while, kept in the repository and reviewed like code.

Each names the exact subject, an owner, an approver other than the owner, a reason and a last day within 90 days. One
that is malformed, expired or matches nothing is an error: a waiver that nobody needs hides the next finding.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

LONGEST = timedelta(days=90)
FILE = "readiness-waivers.toml"


class WaiverError(ValueError):
    """The waivers cannot be used; the message lists all that is wrong."""


class Waiver(BaseModel):
    """One accepted finding. `compensating` names an item that must pass for the waiver to hold."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    item: str
    subject: str = Field(min_length=1)
    owner: str = Field(min_length=3)
    approver: str = Field(min_length=3)
    reason: str = Field(min_length=10)
    expires: date
    compensating: str = ""

    @model_validator(mode="after")
    def _two_people(self) -> "Waiver":
        if self.owner.casefold() == self.approver.casefold():
            raise ValueError("the approver is the owner; somebody else must approve")
        return self


def read(file: Path, items: Sequence[str], today: date) -> list[Waiver]:
    """The waivers of a file; none when there is no file. Raises WaiverError with all that is wrong."""
    if not file.exists():
        return []
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WaiverError(f"{file.name} cannot be read: {error}") from error
    entries = data.pop("waiver", [])
    problems = [f"{file.name}: unknown key {key!r}; write [[waiver]]" for key in data]
    if not isinstance(entries, list):
        raise WaiverError(f"{file.name}: write [[waiver]] with two brackets")
    found: list[Waiver] = []
    for number, entry in enumerate(entries, 1):
        try:
            waiver = Waiver.model_validate(entry)
        except ValidationError as error:
            problems += [
                f"{file.name}: waiver {number}: {'.'.join(map(str, one['loc'])) or 'waiver'}: {one['msg']}"
                for one in error.errors(include_url=False)
            ]
            continue
        problems += [f"{file.name}: waiver {number}: {text}" for text in _wrong(waiver, items, today)]
        found.append(waiver)
    pairs = [(waiver.item, waiver.subject) for waiver in found]
    problems += [
        f"{file.name}: {item} {subject!r} is waived twice"
        for item, subject in set(pairs)
        if pairs.count((item, subject)) > 1
    ]
    if problems:
        raise WaiverError("\n".join(problems))
    return found


def _wrong(waiver: Waiver, items: Sequence[str], today: date) -> list[str]:
    wrong = []
    for name in filter(None, (waiver.item, waiver.compensating)):
        if name not in items:
            wrong.append(f"there is no item {name!r}")
    if waiver.compensating == waiver.item:
        wrong.append("an item cannot compensate for itself")
    if waiver.expires < today:
        wrong.append(f"it expired on {waiver.expires}; mend the finding or have it approved again")
    if waiver.expires > today + LONGEST:
        wrong.append(f"it lasts until {waiver.expires}; at most {LONGEST.days} days are accepted")
    return wrong


def waived(waivers: Sequence[Waiver], item: str, verdicts: Mapping[str, str] | None = None) -> list[str]:
    """The subjects of an item that are accepted; one whose compensating item did not pass is not."""
    known = verdicts or {}
    return [
        waiver.subject
        for waiver in waivers
        if waiver.item == item and (not waiver.compensating or known.get(waiver.compensating, "pass") == "pass")
    ]


def unused(waivers: Sequence[Waiver], found: Mapping[str, Sequence[str]]) -> list[str]:
    """Waivers that match no finding of the items that were examined: errors, in words."""
    return [
        f"the waiver of {waiver.item} {waiver.subject!r} matches nothing that was found; remove it"
        for waiver in waivers
        if waiver.item in found and waiver.subject not in found[waiver.item]
    ]
