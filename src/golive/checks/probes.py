"""Who may probe from elsewhere: admitted with a token that can do nothing else, and dismissed."""

import re
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from golive import __version__
from golive.checks.errands import able
from golive.checks.models import Probe
from golive.checks.network import silence
from golive.checks.probe import REGION
from golive.people import audit, tokens
from golive.people.models import User

SCOPE = "probe:write"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class ProbeError(Exception):
    """It cannot be done; the message says why."""


def admit(name: str, region: str, *, by: str, user: User | None = None) -> tuple[Probe, str]:
    """Make a probe and its token, which is shown once. Raises ProbeError."""
    for word in (name, region):
        if not NAME.fullmatch(word):
            raise ProbeError(f"{word!r} must be small letters, digits and -, at most 40")
    if region == REGION:
        raise ProbeError(f"the region {REGION} is golive's own; name another")
    with transaction.atomic():
        if Probe.objects.filter(name=name).exists():
            raise ProbeError(f"there is a probe {name!r} already; `golive probe remove {name}` dismisses it")
        token, value = tokens.create(f"probe {name}", [SCOPE], by=user)
        made = Probe.objects.create(name=name, region=region, token=token)
        audit.record(by, "probe.admit", name, region=region)
    return made, value


def dismiss(name: str, *, by: str) -> None:
    """End a probe's token and forget the probe. Raises ProbeError."""
    found = Probe.objects.filter(name=name).select_related("token").first()
    if found is None:
        names = ", ".join(Probe.objects.values_list("name", flat=True)) or "none yet"
        raise ProbeError(f"there is no probe {name!r}; the probes are {names}")
    with transaction.atomic():
        tokens.revoke(found.token, timezone.now())
        found.delete()
        audit.record(by, "probe.dismiss", name)


def row(probe: Probe, now: datetime) -> dict[str, Any]:
    """A probe for a list."""
    quiet = silence(probe.seen_at, now)
    return {
        "name": probe.name,
        "region": probe.region,
        "state": quiet or probe.fault or "at work",
        "seen_at": probe.seen_at,
        "checks": probe.details.get("checks"),
        "lag_ms": probe.details.get("lag_p99_ms"),
        "waiting": probe.details.get("waiting"),
        "journeys": able(probe.details),
        "version": probe.version,
        "outdated": bool(probe.version) and probe.version != __version__,
    }
