"""Flags, how each stands in each environment, and the keys that may evaluate them."""

from datetime import datetime
from typing import Any

from django.db import models

from golive.flags.evaluation import Flag as Evaluated
from golive.flags.notation import read_target
from golive.people.models import Project


class Flag(models.Model):
    """A flag. `variants` are its values by name, all of one type; `off` names the variant served when it is off."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flags")
    key = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    variants = models.JSONField(default=dict)
    off = models.CharField(max_length=60, default="off")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="flag_once")]

    @property
    def main(self) -> str:
        """The variant that "on" means: the first that is not the off variant."""
        return next((name for name in self.variants if name != self.off), self.off)


class FlagState(models.Model):
    """How a flag stands in one environment. `version` grows with each change; changes compare and swap by it."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="states")
    environment = models.CharField(max_length=64, default="production")
    on = models.BooleanField(default=False)
    killed = models.BooleanField(default=False)
    killed_why = models.CharField(max_length=300, blank=True)
    targets = models.JSONField(default=list)  # as written, see notation
    split = models.JSONField(default=dict)
    on_at = models.DateTimeField(null=True, blank=True)
    off_at = models.DateTimeField(null=True, blank=True)
    guard = models.JSONField(default=dict, blank=True)
    guard_bad_since = models.DateTimeField(null=True, blank=True)
    guard_reason = models.CharField(max_length=300, blank=True)
    tripped_at = models.DateTimeField(null=True, blank=True)  # the guard switched it off, and its flip still fires
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["environment"]
        constraints = [models.UniqueConstraint(fields=["flag", "environment"], name="flag_environment_once")]

    def evaluated(self) -> Evaluated:
        """As the evaluation takes it."""
        flag = self.flag
        return Evaluated(
            key=flag.key,
            variants=flag.variants,
            off=flag.off,
            on=self.on,
            killed=self.killed,
            targets=tuple(read_target(text, flag.variants) for text in self.targets),
            split=self.split or {flag.main: 100.0},
            on_at=self.on_at,
            off_at=self.off_at,
            version=self.version,
        )

    def document(self) -> dict[str, Any]:
        """As it is published."""
        return {
            "on": self.on,
            "killed": self.killed,
            "targets": self.targets,
            "split": self.split or {self.flag.main: 100.0},
            "on_at": _stamp(self.on_at),
            "off_at": _stamp(self.off_at),
            "version": self.version,
        }


class FlagKey(models.Model):
    """A key that may only evaluate the flags of one environment. `digest` is its hex SHA-256."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flag_keys")
    name = models.SlugField(max_length=40)
    environment = models.CharField(max_length=64, default="production")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(revoked_at=None), name="flag_key_name_in_force"
            )
        ]


def _stamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
