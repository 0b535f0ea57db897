"""Journey: the user's own pytest file, run again and again against the live site."""

from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from golive.checks.kind import Common, Kind
from golive.config.values import Duration, Resolved
from golive.people.secrets import is_reference


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
    """The interpreter with golive-client; the repository's .venv when left out."""
    proves: list[str] = []
    """Run only the journeys that prove one of these."""
    regions: list[Annotated[str, Field(max_length=40)]] = []
    """A journey runs where golive runs: "built-in" and nothing else."""
    environment: dict[str, Annotated[str, Field(max_length=2000)]] = {}
    """Variables for the journeys; a value may be a reference such as "secret:monitor-password"."""

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
    def _at_home(self) -> Self:
        elsewhere = [region for region in self.regions if region != "built-in"]
        if elsewhere:
            raise ValueError(
                f"a journey cannot run in the region {elsewhere[0]!r}: probes have neither your repository nor its "
                'Python; leave regions out, and look from elsewhere with checks that have a "url"'
            )
        return self

    def references(self) -> dict[str, str]:
        return {name: value for name, value in self.environment.items() if is_reference(value)}

    def asked(self) -> str:
        return f"journey {', '.join(self.file)}"


KIND = Kind("journey", JourneySection)
