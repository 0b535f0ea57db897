"""What the jobs process runs for this room."""

from datetime import timedelta

from golive.kit.periodic import Periodic, Process
from golive.releases import drill, jobs, previews, schedule, tend

KINDS = (
    jobs.DEPLOY,
    jobs.ROLLBACK,
    jobs.RESUME,
    jobs.REDEPLOY,
    jobs.WAKE,
    jobs.CLOSE,
    jobs.CRON,
)  # importing registers them

PERIODIC = [
    Periodic("hold what is deployed", timedelta(seconds=3), tend.hold, Process.JOBS),
    Periodic("resume interrupted deploys", timedelta(seconds=5), tend.resume, Process.JOBS),
    Periodic("give up builds that were killed", timedelta(seconds=15), tend.give_up_builds, Process.JOBS),
    Periodic("stop releases that were warm", timedelta(seconds=10), tend.cool, Process.JOBS),
    Periodic("begin scheduled commands", timedelta(seconds=5), schedule.begin_due, Process.JOBS),
    Periodic("tear down old previews", timedelta(minutes=5), previews.expire, Process.JOBS),
    Periodic("rollback drill", timedelta(hours=6), drill.due, Process.JOBS),
    Periodic("remove old releases", timedelta(minutes=30), tend.prune, Process.JOBS),
]
