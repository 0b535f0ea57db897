"""`[load]` of golive.toml: what users do under load, and what must hold. Read from the folder where it is asked for."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from golive.config.sections import Difference, Section
from golive.config.values import Duration, Percent


class LoadSection(BaseModel):
    """A load test: users are added until a target breaks."""

    model_config = ConfigDict(extra="forbid")
    paths: Annotated[list[str], Field(max_length=50)] = ["/"]
    """Pages that each user opens in turn at random; name one twice and it is opened twice as often."""
    file: str = ""
    """A locustfile of your own instead of paths, such as "load/locustfile.py"."""
    think: Duration = timedelta(seconds=1)
    """How long a user waits between two requests, about."""
    p95: Duration = timedelta(milliseconds=500)
    """The target: 95 % of answers within this time."""
    errors: Percent = 0.01
    """The target: at most this share of requests fails (5xx, 429, no answer)."""
    first: Annotated[int, Field(ge=1, le=10_000)] = 10
    """With how many users it begins."""
    most: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """How many users are tried at most."""
    hold: Duration = timedelta(seconds=12)
    """How long each number of users is held and measured."""
    wanted: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Fewer than this many users is a failure (exit code 1)."""

    @model_validator(mode="after")
    def _sound(self) -> "LoadSection":
        if wrong := [path for path in self.paths if not path.startswith("/") or path.startswith("//")]:
            raise ValueError(f'paths of your product, such as "/pricing"; not {", ".join(wrong)}')
        if self.file.startswith(("/", "~")) or ".." in self.file.split("/"):
            raise ValueError(f"a file inside the repository; not {self.file!r}")
        if not timedelta(seconds=1) <= self.hold <= timedelta(minutes=5):
            raise ValueError("hold between 1s and 5m")
        return self


def differences(project_id: int, wanted: LoadSection) -> list[Difference]:
    """None: it belongs to its commit."""
    return []


def apply(project_id: int, wanted: LoadSection, actor: str) -> None:
    """Nothing: it belongs to its commit."""


SECTION = Section("load", LoadSection, differences, apply)
