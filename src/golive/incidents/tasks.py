"""What the pager and the jobs process run for this room."""

from datetime import timedelta

from golive.incidents import hotfix, nudges, reviews, watchdog
from golive.incidents.service import serve
from golive.kit.periodic import Periodic, Process, Service

SERVICES = [Service("incidents", serve)]
PERIODIC = [
    Periodic("incidents overdue", timedelta(seconds=10), nudges.due_now),
    Periodic("watchdog", timedelta(seconds=5), watchdog.ping_now),
    Periodic("reviews overdue", timedelta(minutes=1), reviews.remind_now),
    Periodic("incidents hotfixes", timedelta(seconds=5), hotfix.note_runs, Process.JOBS),
    Periodic("reviews numbers", timedelta(minutes=1), reviews.freeze_now, Process.JOBS),
]
