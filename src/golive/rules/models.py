"""Rules as configured and as they stand. A rule has one state for each thing it watches: a service, a pool, a disk."""

from django.db import models

from golive.alerts.models import Severity, State
from golive.people.models import Project
from golive.rules.settings import RuleKind, RuleSettings, settings_of


class Origin(models.TextChoices):
    """Where a rule comes from."""

    COOKBOOK = "cookbook"
    FILE = "file", "golive.toml"
    CONSOLE = "console"


class Rule(models.Model):
    """A rule of a project: one of the six, named by its kind, or a declared one.

    `override` is what the console set over golive.toml; a rule made on the console has all of it in `settings`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=24, choices=[(kind.value, kind.value) for kind in RuleKind])
    name = models.CharField(max_length=63)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.COOKBOOK)
    settings = models.JSONField(default=dict)
    override = models.JSONField(default=dict, blank=True)
    overridden_by = models.CharField(max_length=200, blank=True)
    overridden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="rule_name_once")]

    @property
    def source(self) -> str:
        """Its name in flips."""
        return f"rule:{self.name}"

    def in_force(self) -> RuleSettings:
        """The settings the rule is judged by."""
        return settings_of(RuleKind(self.kind), self.settings, self.override)


class RuleState(models.Model):
    """The state of one instance of a rule, and since when a change of it is pending."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="states")
    key = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    service = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=64, default="production")
    state = models.CharField(max_length=8, choices=State, default=State.UNKNOWN)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.INFO)
    since = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    value = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    evidence = models.JSONField(default=dict)
    warning_since = models.DateTimeField(null=True)
    critical_since = models.DateTimeField(null=True)
    clear_since = models.DateTimeField(null=True)
    silent_since = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "key"], name="rule_key_once")]
