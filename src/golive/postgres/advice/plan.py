"""`[database.advice]` of golive.toml."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Percent
from golive.postgres.reference import Reference


class Framework(StrEnum):
    """Whose migrations the advice is written as."""

    SQL = "sql"
    DJANGO = "django"
    ALEMBIC = "alembic"


class AdvicePlan(BaseModel):
    """How indexes are advised, and on what they are proved."""

    model_config = ConfigDict(extra="forbid")
    clone: Reference = ""
    """A reference to the URL of a copy of the database that nobody uses (a restored backup); its role owns it and has
    CREATEDB. Without it advice is only predicted, and said to be."""
    storage: Percent = 0.2
    """New indexes may take this share of the database's size, and 64 MB at least."""
    bound: Percent = 0.1
    """No statement may become slower by more than this."""
    statements: int = Field(default=60, ge=1, le=500)
    """How many statements are looked at, the costliest first."""
    framework: Framework = Framework.SQL
    """Write the advice as migrations of this framework: sql, django or alembic."""
