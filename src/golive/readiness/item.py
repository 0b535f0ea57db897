"""What an item of the checklists is, and what an examination is given."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from golive.kit.connections import Policy
from golive.people.secrets import SecretError, is_reference, resolve
from golive.readiness.asking import Site
from golive.readiness.verdict import CannotTell, Control, Report

S = TypeVar("S", bound=BaseModel)


class Area(StrEnum):
    SECURITY = "security"
    LAUNCH = "launch"


class Place(StrEnum):
    """Where probes go. Those that change state never go to production."""

    PREVIEW = "preview"
    PRODUCTION = "production"


class NoSettings(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Subject:
    """What is examined: one product at one place, as golive.toml describes it."""

    project: str
    number: int
    place: Place
    url: str
    now: datetime
    wanted: BaseModel
    source: Path | None = None
    release: str = ""
    commit: str = ""
    policy: Policy | None = None
    shared: dict[str, Any] = field(default_factory=dict)  # what several items of one run use: accounts

    def settings(self, key: str, kind: type[S]) -> S:
        """An item's own part of `[readiness]`."""
        part = getattr(self.wanted, key)
        if not isinstance(part, kind):
            raise TypeError(f"[readiness.{key}] is not a {kind.__name__}")
        return part

    def site(self, secrets: Sequence[str] = ()) -> Site:
        """The target. Raises CannotTell when no address is known."""
        if not self.url:
            key = "[readiness] preview" if self.place is Place.PREVIEW else "[app] url"
            raise CannotTell(
                self.place, f"no address of the {self.place} is known", f"set {key} in golive.toml, then golive apply"
            )
        return Site(self.url, policy=self.policy, hidden=secrets)

    def folder(self) -> Path:
        """The source tree. Raises CannotTell."""
        if self.source is None or not self.source.is_dir():
            raise CannotTell(
                "source", "no source tree is known here", "golive check --source FOLDER, or set [readiness] source"
            )
        return self.source


@dataclass(frozen=True)
class Item:
    """One item of a checklist. A module of `items/` with an `ITEM` is one; copy one to start the next.

    `examine` looks at the subject, `controls` does the same to planted targets, in the same run. `inputs` names what
    the verdict rests on: when one changes, the proof is worth nothing any more. `changes` says that probes change
    state, so that they only go to a preview. `alone`: its probes disturb those of others, so it runs by itself.
    """

    key: str
    order: int
    area: Area
    title: str
    question: str
    examine: Callable[[Subject], Report]
    controls: Callable[[], list[Control]]
    inputs: Callable[[Subject], Mapping[str, str]]
    changes: bool = False
    alone: bool = False
    settings: type[BaseModel] = NoSettings
    every: timedelta = timedelta(hours=24)
    lasts: timedelta = timedelta(days=7)
    tools: Sequence[str] = ()


def opened(reference: str, what: str) -> str:
    """The value behind a reference. Raises CannotTell without ever showing a value."""
    if not is_reference(reference):
        raise CannotTell(what, f"{what} is not a reference: write env:NAME, file:PATH or secret:NAME", "golive apply")
    try:
        return resolve(reference)
    except SecretError as error:
        raise CannotTell(what, str(error), f"golive secret set {reference.partition(':')[2]}") from error


def command_environment(subject: Subject, **more: str) -> dict[str, str]:
    """What a user's own program is told by its environment."""
    return {
        **os.environ,
        "GOLIVE_TARGET": subject.place,
        "GOLIVE_TARGET_URL": subject.url,
        **more,
    }
