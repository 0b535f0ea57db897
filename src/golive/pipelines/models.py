"""Runs of pipelines, their steps, and what is known of tests."""

from django.db import models

from golive.people.models import Project
from golive.pipelines.outcome import State


class Trigger(models.TextChoices):
    """What made a run begin."""

    LOCAL = "local", "by hand"
    PUSH = "push", "push"
    PULL_REQUEST = "pull request", "pull request"


class RunState(models.TextChoices):
    """The states of `outcome.State`, as the database keeps them."""

    WAITING = State.WAITING.value
    RUNNING = State.RUNNING.value
    PASSED = State.PASSED.value
    CACHED = State.CACHED.value
    FAILED = State.FAILED.value
    TIMED_OUT = State.TIMED_OUT.value
    CANCELLED = State.CANCELLED.value
    SKIPPED = State.SKIPPED.value
    BLOCKED = State.BLOCKED.value
    UNKNOWN = State.UNKNOWN.value


class Run(models.Model):
    """One run of a project's pipeline on one tree."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=16, choices=Trigger)
    git_dir = models.CharField(max_length=500)
    below = models.CharField(max_length=300, blank=True)
    ref = models.CharField(max_length=300, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    tree = models.CharField(max_length=64)
    title = models.CharField(max_length=300, blank=True)
    author = models.CharField(max_length=200, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    pull_request = models.CharField(max_length=100, blank=True)
    fork = models.BooleanField(default=False)
    approved_by = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=200)
    stages = models.JSONField(default=list)
    only = models.BooleanField(default=False)
    fresh = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.WAITING)
    reason = models.CharField(max_length=1000, blank=True)
    cancel_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    began_at = models.DateTimeField(null=True, blank=True)
    alive_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    job_id = models.BigIntegerField(null=True, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    data = models.JSONField(default=dict)  # what stages told: preview_url, release ...

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="run_number_once")]
        indexes = [models.Index(fields=["project", "ref", "-number"])]

    def __str__(self) -> str:
        return f"run #{self.number} of {self.project_id}"

    @property
    def link(self) -> str:
        return f"/p/{self.project.slug}/runs/{self.number}/"

    @property
    def is_over(self) -> bool:
        return State(self.state).ended

    @property
    def branch(self) -> str:
        return self.ref.removeprefix("refs/heads/")


class RunStep(models.Model):
    """One step of a run. Times are seconds; `began` counts from the run's beginning."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80)
    stage = models.CharField(max_length=12)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.WAITING)
    reason = models.CharField(max_length=1000, blank=True)
    needs = models.JSONField(default=list)
    commands = models.JSONField(default=list)
    budget_seconds = models.FloatField(default=0)
    began = models.FloatField(default=0)
    prepare_seconds = models.FloatField(default=0)
    services_seconds = models.FloatField(default=0)
    run_seconds = models.FloatField(default=0)
    finish_seconds = models.FloatField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=64, blank=True)
    key_reason = models.CharField(max_length=500, blank=True)
    cached_from = models.CharField(max_length=40, blank=True)
    saved_seconds = models.FloatField(default=0)
    tests_all = models.PositiveIntegerField(default=0)
    tests_passed = models.PositiveIntegerField(default=0)
    slowest = models.JSONField(default=list)  # [[test, seconds], ...]
    flaky = models.JSONField(default=list)
    excused = models.JSONField(default=list)
    artifacts = models.JSONField(default=list)
    coverage = models.FloatField(null=True, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="run_step_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.run_id}"

    @property
    def seconds(self) -> float:
        return self.prepare_seconds + self.services_seconds + self.run_seconds + self.finish_seconds

    @property
    def overhead_seconds(self) -> float:
        return self.prepare_seconds + self.finish_seconds


class FailedTest(models.Model):
    """A test that failed in a run; kept to recognise one that passes on the same tree."""

    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="failures")
    name = models.CharField(max_length=400)
    message = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["name"])]


class FlakyTest(models.Model):
    """A test that passed and failed on one tree. With an owner and an end it is in quarantine: run, shown, excused."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flaky_tests")
    name = models.CharField(max_length=400)
    step = models.CharField(max_length=80)
    times = models.PositiveIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_run = models.PositiveIntegerField(default=0)
    owner = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="flaky_once")]


class TestFile(models.Model):
    """How long a file's tests take, for sharing them out."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="test_files")
    file = models.CharField(max_length=400)
    seconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "file"], name="test_file_once")]


class Source(models.Model):
    """The git host from which a project's pushes and pull requests come. Secrets are references."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="source")
    host = models.CharField(max_length=20)
    repository = models.CharField(max_length=300)
    url = models.CharField(max_length=500)
    api = models.CharField(max_length=300)
    webhook_secret = models.CharField(max_length=200)
    token = models.CharField(max_length=200, blank=True)
    main = models.CharField(max_length=200, default="main")


class Delivery(models.Model):
    """A webhook that was taken: its id and the hash of its body, so that neither is taken twice."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="deliveries")
    identity = models.CharField(max_length=200)
    body = models.CharField(max_length=64)
    event = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "identity"], name="delivery_once"),
            models.UniqueConstraint(fields=["source", "body"], name="delivery_body_once"),
        ]


class Comment(models.Model):
    """golive's one comment on a pull request."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="comments")
    pull_request = models.CharField(max_length=100)
    identity = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "pull_request"], name="comment_once")]


class LoadTest(models.Model):
    """How many users something bore, with every number of users that was tried."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="load_tests")
    host = models.CharField(max_length=300)
    environment = models.CharField(max_length=63, blank=True)
    release = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=200)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    p95_ms = models.FloatField()
    errors = models.FloatField()
    levels = models.JSONField(default=list)
    verdict = models.CharField(max_length=10)
    sentence = models.CharField(max_length=1000)
    held = models.PositiveIntegerField(default=0)
    broke = models.PositiveIntegerField(null=True, blank=True)
    cause = models.CharField(max_length=60, blank=True)
    cause_reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-began_at", "-pk"]
        indexes = [models.Index(fields=["project", "-began_at"])]

    def __str__(self) -> str:
        return f"load test {self.pk} of {self.project_id}"

    @property
    def link(self) -> str:
        return f"/p/{self.project.slug}/load/{self.pk}/"
