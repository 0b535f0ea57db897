"""Journey: the user's own pytest file, run again and again against the live site."""

from datetime import timedelta
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from golive.checks.kind import Common, Kind
from golive.config.values import Duration, Resolved
from golive.people.secrets import is_reference

PATTERNS = ("test_*.py", "*_test.py")  # what a probe may be asked to run: pytest's own names
HOME = "built-in"


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class JourneySection(Common):
    """A journey as a monitor: the file that is the end-to-end test and the smoke test too."""

    kind: Literal["journey"] = "journey"
    """"journey"; may be left out beside `file`."""
    file: Annotated[list[str], BeforeValidator(_list), Field(min_length=1, max_length=50)]
    """The file with the tests, or several, below the folder of golive.toml."""
    url: Resolved = ""
    """The site to run against; `[app] url` when left out."""
    every: Duration = timedelta(minutes=5)
    """How often."""
    timeout: Duration = timedelta(minutes=5)
    """How long a run may take in all."""
    python: str = Field(default="", max_length=500)
    """The interpreter with golive-client; the repository's .venv when left out. A probe has its own."""
    proves: list[str] = []
    """Run only the journeys that prove one of these."""
    regions: list[Annotated[str, Field(max_length=40)]] = []
    """Where to run: "built-in" is golive itself, which it is when left out; a probe needs `--journeys FOLDER`."""
    environment: dict[str, Annotated[str, Field(max_length=2000)]] = {}
    """Variables for the journeys; a value may be a reference such as "secret:monitor-password". A probe is told the
    names only and takes the values from its own environment."""

    @model_validator(mode="after")
    def _inside(self) -> Self:
        for file in self.file:
            path = PurePosixPath(file)
            if path.is_absolute() or ".." in path.parts or file.startswith("-"):
                raise ValueError(f"file {file!r} is not a path below the folder of golive.toml")
        if not timedelta(seconds=5) <= self.timeout <= timedelta(minutes=30):
            raise ValueError('timeout is between "5s" and "30m"')
        if self.every < timedelta(seconds=10):
            raise ValueError('a journey runs every "10s" at the most')
        return self

    @model_validator(mode="after")
    def _named_for_probes(self) -> Self:
        for file in self.file if self.elsewhere else ():
            if not any(fnmatch(PurePosixPath(file).name, pattern) for pattern in PATTERNS):
                raise ValueError(
                    f"a probe runs only files named {' or '.join(PATTERNS)}: rename {file!r}, or leave regions out"
                )
        return self

    @property
    def seen_from(self) -> list[str]:
        """A journey changes things, so it runs only where it is told to."""
        return self.regions or [HOME]

    @property
    def elsewhere(self) -> list[str]:
        """The regions whose probes run it."""
        return [region for region in self.regions if region != HOME]

    def references(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if is_reference(value)}

    def asked(self) -> str:
        return f"journey {', '.join(self.file)}"


KIND = Kind("journey", JourneySection)
