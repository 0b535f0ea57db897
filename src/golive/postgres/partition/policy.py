"""The policy kept: partitions made ahead of time, old ones detached."""

import re
from datetime import date, datetime

from golive.postgres.partition import steps
from golive.postgres.partition.bounds import missing, retired
from golive.postgres.partition.divide import How
from golive.postgres.partition.locks import briefly, run
from golive.postgres.partition.plan import PartitionPlan
from golive.postgres.partition.shape import CannotPartition, Shape, look, split
from golive.postgres.partition.steps import I, Names, S
from golive.postgres.session import Connection, Statement

_END = re.compile(r"TO \('(\d{4}-\d\d-\d\d)")


def ends(partitions: list[dict[str, str]]) -> list[tuple[str, date]]:
    """Name and end of each partition that has one."""
    return [
        (each["name"], date.fromisoformat(match[1])) for each in partitions if (match := _END.search(each["bound"]))
    ]


def own_keys(connection: Connection, shape: Shape, newest: str) -> list[Statement]:
    """The keys that partitions have of their own where the table as a whole has none, as its newest partition does."""
    return [] if shape.unique else steps.keys_of_each(look(connection, I(shape.schema, newest).as_string()))


def keep_policy(connection: Connection, plan: PartitionPlan, now: datetime) -> tuple[list[str], list[str]]:
    """Make what is missing, detach what is past keeping. (made, detached). Raises CannotPartition."""
    schema, name = split(plan.table)
    shape = look(connection, plan.table)
    if shape.kind != "p":
        raise CannotPartition(f"{plan.table} is not partitioned yet: golive db partition convert {plan.table}")
    if plan.how is not How.RANGE:
        return [], []
    present = ends(shape.partitions)
    if not present:
        raise CannotPartition(f"{plan.table} has no partition by time")
    made, names, own = [], Names(schema, name), own_keys(connection, shape, max(present, key=lambda each: each[1])[0])
    for span in missing(name, max(end for _, end in present), now.date(), plan.every, plan.ahead):
        briefly(connection, run(connection, steps.partition(names, name, span, own)), f"partition {span.name}")
        made.append(span.name)
    gone = retired(present, now, plan.keep)
    for each in gone:
        # Without CONCURRENTLY: that is refused beside a default partition, and the lock is as short.
        detach = S("ALTER TABLE {} DETACH PARTITION {}").format(I(schema, name), I(schema, each))
        briefly(connection, run(connection, [detach]), f"detaching {each}")
    return made, gone
