"""The machine under a database: as golive.toml declares it, or as seen when it is golive's own."""

import os

import psutil
from psycopg.conninfo import conninfo_to_dict

from golive.postgres.look.plan import MachinePlan
from golive.postgres.models import Database

_HERE = {"127.0.0.1", "localhost", "::1", ""}


def is_here(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = str(conninfo_to_dict(url).get("host") or "")
    return host in _HERE or host.startswith("/")


def machine_of(database: Database, url: str) -> MachinePlan:
    """What is declared, and what this machine says where the server runs here. The disk is seen elsewhere."""
    declared = MachinePlan.model_validate(database.topic("machine"))
    if not is_here(url):
        return declared
    return MachinePlan(
        cores=declared.cores or os.cpu_count(),
        memory=declared.memory or psutil.virtual_memory().total,
        disk=declared.disk,
    )
