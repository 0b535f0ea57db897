"""Runs of journeys that watch production: what each came to, and where its evidence lies."""

from pathlib import Path

from django.db import models

from golive.journeys.results import Outcome
from golive.kit.folders import data_folder
from golive.people.models import Project


class Run(models.Model):
    """One run. `results` are its journeys: test, proves, outcome, reason, seconds, trace_id, steps, evidence."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="journey_runs")
    check_name = models.SlugField(max_length=63)
    at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)
    outcome = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Outcome])
    reason = models.CharField(max_length=500)
    results = models.JSONField(default=list)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["project", "check_name", "-id"])]

    @property
    def folder(self) -> Path:
        """Where its evidence is kept."""
        return folder_of(self.project_id, self.check_name) / str(self.pk)


def folder_of(project_id: int, check_name: str) -> Path:
    """The evidence of one check's runs."""
    return data_folder() / "journeys" / str(project_id) / check_name
