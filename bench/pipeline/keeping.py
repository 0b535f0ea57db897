"""Ends what a golive has deployed on this host: its keeper, Caddy and the products, which outlive it on purpose."""

import os
import signal
from pathlib import Path

from golive.releases.host import keeper, units
from golive.releases.host.keeper import KeeperSupervisor
from golive.releases.host.place import place


def end_deployed(data: Path) -> None:
    here = place(data)
    if not here.units.is_dir():
        return
    names = units.names(here)
    if names:
        KeeperSupervisor(here).stop(names)
    units.wait_gone(here, names, 20)
    if pid := keeper.keeper_pid(here):
        os.kill(pid, signal.SIGTERM)
