"""The outbox: what is to be told to whom, and a record of each attempt."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from golive.people.models import Project


class Channels(models.Model):
    """Where a project's news goes: the `[notify]` section of golive.toml. Holds references, never secrets."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="channels")
    email = models.CharField(max_length=300, blank=True)  # SMTP URL or a reference to one
    sender = models.CharField(max_length=200, blank=True)
    webhooks = models.JSONField(default=list)  # [{"url": reference or URL, "secret": reference or ""}]
    apprise = models.JSONField(default=list)  # references to Apprise URLs
    slack = models.JSONField(default=list)  # references to Slack's incoming webhooks
    slack_signing_secret = models.CharField(max_length=200, blank=True)  # a reference


class Urgency(models.TextChoices):
    """High: somebody has to act now, so it is retried often. Normal: good to know."""

    HIGH = "high"
    NORMAL = "normal"


class Delivery(models.TextChoices):
    """Where a message stands. Failed ones are tried again at `next_attempt_at`; dead and withdrawn ones are not."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


class OutboxMessage(models.Model):
    """One message to one recipient over one channel, kept until it is sent or given up.

    `key` says what the message is, so that enqueueing it twice makes one; it becomes the receiver's dedup key, and
    `message_id` the mail's Message-ID: both stay the same however often the message has to be sent.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="outbox")
    channel = models.CharField(max_length=16)
    recipient = models.CharField(max_length=300)
    person = models.CharField(max_length=254, blank=True)  # whom it is for, where that is one person
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    event = models.CharField(max_length=64)  # such as "incident.detected": what a webhook's receiver switches on
    data = models.JSONField(default=dict)
    urgency = models.CharField(max_length=8, choices=Urgency)
    about = models.CharField(max_length=64, blank=True, db_index=True)  # "incident:17"
    key = models.CharField(max_length=200, unique=True)
    message_id = models.CharField(max_length=200, unique=True)
    fallback = models.JSONField(default=list)  # [[channel, recipient], ...] tried when this one does not get through

    state = models.CharField(max_length=9, choices=Delivery, default=Delivery.PENDING)
    tries = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="outbox_due",
                condition=Q(state__in=["pending", "failed", "claimed"]),
            ),
            models.Index(fields=["project", "-id"], name="outbox_project"),
        ]


class Outcome(models.TextChoices):
    """How an attempt ended. Lost: the sender died in the middle, so the receiver may or may not have it."""

    SENT = "sent"
    FAILED = "failed"
    LOST = "lost"


class Attempt(models.Model):
    """One try to hand a message over. No outcome while it runs."""

    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="attempt_number")]


class Contact(models.Model):
    """One way to reach a person, by their address. `sealed` is encrypted: an Apprise URL or a push subscription."""

    person = models.EmailField(db_index=True)
    channel = models.CharField(max_length=16)  # email, apprise or push
    label = models.CharField(max_length=80)
    address = models.CharField(max_length=254, blank=True)  # of mail, which is no secret
    sealed = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)  # of a push subscription's address, so that it is kept once
    urgent = models.BooleanField(default=True)
    normal = models.BooleanField(default=False)
    after = models.DurationField(default=timedelta)
    position = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.label

    @property
    def recipient(self) -> str:
        """Its name in the outbox: an address, or a number that says nothing."""
        return self.address if self.channel == "email" else f"contact:{self.pk}"

    @property
    def delay(self) -> str:
        """`after` as the form's choices say it."""
        return f"{self.after // timedelta(minutes=1)}m" if self.after else ""


class QuietHours(models.Model):
    """When news that can wait is held for a person; a page never is."""

    person = models.EmailField(unique=True)
    since = models.TimeField()
    until = models.TimeField()
    zone = models.CharField(max_length=64, default="UTC")
