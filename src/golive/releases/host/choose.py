"""Which supervisor keeps this host's units."""

from golive.releases.host import systemd
from golive.releases.host.keeper import KeeperSupervisor
from golive.releases.host.place import Place
from golive.releases.host.units import Supervisor


def supervisor(place: Place) -> Supervisor:
    """systemd where it is process 1 and ours to use, else our own keeper."""
    return systemd.SystemdSupervisor(place) if systemd.is_first() else KeeperSupervisor(place)
