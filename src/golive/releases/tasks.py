"""What the jobs process runs for this room."""

from datetime import timedelta

from golive.kit.periodic import Periodic, Process
from golive.releases import jobs, tend

KINDS = (jobs.DEPLOY, jobs.ROLLBACK, jobs.RESUME, jobs.REDEPLOY)  # importing registers them

PERIODIC = [
    Periodic("hold what is deployed", timedelta(seconds=3), tend.hold, Process.JOBS),
    Periodic("resume interrupted deploys", timedelta(seconds=5), tend.resume, Process.JOBS),
    Periodic("stop releases that were warm", timedelta(seconds=10), tend.cool, Process.JOBS),
    Periodic("remove old releases", timedelta(minutes=30), tend.prune, Process.JOBS),
]
