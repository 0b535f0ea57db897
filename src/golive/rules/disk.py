"""Measure the disks of golive's own host for the paths that projects declare."""

import platform
import shutil
from datetime import datetime
from typing import Any

import psutil

from golive.people.models import Project
from golive.rules.configure import ensure
from golive.rules.settings import Disk, RuleKind
from golive.telemetry import facts


def sample(paths: list[str], project: str, host: str, now: datetime) -> list[dict[str, Any]]:
    """A row of `system.filesystem.utilization` (0..1) for each declared path that exists."""
    rows = []
    for path in paths:
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            continue  # no data is shown as no data
        if not usage.used + usage.free:
            continue
        share = usage.used / (usage.used + usage.free)  # as `df` counts: blocks reserved for root are not ours
        rows.append(_row(project, host, path, share, now))
    return rows


def _row(project: str, host: str, path: str, share: float, now: datetime) -> dict[str, Any]:
    return {
        "project": project,
        "environment": "production",
        "release": "",
        "synthetic": False,
        "time": now,
        "service": "golive",
        "name": "system.filesystem.utilization",
        "type": "gauge",
        "unit": "1",
        "value": share,
        "attributes": {"system.filesystem.mountpoint": path, "system.filesystem.type": _kind(path)},
        "resource": {"host.name": host, "service.name": "golive"},
    }


def _kind(path: str) -> str:
    """The path's file system; "declared" for a kind that the rule leaves out unless somebody asks for it, as here."""
    kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    kind = kinds.get(path, "")
    return "declared" if kind in ("overlay", "squashfs", "iso9660") else kind


def sample_all(now: datetime) -> None:
    """Record the declared disks of every project."""
    host = platform.node() or "localhost"
    rows: list[dict[str, Any]] = []
    for project in Project.objects.all():
        rule = next(rule for rule in ensure(project) if rule.kind == RuleKind.DISK)
        settings = rule.in_force()
        if isinstance(settings, Disk) and settings.enabled:
            rows += sample(settings.paths, project.slug, host, now)
    facts.record("metrics", rows)
