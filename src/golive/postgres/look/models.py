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
    """The text of a statement that pg_stat_statements once held."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="statements")
    query_id = models.CharField(max_length=32)
    text = models.TextField()
    first_seen = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["database", "query_id"], name="postgres_statement_once")]


class Origin(models.TextChoices):
    """Where a sampled plan comes from."""

    LOGGED = "logged", "run and logged by auto_explain"
    VALUES = "values", "planned with values as they are in the table"
    GENERIC = "generic", "planned without values"


class PlanSample(models.Model):
    """A plan of a statement: the same one seen again moves `last_at`, another one is another row."""

    statement = models.ForeignKey(StatementText, on_delete=models.CASCADE, related_name="plans")
    origin = models.CharField(max_length=12, choices=Origin)
    at = models.DateTimeField()
    last_at = models.DateTimeField()
    text = models.TextField()
    shape = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    took_ms = models.FloatField(null=True)

    class Meta:
        ordering = ["-last_at", "-id"]


class PlanLog(models.Model):
    """How far the server's log has been read for plans."""

    database = models.OneToOneField(Database, on_delete=models.CASCADE, related_name="plan_log")
    place = models.CharField(max_length=500, blank=True)
    offset = models.BigIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)


class Review(models.Model):
    """One week's slow-query review, as it was mailed."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="reviews")
    week = models.DateField()
    made_at = models.DateTimeField()
    content = models.JSONField(default=dict)

    class Meta:
        ordering = ["-week"]
        constraints = [models.UniqueConstraint(fields=["database", "week"], name="postgres_review_once")]
