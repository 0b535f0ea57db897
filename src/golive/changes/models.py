"""What changed and when: written by rooms above, read by every chart."""

from django.db import models

from golive.people.models import Project


class Kind(models.TextChoices):
    """What sort of change; an incident is a band from `at` to `until`, all others are marks."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    FLAG = "flag"
    CONFIG = "config"
    MIGRATION = "migration"
    INCIDENT = "incident"


class Change(models.Model):
    """One change to a project. `subject` tells repeated reports of the same change apart (release id, incident id)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=12, choices=Kind)
    environment = models.CharField(max_length=64, default="production")
    subject = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    release = models.CharField(max_length=200, blank=True)
    link = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_index=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "environment", "subject"], name="change_once"),
        ]
