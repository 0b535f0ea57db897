"""Flips: a source of trouble writes one row for each transition of its state, and why."""

from datetime import timedelta

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
    held = models.BooleanField(default=False)  # muted: nobody is told while this is so, see `mute`
    held_why = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "source", "key", "-id"])]


class Heartbeat(models.Model):
    """The last sign of life of a part of golive itself; see `liveness.py`."""

    name = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    every = models.DurationField()
    details = models.JSONField(default=dict)


class IntegrationKind(models.TextChoices):
    """The format in which another tool sends its alerts; one module of `inbound/formats` reads each."""

    ALERTMANAGER = "alertmanager", "Prometheus or Alertmanager"
    PAGERDUTY = "pagerduty", "PagerDuty Events v2"
    WEBHOOK = "webhook", "Generic webhook"


class Integration(models.Model):
    """A tool that may send alerts to a project. `digest` is the hex SHA-256 of its key, which is shown once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="integrations")
    name = models.SlugField(max_length=40)
    kind = models.CharField(max_length=16, choices=IntegrationKind)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(revoked_at=None), name="alerts_integration_name_in_force"
            )
        ]

    @property
    def label(self) -> str:
        return IntegrationKind(self.kind).label


class OutsideAlert(models.Model):
    """An alert that another tool sent, as it stands; `expires_at` ends it when nobody repeats it under its `key`."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="alerts")
    key = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    service = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State)
    severity = models.CharField(max_length=8, choices=Severity)
    since = models.DateTimeField()
    heard_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["integration", "key"], name="alerts_outside_key")]


class SilenceKind(models.TextChoices):
    """Why it is quiet: somebody asked for it, or work was announced."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"


class Silence(models.Model):
    """For a while nobody is told of what matches. `every` repeats it: each day or each week at the same time (UTC)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="silences")
    kind = models.CharField(max_length=12, choices=SilenceKind, default=SilenceKind.SILENCE)
    matchers = models.CharField(max_length=500)
    comment = models.CharField(max_length=300)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    every = models.DurationField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]


class Inhibition(models.Model):
    """While what matches `when` fires, nobody is told of what matches `mute` and is the same in the `equal` labels."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="inhibitions")
    name = models.CharField(max_length=63)
    when = models.CharField(max_length=500)
    mute = models.CharField(max_length=500)
    equal = models.JSONField(default=list)
    wait = models.DurationField(default=timedelta(seconds=15))  # how long an effect waits for its cause to show

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="alerts_inhibition_name")]
