"""What the pager runs for this room."""

from datetime import timedelta

from django.utils import timezone

from golive.kit.periodic import Periodic
from golive.oncall import notices


def tell_handoffs() -> None:
    notices.tell(timezone.now())


PERIODIC = [Periodic("oncall handoffs", timedelta(seconds=30), tell_handoffs)]
