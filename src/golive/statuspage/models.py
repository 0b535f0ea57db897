"""The public status page: its components, what customers were told, and what each day was like."""

from datetime import timedelta
from hashlib import sha256

from django.db import models

from golive.incidents.models import Incident
from golive.people.models import Project


class StatusPage(models.Model):
    """The `[status]` section of golive.toml."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="statuspage")
    title = models.CharField(max_length=120, blank=True)
    publish_after = models.DurationField(default=timedelta(minutes=5))
    approve = models.BooleanField(default=False)  # what golive would tell waits for a person
    language = models.CharField(max_length=5, default="en")
    domain = models.CharField(max_length=253, blank=True)
    password = models.CharField(max_length=200, blank=True)  # a reference; a page with one is private
    logo = models.TextField(blank=True)  # a data: URL
    colour = models.CharField(max_length=7, blank=True)
    push = models.CharField(max_length=500, blank=True)
    mail_customers = models.BooleanField(default=False)
    lookup = models.CharField(max_length=300, blank=True)  # URL, or a reference to one, that turns ids into addresses
    mail_plans = models.JSONField(default=list)  # customers of these plans are mailed whether or not traces name them
    templates = models.JSONField(default=list)  # [{name, title, body}]


class Component(models.Model):
    """A part of the product as customers know it, and the checks, rules and services that speak for it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="components")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    position = models.PositiveIntegerField()
    group = models.CharField(max_length=120, blank=True)
    checks = models.JSONField(default=list)
    rules = models.JSONField(default=list)
    services = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="component_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        """Its id in the public JSON: stable as long as its name is."""
        return sha256(f"{self.project_id}/{self.name}".encode()).hexdigest()[:12]

    def speaks(self, source: str, service: str) -> bool:
        """Whether a condition concerns this component."""
        kind, _, name = source.partition(":")
        return (
            (kind == "check" and name in self.checks)
            or (kind == "rule" and name in self.rules)
            or (bool(service) and service in self.services)
        )


class Told(models.TextChoices):
    """What customers are told of an incident, in Statuspage's words."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"


class Notice(models.Model):
    """An incident as customers see it: a title of its own, since the inner one may say too much."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="notice")
    title = models.CharField(max_length=200)
    impact = models.CharField(max_length=8, default="major")  # none, minor, major, critical
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"notice/{self.pk}/{self.created_at.isoformat()}".encode()).hexdigest()[:12]


class Update(models.Model):
    """One thing told. `affected` maps component codes to the status they were said to have."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="updates")
    told = models.CharField(max_length=16, choices=Told)
    body = models.TextField()
    affected = models.JSONField(default=dict)
    by = models.CharField(max_length=200, default="golive")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"update/{self.pk}/{self.at.isoformat()}".encode()).hexdigest()[:12]


class Day(models.Model):
    """One check's day, copied from the telemetry store so that the page can be drawn without it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    check_name = models.CharField(max_length=120)
    day = models.DateField()
    results = models.PositiveIntegerField()
    failures = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "check_name", "day"], name="statuspage_day_once")]


class Hold(models.Model):
    """A responder keeps golive from telling customers of an incident by itself, or did."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="hold")
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)


class Stage(models.TextChoices):
    """Where a scheduled maintenance stands, in Statuspage's words."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"


class Maintenance(models.Model):
    """Work that customers are told of before. It begins and ends by itself at its times."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="maintenances")
    title = models.CharField(max_length=200)
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.SCHEDULED)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    components = models.JSONField(default=list)  # codes
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-starts_at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"maintenance/{self.pk}/{self.created_at.isoformat()}".encode()).hexdigest()[:12]


class MaintenanceUpdate(models.Model):
    """One thing told about a maintenance."""

    maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE, related_name="updates")
    stage = models.CharField(max_length=12, choices=Stage)
    body = models.TextField()
    by = models.CharField(max_length=200, default="golive")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]

    @property
    def code(self) -> str:
        return sha256(f"maintenance-update/{self.pk}/{self.at.isoformat()}".encode()).hexdigest()[:12]


class Subscriber(models.Model):
    """Somebody who wants to hear: by mail, or at a webhook or Slack address. Counts once confirmed by mail."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="subscribers")
    email = models.EmailField()
    url = models.CharField(max_length=500, blank=True)
    components = models.JSONField(default=list)  # codes; all when empty
    made_at = models.DateTimeField()
    asked_at = models.DateTimeField()  # when the confirming mail was last sent
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]
        constraints = [models.UniqueConstraint(fields=["project", "email", "url"], name="subscriber_once")]

    def wants(self, codes: set[str]) -> bool:
        """Whether news about these components (none: about the whole) concern it."""
        return not self.components or not codes or bool(codes & set(self.components))


class CustomerTold(models.Model):
    """A customer who was hit by an incident and told by mail. `customer` is the id from the traces."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="customers_told")
    customer = models.CharField(max_length=200)
    address = models.EmailField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "customer"], name="customer_told_once")]
