"""Flips: a source of trouble writes one row for each transition of its state, and why."""

from django.db import models

from golive.people.models import Project


class State(models.TextChoices):
    """The state of a condition. Unknown is never green."""

    OK = "ok"
    FIRING = "firing"
    UNKNOWN = "unknown"


class Severity(models.TextChoices):
    """How loud: critical pages, warning notifies, info is only shown."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Flip(models.Model):
    """One transition. `source` names the condition: "check:home", "rule:error_rate", "error:<fingerprint>".

    `key` tells apart instances of one source (a service, a route, a disk); `evidence` holds the numbers behind
    `reason` and, as `link`, the console path that shows them. `incidents` handles each flip once, in the order of `id`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flips")
    source = models.CharField(max_length=200)
    key = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    service = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=64, blank=True)
    old = models.CharField(max_length=8, choices=State)
    new = models.CharField(max_length=8, choices=State)
    severity = models.CharField(max_length=8, choices=Severity)
    reason = models.CharField(max_length=500)
    evidence = models.JSONField(default=dict)
    began_at = models.DateTimeField()  # when the trouble (or health) itself began, as far as is known
    at = models.DateTimeField(db_index=True)  # when it was decided
    handled_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["project", "source", "key", "-id"])]


class Heartbeat(models.Model):
    """The last sign of life of a part of golive itself; see `liveness.py`."""

    name = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    every = models.DurationField()
    details = models.JSONField(default=dict)
