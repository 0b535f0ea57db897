"""The pager's own sign of life."""

from datetime import timedelta

from django.utils import timezone

from golive.alerts import liveness
from golive.kit.periodic import Periodic

EVERY = timedelta(seconds=10)


def live() -> None:
    """Say that the pager runs and that it can write to the database of record."""
    liveness.beat("pager", timezone.now(), EVERY)


PERIODIC = [Periodic("pager heartbeat", EVERY, live)]
