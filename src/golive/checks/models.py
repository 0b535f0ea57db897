"""What is probed and the state it is in. Single results live in the telemetry store only."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models

from golive.alerts.models import Severity, State
from golive.people.models import ApiToken, Project


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
        """The address to ask; a bare path when the project has no address of its own, nothing for a heartbeat."""
        return self.project.url.rstrip("/") + self.url if self.url.startswith("/") else self.url


class CheckState(models.Model):
    """The state that was last decided: written when it changes, and `checked_at` now and then as a sign of life."""

    check_row = models.OneToOneField(Check, on_delete=models.CASCADE, related_name="state_row")
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    scope = models.CharField(max_length=8, blank=True)  # of an outage: global or regional
    severity = models.CharField(max_length=8, default=Severity.INFO)
    reason = models.CharField(max_length=500, default="not checked yet")
    since = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)


class Job(models.Model):
    """What is known of a job that pings: the address is its secret, the rest is written by the pager alone."""

    check_row = models.OneToOneField(Check, on_delete=models.CASCADE, related_name="job")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    since = models.DateTimeField()  # when golive began to wait for it
    succeeded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)  # cleared by the next success
    failure = models.CharField(max_length=200, blank=True)
    runs = models.JSONField(default=dict)  # open runs: id -> when it began

    @property
    def ping_url(self) -> str:
        """The address that the job asks when it has run."""
        return f"{settings.PUBLIC_URL}/ping/{self.uuid}"


class Ping(models.Model):
    """One ping as it came. `exit_status` is the one in its address, `note` the beginning of its body."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="pings")
    at = models.DateTimeField(db_index=True)
    signal = models.CharField(max_length=8)
    run = models.CharField(max_length=36, blank=True)
    exit_status = models.PositiveSmallIntegerField(null=True, blank=True)
    note = models.TextField(blank=True)
    handled = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["job", "handled", "id"])]


class Probe(models.Model):
    """A probe that looks from elsewhere. Its token can do nothing but report; `taken` is the last result it sent."""

    name = models.SlugField(max_length=40, unique=True)
    region = models.SlugField(max_length=40)
    token = models.OneToOneField(ApiToken, on_delete=models.CASCADE, related_name="probe")
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=80, blank=True)
    taken = models.PositiveBigIntegerField(default=0)
    asked = models.PositiveBigIntegerField(default=0)  # the last request for another look that it was given
    details = models.JSONField(default=dict)
    fault = models.CharField(max_length=200, blank=True)  # trouble of its own, by what fails from there alone

    class Meta:
        ordering = ["region", "name"]


class Arrival(models.Model):
    """What a probe just sent and the pager has not judged yet: [[check, seconds, outcome, reason], ...]."""

    region = models.SlugField(max_length=40)
    attempts = models.JSONField()


class Recheck(models.Model):
    """The wish that every region look at a check at once, because one saw it fail."""

    check_number = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)


class Maintenance(models.Model):
    """A window of `[maintenance.NAME]`: `definition` are its keys."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="maintenance")
    name = models.SlugField(max_length=63)
    definition = models.JSONField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="maintenance_name_once")]
