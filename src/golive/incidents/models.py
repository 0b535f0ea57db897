"""Incidents, what fired in them, their timeline, and the pages they sent."""

from datetime import timedelta

from django.conf import settings
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
    reviewed_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)  # pages wait until then, and start anew
    next_page_at = models.DateTimeField(null=True, blank=True, db_index=True)

    hotfix_branch = models.CharField(max_length=60, blank=True)  # open to the pipeline's fast lane until resolved
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
    def url(self) -> str:
        """Its page's address, for messages."""
        return f"{settings.PUBLIC_URL}{self.link}"

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
            reviewed_at=self.reviewed_at,
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
    ROLE = "role"
    REVIEWED = "reviewed"


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


class Duty(models.TextChoices):
    """Who does what while it is on."""

    COMMANDER = "commander"
    COMMUNICATIONS = "communications"
    OPERATIONS = "operations"


class DutyHeld(models.Model):
    """A role in an incident and who has it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="duties")
    duty = models.CharField(max_length=16, choices=Duty)
    who = models.CharField(max_length=254)
    since = models.DateTimeField()

    class Meta:
        ordering = ["duty"]
        constraints = [models.UniqueConstraint(fields=["incident", "duty"], name="incident_duty")]


class Review(models.Model):
    """The post-mortem, born with the incident: facts that golive knows, words that people write. Blameless."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="review")
    summary = models.TextField(blank=True)
    happened = models.TextField(blank=True)
    why = models.TextField(blank=True)
    went_well = models.TextField(blank=True)
    went_badly = models.TextField(blank=True)
    lucky = models.TextField(blank=True)
    nothing_to_do = models.TextField(blank=True)  # why no action follows, where none does
    impact = models.JSONField(default=dict)  # frozen when it was over: telemetry is not kept for ever
    curves = models.JSONField(default=dict)
    changed_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.CharField(max_length=200, blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)


class ActionItem(models.Model):
    """What changes because of an incident. `proof` names what shows it: check:NAME, rule:NAME or an issue's URL."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="actions")
    text = models.CharField(max_length=300)
    owner = models.EmailField()
    due = models.DateField()
    proof = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.CharField(max_length=200, blank=True)
    overdue_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due", "id"]


class Watchdog(models.Model):
    """`[watchdog]` of golive.toml, and how the last pings went."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="watchdog")
    pings = models.JSONField(default=list)
    every = models.DurationField(default=timedelta(minutes=1))
    last_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
