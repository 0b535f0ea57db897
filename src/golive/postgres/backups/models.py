"""Backups made, drills run, and the beats by which a restored database is recognised."""

from django.db import models

from golive.postgres.base import Database


class Backup(models.Model):
    """One backup, whether it worked or not. `label` is pgBackRest's, or the dump's file name."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="backups")
    label = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=12)
    scheduled = models.BooleanField(default=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    size_bytes = models.BigIntegerField(null=True)
    expired = models.BooleanField(default=False)  # retention took it away
    manifest = models.JSONField(default=dict)

    class Meta:
        ordering = ["-began_at"]
        indexes = [models.Index(fields=["database", "-began_at"])]


class Drill(models.Model):
    """One restore of a backup to a scratch server, and what it proved."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="drills")
    backup = models.ForeignKey(Backup, on_delete=models.SET_NULL, null=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    target_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    proofs = models.JSONField(default=list)
    phases = models.JSONField(default=dict)
    rpo_seconds = models.FloatField(null=True)
    rto_seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["-began_at"]
        indexes = [models.Index(fields=["database", "-began_at"])]


class Beat(models.Model):
    """What golive wrote into golive.heartbeat, and when: a restored database must hold the beat before its instant."""

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="beats")
    at = models.DateTimeField()
    nonce = models.CharField(max_length=40)
    segment = models.CharField(max_length=24, blank=True)  # of WAL: archived up to it, this beat can be restored

    class Meta:
        indexes = [models.Index(fields=["database", "-at"])]
