"""Databases as golive.toml declares them, and how each of their conditions stands.."""

from typing import Any

from django.db import models

from golive.alerts.models import Severity, State
from golive.people.models import Project


class Database(models.Model):
    """A project's database. `url`, `admin` and `replicas` are references, `plan` is the whole `[database]` section."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="database")
    url = models.CharField(max_length=300)
    admin = models.CharField(max_length=300, blank=True)
    replicas = models.JSONField(default=list)
    plan = models.JSONField(default=dict)

    def topic(self, name: str) -> dict[str, Any]:
        """A topic's table of `[database]` as it is kept; the topic's own model reads it."""
        found: dict[str, Any] = self.plan.get(name) or {}
        return found


class Condition(models.Model):
    """How one thing about a database stands: `kind` such as "pool", `key` tells apart instances (a slot, a replica)."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="conditions")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.INFO)
    reason = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField()
    worse_since = models.DateTimeField(null=True)
    judged_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["database", "kind", "key"], name="postgres_condition_once")]
