"""Probing, as the pager's service."""

from threading import Event

from golive.checks.keeper import DatabaseKeeper
from golive.checks.prober import Prober
from golive.kit.folders import kept_secret
from golive.kit.outbound import Policy
from golive.kit.periodic import Service


def watch(stop: Event) -> None:
    """Probe every check until the pager stops."""
    Prober(DatabaseKeeper(), kept_secret("synthetic-marker")[:12], Policy.from_environment()).run(stop)


SERVICES = [Service("checks", watch)]
