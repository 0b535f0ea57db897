"""Incidents, what fired in them, their timeline, and the pages they sent."""

from datetime import timedelta

from django.db import models

from golive.alerts.models import Flip, Severity
from golive.alerts.models import State as SourceState
from golive.incidents.lifecycle import OPEN, Clocks, State
from golive.notify.models import OutboxMessage
from golive.people.models import Project


class Incident(models.Model):
    """Something that broke, from the first sign to the end. `state` and clocks are written by `moves` alone."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="incidents")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=8, choices=Severity)
    service = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=64, default="production")
    opened_by = models.CharField(max_length=200, default="golive")

    state = models.CharField(max_length=12, choices=[(state.value, state.value) for state in State])
    began_at = models.DateTimeField()
    detected_at = models.DateTimeField(db_index=True)
    paging_since = models.DateTimeField()
    paged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)  # first told on the status page
    mitigated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)  # pages wait until then, and start anew
    next_page_at = models.DateTimeField(null=True, blank=True, db_index=True)

    cause = models.TextField(blank=True)
    fix_release = models.CharField(max_length=200, blank=True)
    no_fix_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="incident_number")]
        indexes = [models.Index(fields=["project", "state"], name="incident_state")]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"

    @property
    def about(self) -> str:
        """Its name in the outbox."""
        return f"incident:{self.pk}"

    @property
    def link(self) -> str:
        """Its page's path; not asked of the URL table, which would load every page into the pager."""
        return f"/p/{self.project.slug}/incidents/{self.number}/"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_critical(self) -> bool:
        return self.severity == Severity.CRITICAL

    @property
    def lasted(self) -> timedelta | None:
        """How long users felt it, once it is over."""
        return self.mitigated_at - self.began_at if self.mitigated_at else None

    @property
    def time_to_acknowledge(self) -> timedelta | None:
        return self.acknowledged_at - self.detected_at if self.acknowledged_at else None

    def clocks(self) -> Clocks:
        return Clocks(
            began_at=self.began_at,
            detected_at=self.detected_at,
            paging_since=self.paging_since,
            acknowledged_at=self.acknowledged_at,
            mitigated_at=self.mitigated_at,
            resolved_at=self.resolved_at,
        )


class Source(models.Model):
    """A condition that fired in an incident, and where it stands now."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="sources")
    source = models.CharField(max_length=200)
    key = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    severity = models.CharField(max_length=8, choices=Severity)
    state = models.CharField(max_length=8, choices=SourceState)
    link = models.CharField(max_length=300, blank=True)
    evidence = models.JSONField(default=dict)
    began_at = models.DateTimeField()
    recovered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["incident", "source", "key"], name="incident_source")]


class EntryKind(models.TextChoices):
    """What a line of the timeline tells."""

    DETECTED = "detected"
    FIRING = "firing"
    RECOVERED = "recovered"
    SEVERITY = "severity"
    REOPENED = "reopened"
    PAGED = "paged"
    TOLD = "told"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    NOTE = "note"
    PUBLISHED = "published"
    ACTION = "action"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class TimelineEntry(models.Model):
    """One line of an incident's timeline; never changed."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EntryKind)
    text = models.TextField()
    actor = models.CharField(max_length=200, default="golive")
    link = models.CharField(max_length=300, blank=True)
    flip = models.ForeignKey(Flip, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    message = models.ForeignKey(OutboxMessage, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["at", "id"]


class PageSent(models.Model):
    """One page to one person; `number` counts an incident's pages, so that two pagers cannot send the same one."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    who = models.CharField(max_length=300)
    reason = models.CharField(max_length=12)
    at = models.DateTimeField()
    message = models.ForeignKey(OutboxMessage, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="page_number")]
