"""Rules in the pager: evaluation every 10 s, disks of this host every 15 s."""

from datetime import timedelta

from django.utils import timezone

from golive.kit.periodic import Periodic
from golive.rules import disk
from golive.rules.evaluate import EVERY, evaluate_all


def sample_disks() -> None:
    """Measure the declared disks."""
    disk.sample_all(timezone.now())


PERIODIC = [
    Periodic("rules", EVERY, evaluate_all),
    Periodic("disks", timedelta(seconds=15), sample_disks),
]
