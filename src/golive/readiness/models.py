"""What golive.toml says about readiness, the proofs, and how each item stands."""

from django.db import models

from golive.people.models import Project


class Plan(models.Model):
    """`[readiness]` as it is in force; secrets in it are only ever references."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="readiness")
    settings = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)


class Proof(models.Model):
    """One verdict with its evidence. `document` is the whole; `digest` covers it and the proof before it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="proofs")
    item = models.CharField(max_length=40)
    place = models.CharField(max_length=12)
    verdict = models.CharField(max_length=8)
    reason = models.TextField()
    ended_at = models.DateTimeField(db_index=True)
    document = models.JSONField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["project", "item", "-id"])]


class Standing(models.Model):
    """How an item stood last: written when its verdict changes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="readiness_standings")
    item = models.CharField(max_length=40)
    verdict = models.CharField(max_length=8)
    passed_once = models.BooleanField(default=False)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "item"], name="readiness_standing_once")]
