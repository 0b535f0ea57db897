"""What is probed and the state it is in. Single results live in the telemetry store only."""

from datetime import timedelta

from django.db import models

from golive.alerts.models import State
from golive.people.models import Project


class Check(models.Model):
    """One check. `url` may be a path below the project's own address; `options` are the keys of its kind."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="checks")
    name = models.SlugField(max_length=63)
    kind = models.CharField(max_length=32, default="http")
    url = models.CharField(max_length=2000, blank=True)
    every = models.DurationField(default=timedelta(seconds=60))
    timeout = models.DurationField(default=timedelta(seconds=10))
    latency = models.DurationField(null=True, blank=True)
    options = models.JSONField(default=dict)
    environment = models.CharField(max_length=64, default="production")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="check_name_once")]

    @property
    def full_url(self) -> str:
        """The address to ask; a bare path when the project has no address of its own."""
        return self.project.url.rstrip("/") + self.url if self.url.startswith("/") else self.url


class CheckState(models.Model):
    """The state that was last decided: written when it changes, and `checked_at` now and then as a sign of life."""

    check_row = models.OneToOneField(Check, on_delete=models.CASCADE, related_name="state_row")
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    reason = models.CharField(max_length=500, default="not checked yet")
    since = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
