"""The queue's table."""

from django.db import models


class State(models.TextChoices):
    """Where a job stands. Only `queue.py` moves it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(models.Model):
    """One piece of work. `lease` names the run that may write to the row, until `lease_until`."""

    kind = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    subject = models.CharField(max_length=200, blank=True)  # what it is about, for people: "acme", "backup"
    requested_by = models.CharField(max_length=200, default="golive")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0)  # higher first
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    timeout_seconds = models.PositiveIntegerField(default=3600)
    created_at = models.DateTimeField(auto_now_add=True)
    run_after = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(null=True, blank=True)  # 0..1
    note = models.CharField(max_length=200, blank=True)  # what it is doing now
    output = models.TextField(blank=True)  # the tail of what it wrote
    result = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # why it ended as it did

    class Meta:
        indexes = [models.Index(fields=["state", "-priority", "id"])]

    def __str__(self) -> str:
        return f"job {self.pk} {self.kind}"
