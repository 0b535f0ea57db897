"""Probe one check now, on somebody's request: shows what a probe sees and changes no state."""

import asyncio

from golive.checks.keeper import target_of
from golive.checks.models import Check
from golive.checks.probe import Result, probe
from golive.kit import synthetic
from golive.kit.connections import Policy


def run(check: Check) -> Result:
    """One probe from this machine, kept nowhere."""
    return asyncio.run(probe(target_of(check), synthetic.marker(), Policy.from_environment()))
