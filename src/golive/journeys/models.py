"""Runs of journeys that watch production: what each came to, and where its evidence lies."""

from pathlib import Path

from django.db import models

from golive.journeys.results import Outcome
from golive.kit.folders import data_folder
from golive.people.models import Project

HOME = "built-in"


class Run(models.Model):
    """One run. `results` are its journeys: test, proves, outcome, reason, seconds, trace_id, steps, evidence.

    A run elsewhere names its `probe`, the `key` under which its evidence comes after it, and the `place` at the probe
    where that lies until then. `judged` says that the check's state follows from it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="journey_runs")
    check_name = models.SlugField(max_length=63)
    at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)
    outcome = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Outcome])
    reason = models.CharField(max_length=500)
    results = models.JSONField(default=list)
    region = models.CharField(max_length=40, default=HOME)
    probe = models.CharField(max_length=40, blank=True)
    key = models.CharField(max_length=32, blank=True, db_index=True)
    place = models.CharField(max_length=300, blank=True)
    judged = models.BooleanField(default=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["project", "check_name", "-id"])]

    @property
    def folder(self) -> Path:
        """Where its evidence is kept."""
        return folder_of(self.project_id, self.check_name) / str(self.pk)

    @property
    def files(self) -> list[str]:
        """The evidence that its results name."""
        return [one["file"] for result in self.results for one in result["evidence"]]

    @property
    def arrived(self) -> list[str]:
        """The evidence that is here: not what a probe still has, nor what made room for newer."""
        return [file for file in self.files if (self.folder / file).is_file()]

    @property
    def awaited(self) -> bool:
        """Whether evidence still lies at the probe that ran it."""
        return bool(self.place) and self.arrived != self.files


def folder_of(project_id: int, check_name: str) -> Path:
    """The evidence of one check's runs."""
    return data_folder() / "journeys" / str(project_id) / check_name
