"""`[database.archive.NAME]` of golive.toml."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Duration
from golive.postgres.reference import Reference


class ArchivePlan(BaseModel):
    """One table whose old rows move to cold storage."""

    model_config = ConfigDict(extra="forbid")
    table: str = Field(min_length=1)
    """The table, with its schema unless that is public."""
    by: str = Field(min_length=1)
    """The column of a row's time."""
    older: Duration = timedelta(days=400)
    """Rows older than this may go."""
    where: str = ""
    """A further condition in SQL, such as "status = 'closed'"."""
    every: Duration | None = None
    """How often it runs by itself, with `[database] admin`; only by hand when absent."""
    to: str = Field(min_length=1)
    """A folder, or "s3://bucket/prefix"."""
    endpoint: str = ""
    """The URL of an S3-compatible server; Amazon's own when absent."""
    region: str = ""
    """The bucket's region."""
    access_key: Reference = ""
    """A reference to the bucket's access key."""
    secret_key: Reference = ""
    """A reference to the bucket's secret key."""
    batch: int = Field(default=10_000, ge=1, le=1_000_000)
    """Rows a file."""
    rest: float = Field(default=1.0, ge=0, le=100)
    """How long to pause after a batch at least, as a share of the time it took; longer while commits are slow beside
    it. 0 never pauses."""
    max_lag: Duration = timedelta(seconds=10)
    """Wait while a replica is further behind than this."""
