"""What was last seen of a database, the texts of its statements, sampled plans, and weekly reviews."""

from django.db import models

from golive.postgres.base import Database


class Snapshot(models.Model):
    """The last answer to one collector's question. `trouble` says why there is none now; `rows` are older."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="snapshots")
    collector = models.CharField(max_length=40)
    at = models.DateTimeField()
    rows = models.JSONField(default=list)
    findings = models.JSONField(default=list)
    trouble = models.CharField(max_length=500, blank=True)
    took_ms = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["database", "collector"], name="postgres_snapshot_once")]


class StatementText(models.Model):
    """The text of a statement that pg_stat_statements once held, and the plan last sampled for it."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="statements")
    query_id = models.CharField(max_length=32)
    text = models.TextField()
    first_seen = models.DateTimeField()
    plan = models.JSONField(null=True)
    plan_note = models.CharField(max_length=500, blank=True)
    plan_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["database", "query_id"], name="postgres_statement_once")]


class Review(models.Model):
    """One week's slow-query review, as it was mailed."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="reviews")
    week = models.DateField()
    made_at = models.DateTimeField()
    content = models.JSONField(default=dict)

    class Meta:
        ordering = ["-week"]
        constraints = [models.UniqueConstraint(fields=["database", "week"], name="postgres_review_once")]
