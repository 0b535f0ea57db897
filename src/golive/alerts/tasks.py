"""The pager's own sign of life, and the end of outside alerts that nobody repeats."""

from datetime import timedelta

from django.utils import timezone

from golive.alerts import liveness, mute
from golive.alerts.inbound import receive
from golive.kit.periodic import Periodic

EVERY = timedelta(seconds=10)


def live() -> None:
    """Say that the pager runs and that it can write to the database of record."""
    liveness.beat("pager", timezone.now(), EVERY)


def expire() -> None:
    """End outside alerts that were not sent again until their end."""
    receive.expire(timezone.now())


def release() -> None:
    """Tell of what a silence held back and still fires."""
    mute.release(timezone.now())


PERIODIC = [
    Periodic("pager heartbeat", EVERY, live),
    Periodic("outside alerts", EVERY, expire),
    Periodic("end of silences", timedelta(seconds=5), release),
]
