"""`[source]` of golive.toml: the git host from which pushes and pull requests come."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from golive.config.sections import Difference, Section
from golive.people import secrets
from golive.pipelines.hosts import HOSTS
from golive.pipelines.models import Source

REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)+")


class SourceSection(BaseModel):
    """Where the repository is hosted; its webhook is sent to /hooks/git/PROJECT/ of the console."""

    model_config = ConfigDict(extra="forbid")
    host: Literal["", "github", "gitlab", "gitea", "forgejo"] = ""
    """The kind of host; without one, only golive's own remote is pushed to."""
    repository: Annotated[str, Field(max_length=300)] = ""
    """Its name there, such as "acme/acme"."""
    url: Annotated[str, Field(max_length=500)] = ""
    """Where to fetch it, by https or ssh."""
    api: Annotated[str, Field(max_length=300)] = ""
    """The host's API, for hosts of one's own: "https://git.example/api/v1"."""
    webhook_secret: str = ""
    """The webhook's secret, by reference: "secret:GIT_WEBHOOK"."""
    token: str = ""
    """A token that may write statuses and comments (and fetch), by reference."""
    main: Annotated[str, Field(pattern=r"^[\w./-]+$")] = "main"
    """The branch that goes to production."""

    @model_validator(mode="after")
    def _whole(self) -> "SourceSection":
        if not self.host:
            return self
        if not REPOSITORY.fullmatch(self.repository):
            raise ValueError('repository = "owner/name"')
        if not self.url.startswith(("https://", "ssh://", "git@", "file:///")):
            raise ValueError("url by https:// or ssh://")
        if not secrets.is_reference(self.webhook_secret):
            raise ValueError('webhook_secret by reference, such as "secret:GIT_WEBHOOK"')
        if self.token and not secrets.is_reference(self.token):
            raise ValueError('token by reference, such as "secret:GIT_TOKEN"')
        if not (self.api or HOSTS[self.host].api):
            raise ValueError(f"api: the address of your {self.host}'s API")
        return self

    def said(self) -> str | None:
        """In words, without secrets."""
        return f"{self.host} {self.repository} from {self.url}, {self.main} to production" if self.host else None


FIELDS = ("host", "repository", "url", "api", "webhook_secret", "token", "main")


def _have(project_id: int) -> SourceSection:
    found = Source.objects.filter(project_id=project_id).first()
    return SourceSection(**{name: getattr(found, name) for name in FIELDS}) if found else SourceSection()


def differences(project_id: int, wanted: SourceSection) -> list[Difference]:
    """The source as a whole."""
    have = _have(project_id)
    return [Difference("source", have.said(), wanted.said())] if have != wanted else []


def apply(project_id: int, wanted: SourceSection, actor: str) -> None:
    """Put the source in force."""
    if not wanted.host:
        Source.objects.filter(project_id=project_id).delete()
        return
    Source.objects.update_or_create(project_id=project_id, defaults={name: getattr(wanted, name) for name in FIELDS})


SECTION = Section("source", SourceSection, differences, apply)
