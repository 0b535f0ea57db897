"""`[database.pool]` of golive.toml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from golive.postgres.reference import Reference


class PoolPlan(BaseModel):
    """A PgBouncer that golive configures, runs and watches, in transaction mode."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool = False
    """Whether golive runs one."""
    host: str = "127.0.0.1"
    """The address it listens on."""
    port: Annotated[int, Field(ge=1, le=65535)] = 6432
    """The port it listens on."""
    roles: list[Reference] = []
    """References to the URLs by which the application connects: their roles may come in, with the same passwords."""
    size: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Server connections for each role; absent: reckoned from cores, max_connections and measured concurrency."""
    max_clients: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """How many clients may be connected to the pool."""
