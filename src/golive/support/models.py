"""Inboxes, conversations and what was said in them."""

import secrets
from datetime import timedelta

from django.db import models

from golive.people.models import Project


def new_token() -> str:
    """What names a conversation towards its customer; nobody else can guess it."""
    return secrets.token_hex(12)


class Inbox(models.Model):
    """A project's support, from `[support]` of golive.toml. Holds references, never secrets."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="support")
    address = models.EmailField(blank=True)
    reply_within = models.DurationField(default=timedelta(hours=8))
    tell = models.JSONField(default=list)  # addresses that hear of each new message
    form = models.BooleanField(default=True)
    chat_plans = models.JSONField(default=list)
    chat_secret = models.CharField(max_length=200, blank=True)
    overdue = models.BooleanField(default=False)  # what the last flip said


class Channel(models.TextChoices):
    """How a conversation began; answers go back the same way."""

    FORM = "form"
    MAIL = "mail"
    CHAT = "chat"


class Conversation(models.Model):
    """One customer, one matter. `waiting_since` is their oldest message without an answer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="conversations")
    number = models.PositiveIntegerField()
    token = models.CharField(max_length=24, unique=True, default=new_token)
    channel = models.CharField(max_length=4, choices=Channel)
    subject = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=120, blank=True)
    account = models.CharField(max_length=200, blank=True)
    plan = models.CharField(max_length=80, blank=True)
    opened_at = models.DateTimeField()
    waiting_since = models.DateTimeField(null=True, blank=True)
    first_reply_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    assignee = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="conversation_number")]
        indexes = [models.Index(fields=["project", "waiting_since"], name="conversation_waiting")]

    def __str__(self) -> str:
        return f"#{self.number} {self.subject}"

    @property
    def link(self) -> str:
        return f"/p/{self.project.slug}/support/{self.number}/"

    @property
    def who(self) -> str:
        """The customer, as people call them."""
        return self.name or self.email or self.account or "somebody"


class Direction(models.TextChoices):
    """Who speaks to whom. A note stays among us."""

    IN = "in"
    OUT = "out"
    NOTE = "note"


class Said(models.Model):
    """One message. `message_id` is the mail's, so that a mail delivered twice counts once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="said")
    direction = models.CharField(max_length=4, choices=Direction)
    author = models.CharField(max_length=254)
    text = models.TextField()
    at = models.DateTimeField()
    message_id = models.CharField(max_length=250, blank=True)
    attachments = models.JSONField(default=list)  # names and sizes of what was attached; the files are not kept

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "message_id"], condition=~models.Q(message_id=""), name="said_once"
            )
        ]
