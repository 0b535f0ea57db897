"""`[notify]` of golive.toml: mail server, sender, webhooks, Apprise URLs."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from golive.config.sections import Difference, Section, register
from golive.notify.channels.email import MailServer
from golive.notify.models import Channels
from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import is_reference


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("Apprise URLs hold credentials: write env:NAME, file:PATH or secret:NAME instead")
    return text


def _slack(text: str) -> str:
    if not is_reference(text):
        raise ValueError("a Slack webhook's address is a secret: write env:NAME, file:PATH or secret:NAME instead")
    return text


def _slack_secret(text: str) -> str:
    return _slack(text) if text else ""


def _hook(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class WebhookPlan(BaseModel):
    """One webhook: its URL, and the reference to its signing secret (ours when absent: `golive notify secret`)."""

    model_config = ConfigDict(extra="forbid")
    url: str
    """Where it is sent to, or a reference to that."""
    secret: str = ""
    """A reference to the secret it is signed with, in base64 after `whsec_`."""

    @field_validator("url")
    @classmethod
    def _url(cls, text: str) -> str:
        if not is_reference(text) and not text.startswith(("http://", "https://")):
            raise ValueError("write an http(s) URL, or env:NAME, file:PATH, secret:NAME")
        return text

    @field_validator("secret")
    @classmethod
    def _secret(cls, text: str) -> str:
        if text and not is_reference(text):
            raise ValueError("a secret is only referred to: write env:NAME, file:PATH or secret:NAME")
        return text


class NotifyPlan(BaseModel):
    """How people and machines are told."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    email: str = ""
    """The mail server: `smtp://`, `smtp+starttls://` or `smtps://host:port`; a reference when it has a password."""
    sender: str = Field("", alias="from")
    """The address that mails come from, such as "acme alerts <alerts@acme.example>"."""
    webhooks: list[Annotated[WebhookPlan, BeforeValidator(_hook)]] = []
    """URLs that get signed JSON for each incident: a URL, a reference to one, or a table with its own secret."""
    apprise: list[Annotated[str, AfterValidator(_reference)]] = []
    """References to Apprise URLs: Slack, ntfy, Telegram, SMS and others."""

    slack: list[Annotated[str, AfterValidator(_slack)]] = []
    """References to Slack's incoming webhooks; messages there have buttons."""
    slack_signing_secret: Annotated[str, AfterValidator(_slack_secret)] = ""
    """A reference to your Slack app's signing secret, for its buttons and `/golive`."""

    @field_validator("email")
    @classmethod
    def _email(cls, text: str, info: ValidationInfo) -> str:
        if text and not is_reference(text) and MailServer.from_url(text).password:
            raise ValueError("the mail server's password is a secret: keep the URL in env:NAME or secret:NAME")
        return text

    def kept(self) -> dict[str, Any]:
        return self.model_dump(by_alias=False)


def _current(project_id: int) -> dict[str, Any]:
    kept = Channels.objects.filter(project=project_id).first() or Channels(project_id=project_id)
    return {name: getattr(kept, name) for name in NotifyPlan.model_fields}


def differences(project_id: int, wanted: NotifyPlan) -> list[Difference]:
    current, after = _current(project_id), wanted.kept()
    return [
        Difference(f"notify.{NotifyPlan.model_fields[name].alias or name}", _words(current[name]), _words(after[name]))
        for name in after
        if current[name] != after[name]
    ]


def apply(project_id: int, wanted: NotifyPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    Channels.objects.update_or_create(project_id=project_id, defaults=wanted.kept())
    audit.record(actor, "notify.configure", "notify", project=Project.objects.get(pk=project_id))


def _words(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(item["url"] if isinstance(item, dict) else item for item in value) or None
    return value or None


register(Section("notify", NotifyPlan, differences, apply))
