"""Probing, as the pager's service."""

from datetime import timedelta
from threading import Event

from golive.checks import journeying, pulses
from golive.checks.keeper import DatabaseKeeper
from golive.checks.prober import Prober
from golive.kit import synthetic
from golive.kit.connections import Policy
from golive.kit.periodic import Periodic, Process, Service


def watch(stop: Event) -> None:
    """Probe every check until the pager stops."""
    keeper = DatabaseKeeper()
    Prober(keeper, synthetic.marker(), Policy.from_environment(), court=keeper).run(stop)


PERIODIC = [
    Periodic("heartbeats", timedelta(seconds=5), pulses.beat),
    Periodic("journeys", timedelta(seconds=5), journeying.watch_over, Process.JOBS),
]
SERVICES = [Service("checks", watch)]
