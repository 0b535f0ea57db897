"""Environments, releases, deploys with their steps, variables and one-off commands."""

from datetime import timedelta

from django.db import models

from golive.alerts.models import State as Trouble
from golive.people.models import Project


class DeploySettings(models.Model):
    """What golive.toml says in [deploy], [environments] and [cron], as applied; validated by `settings`."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="deploy_settings")
    deploy = models.JSONField(default=dict)
    environments = models.JSONField(default=dict)
    cron = models.JSONField(default=dict)


class ReleaseState(models.TextChoices):
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    REMOVED = "removed"  # its files are gone; its record stays


class Release(models.Model):
    """An immutable build. `settings` is the [deploy] section it was built with; `name` is what telemetry carries."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)  # "acme@12-ab12cd3", Sentry's form
    commit = models.CharField(max_length=64, blank=True)
    branch = models.CharField(max_length=200, blank=True)
    tree = models.CharField(max_length=64, blank=True)
    notes = models.JSONField(default=list)  # commits since the release before: {"commit", "subject", "author"}
    settings = models.JSONField(default=dict)
    folder = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=10, choices=ReleaseState, default=ReleaseState.BUILDING)
    problem = models.CharField(max_length=500, blank=True)
    log = models.TextField(blank=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    built_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=200, default="golive")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="release_number")]

    def __str__(self) -> str:
        return self.name


class EnvironmentKind(models.TextChoices):
    PERMANENT = "permanent"
    PREVIEW = "preview"


class Environment(models.Model):
    """Where a release runs: production, staging, or the preview of a pull request. `live` is the deploy that serves."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    name = models.SlugField(max_length=63)
    kind = models.CharField(max_length=10, choices=EnvironmentKind, default=EnvironmentKind.PERMANENT)
    live = models.ForeignKey("Deploy", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    trouble = models.CharField(max_length=8, choices=Trouble, default=Trouble.OK)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # Of previews only:
    asleep = models.BooleanField(default=False)
    asked_at = models.DateTimeField(null=True, blank=True)  # when somebody last looked
    expires_at = models.DateTimeField(null=True, blank=True)
    database = models.CharField(max_length=63, blank=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="environment_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_preview(self) -> bool:
        return self.kind == EnvironmentKind.PREVIEW

    @property
    def link(self) -> str:
        """The name of its link on the host, short since socket paths are."""
        return f"p{self.project_id}-{self.name}" if self.is_preview else f"e{self.pk}"


class DeployKind(models.TextChoices):
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    VARIABLES = "variables"  # the same release with other variables


class DeployState(models.TextChoices):
    """Where a deploy stands; `executor` alone moves it. Undoing ends in rolled back or failed."""

    RUNNING = "running"
    UNDOING = "undoing"
    DONE = "done"
    ROLLED_BACK = "rolled back"  # it had taken requests
    FAILED = "failed"  # it never took requests
    STUCK = "stuck"  # neither it nor its undoing worked; a person must look


UNFINISHED = (DeployState.RUNNING, DeployState.UNDOING)


class Deploy(models.Model):
    """A release on its way into an environment, or there. `previous` is what served when it began."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="deploys")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="deploys")
    previous = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=10, choices=DeployKind, default=DeployKind.DEPLOY)
    state = models.CharField(max_length=12, choices=DeployState, default=DeployState.RUNNING)
    by = models.CharField(max_length=200, default="golive")
    reason = models.CharField(max_length=500, blank=True)  # why it ended as it did, or why it was asked for
    overrides = models.JSONField(default=dict)  # gate -> the reason a person gave
    canary = models.PositiveSmallIntegerField(default=0)  # percent, while it is one
    variables_version = models.PositiveIntegerField(default=0)
    reuses = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField()
    switched_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    warm_until = models.DateTimeField(null=True, blank=True)  # its processes run so long after another took over
    stopped_at = models.DateTimeField(null=True, blank=True)  # its processes are ended, or about to be
    availability = models.JSONField(default=dict)  # probed through the switch: requests, failures, p99_ms
    verdict = models.JSONField(default=list)  # what the checks after the switch saw
    migration = models.JSONField(default=dict)  # what the rehearsal found

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(state__in=["running", "undoing"]),
                name="one_deploy_at_a_time",
            )
        ]

    @property
    def runs_as(self) -> "Deploy":
        """The deploy whose processes serve this one: a warm rollback starts none of its own."""
        return self.reuses or self

    @property
    def instance(self) -> str:
        """The name of its processes on the host."""
        return f"e{self.environment_id}-{self.runs_as.pk}"

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def took(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None

    @property
    def link(self) -> str:
        return f"/p/{self.environment.project.slug}/deploys/{self.pk}/"


class StepState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class DeployStep(models.Model):
    """One step of a deploy: recorded before it begins and when it has ended, so that a killed deploy can be resumed."""

    deploy = models.ForeignKey(Deploy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    does = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=8, choices=StepState, default=StepState.PENDING)
    started_at = models.DateTimeField(null=True, blank=True)
    took_ms = models.FloatField(null=True, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["deploy", "name"], name="step_once")]


class Variable(models.Model):
    """One variable of an environment from `version` on; an empty `sealed` takes it away. Never changed, only added."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="variables")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    sealed = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)

    class Meta:
        ordering = ["version", "name"]
        constraints = [models.UniqueConstraint(fields=["environment", "version", "name"], name="variable_once")]


class CommandRun(models.Model):
    """A command run in a release's environment: one-off by a person, or scheduled (`job` is its name in [cron])."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="runs")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    job = models.CharField(max_length=63, blank=True)
    command = models.TextField()
    by = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    output = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]


class CronState(models.Model):
    """When a scheduled command last began, and whether it is in trouble."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="cron_states")
    job = models.CharField(max_length=63)
    due_at = models.DateTimeField()
    trouble = models.CharField(max_length=8, choices=Trouble, default=Trouble.OK)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "job"], name="cron_job")]
