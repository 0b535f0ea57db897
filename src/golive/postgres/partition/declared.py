"""The tables that a database's plan declares as partitioned."""

from golive.postgres.base import Database
from golive.postgres.partition.plan import PartitionPlan


def plans_of(database: Database) -> dict[str, PartitionPlan]:
    """By their names in golive.toml."""
    return {name: PartitionPlan.model_validate(plan) for name, plan in database.topic("partition").items()}
