"""What the pager and the jobs process run for this room."""

from datetime import timedelta

from django.utils import timezone

from golive.kit.periodic import Periodic, Process, Service
from golive.statuspage import customers
from golive.statuspage.history import copy_days
from golive.statuspage.publish import push_changed, serve


def tell_customers() -> None:
    customers.tell_due(timezone.now())


SERVICES = [Service("statuspage", serve)]
PERIODIC = [
    Periodic("statuspage.history", timedelta(minutes=1), copy_days, Process.JOBS),
    Periodic("statuspage.customers", timedelta(seconds=15), tell_customers, Process.JOBS),
    Periodic("statuspage.push", timedelta(seconds=5), push_changed, Process.JOBS),
]
