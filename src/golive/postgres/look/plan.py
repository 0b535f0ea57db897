"""`[database.machine]`, `[database.review]` and `[database.plans]` of golive.toml."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]i?)?B?\s*")
_FACTOR = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def _bytes(value: Any) -> Any:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return round(float(match[1]) * _FACTOR[(match[2] or "")[:1].lower()])
    if isinstance(value, str):
        raise ValueError('write a size in quotes, like "16 GiB" or "500 MB"')
    return value


Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]


class MachinePlan(BaseModel):
    """The machine that the database runs on, where golive cannot see it itself."""

    model_config = ConfigDict(extra="forbid")
    cores: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processor cores."""
    memory: Bytes | None = None
    """Memory, such as "16 GiB"."""
    disk: Bytes | None = None
    """The size of the disk that holds the data, such as "200 GiB"."""


class ReviewPlan(BaseModel):
    """The weekly slow-query review."""

    model_config = ConfigDict(extra="forbid")
    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"] = "monday"
    """The day on which it is made and mailed, at eight in the morning UTC; "never" for no mail."""
    to: list[str] = []
    """Addresses it is mailed to; nobody named means whoever is an owner or admin here."""


class PlansPlan(BaseModel):
    """Sampled plans of the costliest statements."""

    model_config = ConfigDict(extra="forbid")
    log: str = ""
    """The server's log on this machine, where auto_explain writes the plans of slow statements; a pattern such as
    "/var/log/postgresql/postgresql-15-main*.log" means its newest file."""
