"""`[database.backup]` of golive.toml."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Duration
from golive.postgres.reference import Reference


class BucketPlan(BaseModel):
    """An S3-compatible bucket for backups."""

    model_config = ConfigDict(extra="forbid")
    name: str
    """The bucket."""
    endpoint: str
    """The host of the service, such as "s3.eu-central-1.amazonaws.com", with ":PORT" where that is not 443."""
    region: str = "us-east-1"
    """The region."""
    ca: str = ""
    """A file with the authority that signed the service's certificate, when the system does not know it."""
    key: Reference
    """A reference to the access key."""
    secret: Reference
    """A reference to the secret key."""


class BackupPlan(BaseModel):
    """Scheduled, encrypted backups, and drills that restore them."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool = False
    """Whether golive backs this database up."""
    with_: Annotated[Literal["pgbackrest", "pg_dump"], Field(alias="with")] = "pgbackrest"
    """"pgbackrest" on the database's own machine: base backups and WAL, to any second. "pg_dump" from anywhere else."""
    folder: str = "/var/lib/golive-backups"
    """Where backups are kept, when not in a bucket."""
    bucket: BucketPlan | None = None
    """A bucket in place of the folder (pgbackrest only)."""
    data: str = ""
    """PGDATA, when the server does not let golive's role see data_directory."""
    socket: str = ""
    """The folder of the server's socket, by which pgBackRest connects; the server is asked when absent."""
    every: Duration = timedelta(hours=24)
    """How often a backup is made."""
    full_every: Duration = timedelta(days=7)
    """How often it is a full one; between them only what changed is copied."""
    keep: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many full backups are kept, with what belongs to them."""
    drill_every: Duration = timedelta(days=7)
    """How often the newest scheduled backup is restored and proved."""
    smoke: list[str] = []
    """Queries whose every value must be true on the restored database, such as "SELECT count(*) > 0 FROM orders"."""
