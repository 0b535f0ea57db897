"""What a verdict rests on, each as a short print: when one changes, the proof is worth nothing any more."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from golive.readiness.item import Subject


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def of_target(subject: Subject, *keys: str) -> dict[str, str]:
    """What is deployed, where, and the parts of `[readiness]` that this item reads."""
    return {
        "target": f"{subject.place} {subject.url}",
        "release": subject.release or "not recorded",
        "configuration": of_settings(subject, *keys),
    }


def of_source(subject: Subject, *keys: str) -> dict[str, str]:
    """The commit, and the parts of `[readiness]` that this item reads."""
    return {"commit": subject.commit or "none", "configuration": of_settings(subject, *keys)}


def of_settings(subject: Subject, *keys: str) -> str:
    said = subject.wanted.model_dump(mode="json", include=set(keys))
    return short(repr(sorted(said.items())))


def stale(
    before: Mapping[str, str], now_inputs: Mapping[str, str], ended_at: datetime, lasts: timedelta, now: datetime
) -> str:
    """Why a proof no longer counts; empty while it does."""
    for name in sorted({*before, *now_inputs}):
        if before.get(name) != now_inputs.get(name):
            return f"its {name} has changed since ({before.get(name, 'none')} → {now_inputs.get(name, 'none')})"
    if now >= ended_at + lasts:
        return "it has expired"
    return ""
