"""The public status page: its components, what customers were told, and what each day was like."""

from datetime import timedelta
from hashlib import sha256

from django.db import models

from golive.incidents.models import Incident
from golive.people.models import Project


class StatusPage(models.Model):
    """The `[status]` section of golive.toml."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="statuspage")
    title = models.CharField(max_length=120, blank=True)
    publish_after = models.DurationField(default=timedelta(minutes=5))


class Component(models.Model):
    """A part of the product as customers know it, and the checks, rules and services that speak for it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="components")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    position = models.PositiveIntegerField()
    checks = models.JSONField(default=list)
    rules = models.JSONField(default=list)
    services = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="component_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        """Its id in the public JSON: stable as long as its name is."""
        return sha256(f"{self.project_id}/{self.name}".encode()).hexdigest()[:12]

    def speaks(self, source: str, service: str) -> bool:
        """Whether a condition concerns this component."""
        kind, _, name = source.partition(":")
        return (
            (kind == "check" and name in self.checks)
            or (kind == "rule" and name in self.rules)
            or (bool(service) and service in self.services)
        )


class Told(models.TextChoices):
    """What customers are told of an incident, in Statuspage's words."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class Notice(models.Model):
    """An incident as customers see it: a title of its own, since the inner one may say too much."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="notice")
    title = models.CharField(max_length=200)
    impact = models.CharField(max_length=8, default="major")  # none, minor, major, critical
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"notice/{self.pk}/{self.created_at.isoformat()}".encode()).hexdigest()[:12]


class Update(models.Model):
    """One thing told. `affected` maps component codes to the status they were said to have."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="updates")
    told = models.CharField(max_length=16, choices=Told)
    body = models.TextField()
    affected = models.JSONField(default=dict)
    by = models.CharField(max_length=200, default="golive")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"update/{self.pk}/{self.at.isoformat()}".encode()).hexdigest()[:12]


class Day(models.Model):
    """One check's day, copied from the telemetry store so that the page can be drawn without it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    check_name = models.CharField(max_length=120)
    day = models.DateField()
    results = models.PositiveIntegerField()
    failures = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "check_name", "day"], name="statuspage_day_once")]
