"""The subprocess of one job: `python -m golive.jobs.run ID LEASE`. Exit code 0 done, 1 failed, 3 do not try again."""

import os
import sys
import traceback
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.jobs import queue  # noqa: E402 (needs Django's tables)
from golive.jobs.kinds import JobError, Work, kind_of  # noqa: E402
from golive.jobs.models import Job  # noqa: E402

FINAL = 3


def main(job_id: int, lease: str) -> int:
    """Run one claimed job and record its result."""
    job = Job.objects.filter(pk=job_id, lease=lease).first()
    if job is None:
        print(f"job {job_id} is no longer ours", file=sys.stderr)
        return FINAL
    try:
        kind = kind_of(job.kind)
        result = kind.run(Work(job.pk, job.payload, lambda share, note: queue.tell(job, share, note)))
    except JobError as error:
        print(error, file=sys.stderr)
        return FINAL
    except Exception:
        traceback.print_exc()
        return 1
    queue.complete(job, result, datetime.now(UTC))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
