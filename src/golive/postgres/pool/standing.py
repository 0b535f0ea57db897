"""How the pool stands, as page and API say it: from what was last kept, without asking anybody."""

from datetime import datetime, timedelta
from typing import Any

from golive.postgres.look.models import Snapshot
from golive.postgres.models import Database
from golive.postgres.pool.plan import PoolPlan
from golive.postgres.pool.tasks import HABITS, POOL
from golive.postgres.pool.watch import FULL, WAIT_SECONDS

OLD = timedelta(minutes=2)


def kept(database: Database, what: str) -> Snapshot | None:
    return database.snapshots.filter(collector=what).first()


def standing(database: Database, now: datetime) -> dict[str, Any]:
    """Pools with a state each, what transaction mode would break, and the answer in a sentence."""
    plan = PoolPlan.model_validate(database.topic("pool"))
    seen, habits = kept(database, POOL), kept(database, HABITS)
    fresh = seen is not None and now - seen.at <= OLD
    pools = [{**row, "state": state(row) if fresh else "unknown"} for row in seen.rows] if seen else []
    condition = database.conditions.filter(kind="pool", state="firing").first()
    return {
        "enabled": plan.enabled,
        "address": f"{plan.host}:{plan.port}",
        "at": seen.at if seen else None,
        "pools": pools,
        "habits": habits.rows if habits else [],
        "habits_at": habits.at if habits else None,
        "trouble": habits.trouble if habits else "",
        "sentence": sentence(plan.enabled, pools, fresh, condition.reason if condition else ""),
    }


def state(row: dict[str, Any]) -> str:
    """Of one pool: waiting alone is normal, waiting on a full one is not."""
    if row["share"] > FULL and row["max_wait_seconds"] >= WAIT_SECONDS:
        return "critical"
    return "warning" if row["share"] > FULL else "ok"


def sentence(enabled: bool, pools: list[dict[str, Any]], fresh: bool, trouble: str) -> str:
    """The page's first sentence."""
    if not enabled:
        return "no pool stands before this database: some hundred clients at once exhaust the server"
    if trouble:
        return f"the pool needs you: {trouble}"
    if not fresh:
        return "the pool has not been heard of for two minutes"
    if not pools:
        return "the pool runs; no client has come yet"
    clients = sum(row["clients"] + row["waiting"] for row in pools)
    used, allowed = sum(row["in_use"] for row in pools), sum(row["allowed"] for row in pools)
    said = f"{clients} clients share {allowed} server connections, {used} of them in use"
    full = [row for row in pools if row["state"] == "critical"]
    if full:
        worst = max(full, key=lambda row: float(row["max_wait_seconds"]))
        waits = f"{worst['waiting']} clients of {worst['role']} wait, the longest {worst['max_wait_seconds']:.1f} s"
        said = f"the pool is full: {waits}; {said}"
    return said
