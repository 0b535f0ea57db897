"""Writing flips: every source of trouble records its transitions here, inside its own transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from golive.alerts import mute
from golive.alerts.models import Flip, Severity, State
from golive.people.models import Project

LONGEST_REASON = 500
LONGEST_TITLE = 200


def record(
    project: Project,
    source: str,
    *,
    key: str = "",
    title: str,
    old: State,
    new: State,
    severity: Severity,
    reason: str,
    at: datetime,
    began_at: datetime | None = None,
    service: str = "",
    environment: str = "production",
    link: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> Flip:
    """Write one transition of `source` ("check:home") for its instance `key`.

    Call it in the transaction that changes the source's own state by compare-and-swap, so that a transition is
    recorded exactly once. `old == new` is allowed only while firing, for a change of severity. `began_at` is when the
    trouble or health itself began and defaults to `at`; `link` is the console path that shows the `evidence`.
    """
    if old == new and new != State.FIRING:
        raise ValueError(f"{source} {key}: a flip from {old} to {new} is no transition")
    flip = Flip(
        project=project,
        source=source,
        key=key[:200],
        title=title[:LONGEST_TITLE],
        service=service[:120],
        environment=environment[:64],
        old=old,
        new=new,
        severity=severity,
        reason=reason[:LONGEST_REASON],
        evidence={**(evidence or {}), **({"link": link} if link else {})},
        began_at=began_at or at,
        at=at,
    )
    if new == State.FIRING and severity != Severity.INFO:
        flip.held_why = mute.why(flip, at)
        flip.held = bool(flip.held_why)
    flip.save()
    return flip
