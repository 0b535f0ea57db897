"""Who is paged for a project, in what order, how often; schedules and who takes over from whom."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import models

from golive.oncall.escalation import Policy, ladder
from golive.oncall.final import Gap, Override, Shift, final_schedule
from golive.oncall.layers import Layer
from golive.oncall.plan import SchedulePlan
from golive.oncall.policies import PolicyPlan
from golive.people.models import Project


class OnCall(models.Model):
    """The `[oncall]` section of golive.toml. People are addresses: one without an account is mailed all the same."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="oncall")
    people = models.JSONField(default=list)
    repeat = models.DurationField(default=timedelta(minutes=5))
    escalate = models.DurationField(default=timedelta(minutes=10))
    remind = models.DurationField(default=timedelta(minutes=30))
    lapse = models.DurationField(default=timedelta(hours=2))

    def policy(self) -> Policy:
        return ladder(self.people, self.repeat, self.escalate)


class Schedule(models.Model):
    """`[oncall.schedules.NAME]` of golive.toml; `plan` is a SchedulePlan, `feed` counts its iCal addresses."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schedules")
    name = models.SlugField(max_length=40)
    position = models.PositiveIntegerField(default=0)
    plan = models.JSONField()
    feed = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["position", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="schedule_name")]

    def __str__(self) -> str:
        return self.name

    def read(self) -> SchedulePlan:
        return SchedulePlan.model_validate(self.plan)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.plan["zone"])

    @property
    def people(self) -> list[str]:
        """Everybody of the layers once, in their order."""
        return list(dict.fromkeys(who for layer in self.read().layers for who in layer.people))

    def final(self, since: datetime, until: datetime) -> list[Shift | Gap]:
        """The final schedule: shifts and gaps that cover the stretch once."""
        layers: Sequence[Layer] = self.read().meaning()
        return final_schedule(layers, self._overrides(since, until), since, until)

    def on_call_at(self, at: datetime) -> str | None:
        """Who is on call; None in a gap."""
        piece = self.final(at, at + datetime.resolution)[0]
        return piece.who if isinstance(piece, Shift) else None

    def _overrides(self, since: datetime, until: datetime) -> list[Override]:
        found = self.overrides.filter(since__lt=until, until__gt=since).order_by("id")
        return [Override(one.who, one.since, one.until) for one in found]


class EscalationPolicy(models.Model):
    """`[oncall.policies.NAME]` of golive.toml; `plan` is a PolicyPlan, `feed` counts its iCal addresses."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="escalation_policies")
    name = models.SlugField(max_length=40)
    position = models.PositiveIntegerField(default=0)
    plan = models.JSONField()
    feed = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["position", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="escalation_policy_name")]

    def __str__(self) -> str:
        return self.name

    def read(self) -> PolicyPlan:
        return PolicyPlan.model_validate(self.plan)


class Takeover(models.Model):
    """An override: `who` is on call from `since` to `until`, whoever would be. A swap makes two. Later ones count."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="overrides")
    who = models.EmailField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["since", "id"]
        indexes = [models.Index(fields=["schedule", "until"], name="takeover_schedule")]
