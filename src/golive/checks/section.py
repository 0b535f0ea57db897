"""`[checks.NAME]` of golive.toml."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from django.utils import timezone
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.checks.models import Check, CheckState
from golive.config.sections import Difference, Section, register
from golive.config.values import Duration, Resolved
from golive.kit.durations import format_duration

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
SHORTEST = timedelta(seconds=1)


def _codes(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Status = Annotated[list[Annotated[int, Field(ge=100, le=599)]], BeforeValidator(_codes), Field(min_length=1)]


class CheckSection(BaseModel):
    """One HTTP check: is it up, fast enough, and does it say the right thing?"""

    model_config = ConfigDict(extra="forbid")
    url: Resolved
    """What to ask: "https://acme.example/login", or a path such as "/healthz" below `[app] url`."""
    every: Duration = timedelta(seconds=60)
    """How often; a failure is tried again at once, so that "60s" pages well within 2 minutes."""
    timeout: Duration = timedelta(seconds=10)
    """The whole answer must be there by then."""
    status: Status = [200]
    """The status code expected, or a list of those accepted. Redirects are followed unless one of them is 3xx."""
    latency: Duration | None = None
    """The longest the whole answer may take."""
    contains: str = Field(default="", max_length=1000)
    """A text that the body must contain (within its first MiB)."""
    method: Annotated[str, Field(pattern="^(GET|HEAD|POST)$")] = "GET"
    """GET, HEAD or POST (with an empty body)."""

    @model_validator(mode="after")
    def _fits(self) -> "CheckSection":
        if not self.url.startswith(("http://", "https://", "/")):
            raise ValueError(f'url {self.url!r} begins with neither "http://", "https://" nor "/"')
        if self.every < SHORTEST:
            raise ValueError('every is at least "1s"')
        if not timedelta(milliseconds=1) <= self.timeout <= timedelta(seconds=60):
            raise ValueError('timeout is between "1ms" and "60s"')
        return self


class ChecksSection(RootModel[dict[str, CheckSection]]):
    """What golive probes, by name: small letters, digits, "-" and "_"."""

    root: dict[str, CheckSection] = {}

    @model_validator(mode="after")
    def _names(self) -> "ChecksSection":
        for name in self.root:
            if not NAME.fullmatch(name):
                raise ValueError(f"the check name {name!r} must be small letters, digits, - and _, at most 63")
        return self


def _said(every: timedelta, url: str, wanted: Mapping[str, Any]) -> str:
    """A check in one line, as the difference shows it."""
    extras = [f"{wanted['method']} {url}", f"every {format_duration(every)}"]
    extras.append(f"timeout {format_duration(wanted['timeout'])}")
    extras.append("status " + "/".join(str(code) for code in wanted["status"]))
    if wanted["latency"]:
        extras.append(f"within {format_duration(wanted['latency'])}")
    if wanted["contains"]:
        extras.append(f"contains {wanted['contains']!r}")
    return ", ".join(extras)


def _line(check: Check | CheckSection) -> str:
    fields = ("method", "timeout", "status", "latency", "contains")
    return _said(check.every, check.url, {name: getattr(check, name) for name in fields})


def differences(project_id: int, wanted: ChecksSection) -> list[Difference]:
    """Checks to add, change and remove."""
    have = {check.name: _line(check) for check in Check.objects.filter(project_id=project_id)}
    want = {name: _line(check) for name, check in wanted.root.items()}
    names = sorted({*have, *want})
    return [Difference(f"checks.{n}", have.get(n), want.get(n)) for n in names if have.get(n) != want.get(n)]


def apply(project_id: int, wanted: ChecksSection, actor: str) -> None:
    """Make the project's checks those of the file. A removed check that was down flips to unknown."""
    now = timezone.now()
    for check in Check.objects.filter(project_id=project_id).exclude(name__in=wanted.root).select_related("project"):
        retire(check)
        check.delete()
    for name, section in wanted.root.items():
        check, _ = Check.objects.update_or_create(project_id=project_id, name=name, defaults=section.model_dump())
        CheckState.objects.get_or_create(check_row=check, defaults={"since": now})


def retire(check: Check) -> None:
    """Say that nobody watches any more, if the check was down: otherwise its incident would wait for ever."""
    state = CheckState.objects.filter(check_row=check, state=State.FIRING).first()
    if state is not None:
        flips.record(
            check.project,
            f"check:{check.name}",
            title=f"{check.name} is no longer checked",
            old=State.FIRING,
            new=State.UNKNOWN,
            severity=Severity.INFO,
            reason="the check was removed from golive.toml while it was down",
            at=timezone.now(),
            environment=check.environment,
        )


register(Section("checks", ChecksSection, differences, apply))
