"""Flags in the pager: guarded rollouts are looked at every 10 s; what is published is kept up to date."""

from datetime import timedelta

from django.utils import timezone

from golive.flags import watch
from golive.flags.publish import publish
from golive.kit.periodic import Periodic


def guard() -> None:
    """Switch off rollouts that do harm, and take note of those that are over."""
    now = timezone.now()
    watch.watch(now)
    watch.calm(now)


PERIODIC = [
    Periodic("guarded rollouts", timedelta(seconds=10), guard),
    Periodic("publish flags", timedelta(seconds=5), publish),  # for a node whose neighbour changed one
]
