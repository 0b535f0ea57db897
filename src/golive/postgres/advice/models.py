"""What was advised, and what became of it: predicted, proved on a clone, seen after."""

from django.db import models

from golive.postgres.base import Database


class AdviceRun(models.Model):
    """One look at a database's workload."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="advice_runs")
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    statements = models.PositiveIntegerField(default=0)
    proved = models.BooleanField(default=False)
    budget_bytes = models.BigIntegerField(default=0)
    cost_before = models.FloatField(default=0)
    cost_after = models.FloatField(default=0)
    gap = models.FloatField(null=True)
    seconds = models.FloatField(default=0)
    note = models.CharField(max_length=500, blank=True)
    findings = models.JSONField(default=list)
    """Per statement: key, text, calls, what was found, or why nothing is advised."""

    class Meta:
        ordering = ["-id"]


class AdviceUnderWay(models.Model):
    """What a run's proofs have taught so far: one that was cut off goes on from here. Gone when a run ends."""

    database = models.OneToOneField(Database, on_delete=models.CASCADE, related_name="advice_under_way")
    at = models.DateTimeField()
    refused = models.JSONField(default=dict)
    """By the index's definition, why it was refused."""
    most = models.JSONField(default=list)
    """(schema, table, number): how many new indexes the table's writes bear."""


class Stage(models.TextChoices):
    """How far an advice has come."""

    PREDICTED = "predicted", "predicted"
    PROVED = "proved", "proved"
    REFUSED = "refused", "refused"
    SEEN = "seen", "seen in production"


class Advice(models.Model):
    """One index to add or drop, or one other change."""

    run = models.ForeignKey(AdviceRun, on_delete=models.CASCADE, related_name="advices")
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=63)
    table = models.CharField(max_length=130)
    statement = models.TextField()
    undo = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.PREDICTED)
    size_bytes = models.BigIntegerField(default=0)
    predicted_ratio = models.FloatField(null=True)
    proved_before_ms = models.FloatField(null=True)
    proved_after_ms = models.FloatField(null=True)
    seen_before_ms = models.FloatField(null=True)
    seen_after_ms = models.FloatField(null=True)
    seen_at = models.DateTimeField(null=True)
    keys = models.JSONField(default=list)
    """The statements (pg_stat_statements' queryid) that get faster by it."""

    class Meta:
        ordering = ["run", "id"]
