"""What the jobs room adds to the processes, and its kinds of jobs."""

from golive.jobs.command import COMMAND
from golive.jobs.upkeep import BACKUP, PERIODIC

__all__ = ["BACKUP", "COMMAND", "PERIODIC"]
