"""What the pager and the jobs process run for this room."""

from datetime import timedelta

from golive.kit.periodic import Periodic, Process, Service
from golive.statuspage.history import copy_days
from golive.statuspage.publish import serve

SERVICES = [Service("statuspage", serve)]
PERIODIC = [Periodic("statuspage.history", timedelta(minutes=1), copy_days, Process.JOBS)]
