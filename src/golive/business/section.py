"""`[business]` of golive.toml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from golive.business.models import BusinessSettings
from golive.config.sections import Difference, Section, register

EventName = Annotated[str, Field(min_length=1, max_length=120)]


class BusinessSection(BaseModel):
    """Which events the business is measured by."""

    model_config = ConfigDict(extra="forbid")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """The currency of revenue, as in ISO 4217; payments in others are shown beside it, not added."""
    signup: EventName = "user.signed_up"
    """The event that is a new customer."""
    revenue: EventName = "payment.succeeded"
    """The event that is money received: attributes amount_minor and currency."""
    api: Annotated[str, Field(min_length=1, max_length=200, pattern="^/")] = "/api/"
    """Requests whose route begins like this are API usage."""


def differences(project_id: int, wanted: BusinessSection) -> list[Difference]:
    """Keys whose value changes; unset ones stand at their defaults."""
    have = BusinessSettings.objects.filter(project_id=project_id).first() or BusinessSettings()
    return [
        Difference(f"business.{name}", getattr(have, name), value)
        for name, value in wanted.model_dump().items()
        if getattr(have, name) != value
    ]


def apply(project_id: int, wanted: BusinessSection, actor: str) -> None:
    """Put the section in force."""
    BusinessSettings.objects.update_or_create(project_id=project_id, defaults=wanted.model_dump())


SECTION = register(Section("business", BusinessSection, differences, apply))
