"""Who is paged for a project, in what order, how often."""

from datetime import timedelta

from django.db import models

from golive.oncall.escalation import Policy
from golive.people.models import Project


class OnCall(models.Model):
    """The `[oncall]` section of golive.toml. People are addresses: one without an account is mailed all the same."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="oncall")
    people = models.JSONField(default=list)
    repeat = models.DurationField(default=timedelta(minutes=5))
    escalate = models.DurationField(default=timedelta(minutes=10))

    def policy(self) -> Policy:
        return Policy(people=tuple(self.people), repeat=self.repeat, escalate=self.escalate)
