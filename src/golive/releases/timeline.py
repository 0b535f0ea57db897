"""A deploy's steps as bars on one time line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.releases.models import DeployStep, StepState


@dataclass(frozen=True)
class Bar:
    """One step; `left` and `width` are percent of the whole."""

    step: DeployStep
    left: float
    width: float
    took_ms: float | None


def bars(steps: Sequence[DeployStep], began: datetime, now: datetime) -> list[Bar]:
    """The steps, placed by when each began and how long it took; one that runs reaches to now."""
    ends = [began + timedelta(milliseconds=1)]
    spans: list[tuple[DeployStep, datetime | None, datetime | None]] = []
    for step in steps:
        since, until = step.started_at, None
        if since is not None:
            until = now if step.took_ms is None else since + timedelta(milliseconds=step.took_ms)
            ends.append(until)
        spans.append((step, since, until))
    whole = max((max(ends) - began).total_seconds(), 0.001)
    found: list[Bar] = []
    for step, since, until in spans:
        if since is None or until is None or step.state in (StepState.PENDING, StepState.SKIPPED):
            found.append(Bar(step, 0.0, 0.0, None))
            continue
        left = min(max((since - began).total_seconds() / whole, 0.0), 1.0) * 100
        width = max((until - since).total_seconds() / whole * 100, 0.5)
        found.append(
            Bar(step, round(left, 2), round(min(width, 100 - left), 2), (until - since).total_seconds() * 1000)
        )
    return found
