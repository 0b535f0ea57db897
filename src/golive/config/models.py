"""The history of what was applied. Projects are known here by number only: this room lies below them."""

from django.db import models


class Applied(models.Model):
    """One `golive apply` that changed something: who, when, from which files, and what it changed."""

    project_number = models.PositiveBigIntegerField(db_index=True)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    files = models.JSONField(default=list)
    differences = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]
