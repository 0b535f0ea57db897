"""What a project's business is measured by."""

from django.db import models

from golive.people.models import Project


class BusinessSettings(models.Model):
    """Names of the events that count, from `[business]` of golive.toml; the defaults hold without it."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="business")
    currency = models.CharField(max_length=3, default="EUR")
    signup = models.CharField(max_length=120, default="user.signed_up")
    revenue = models.CharField(max_length=120, default="payment.succeeded")
    api = models.CharField(max_length=200, default="/api/")


def settings_of(project: Project) -> BusinessSettings:
    """The project's settings, or the defaults (not saved)."""
    return BusinessSettings.objects.filter(project=project).first() or BusinessSettings(project=project)
