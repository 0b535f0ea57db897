"""Error groups: what people decided about them. The events themselves are in the telemetry store."""

from django.db import models

from golive.people.models import Project


class GroupState(models.TextChoices):
    """What people decided: still to do, done, or not worth doing."""

    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class ErrorGroup(models.Model):
    """One error, however often it happens. `releases_at_resolve` are those that may still raise it while they end."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="error_groups")
    fingerprint = models.CharField(max_length=64)
    type = models.CharField(max_length=200)
    message = models.CharField(max_length=500)
    culprit = models.CharField(max_length=300, blank=True)
    service = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=GroupState, default=GroupState.UNRESOLVED)
    first_seen = models.DateTimeField()
    first_release = models.CharField(max_length=200, blank=True)
    last_seen = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=200, blank=True)
    in_next_release = models.BooleanField(default=False)
    releases_at_resolve = models.JSONField(default=list)
    regressed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "fingerprint"], name="error_group_once")]
        indexes = [models.Index(fields=["project", "state"])]
