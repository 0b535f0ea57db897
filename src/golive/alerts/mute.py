"""Who is not told: silences, maintenance and inhibition hold a flip back; it is told later if it still fires then.

A flip that is held is recorded like any other: the rule's page shows it, only no incident hears of it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from golive.alerts import matching
from golive.alerts.models import Flip, Inhibition, Silence, SilenceKind, State
from golive.kit.durations import format_duration
from golive.people import audit
from golive.people.models import Project

Labels = Mapping[str, str]
Mute = Callable[[Project, Labels, datetime], str]
LOOK_BACK = 5000  # flips: what fires is told by the newest flip of each condition
_mutes: list[Mute] = []


class SilenceError(ValueError):
    """The silence does not fit; the message says why."""


def register_mute(mute: Mute) -> None:
    """Add a reason to hold flips back: a function that tells it, or "" when there is none."""
    _mutes.append(mute)


def labels_of(flip: Flip) -> dict[str, str]:
    """What tells a flip apart."""
    kind, _, name = flip.source.partition(":")
    given = [flip.evidence.get("labels"), flip.evidence.get("sent")]
    more = {str(key): str(value) for each in given if isinstance(each, dict) for key, value in each.items()}
    return more | {
        "kind": kind,
        "name": name,
        "source": flip.source,
        "key": flip.key,
        "service": flip.service,
        "environment": flip.environment,
        "severity": flip.severity,
        "title": flip.title,
    }


def why(flip: Flip, now: datetime) -> str:
    """Why nobody is to be told of a flip now; "" when people are."""
    labels = labels_of(flip)
    for silence in flip.project.silences.filter(ended_at=None, starts_at__lte=now):
        until = span(silence).until(now)
        if until and matching.hold(matching.read(silence.matchers), labels):
            return f"{silence.kind} until {until:%Y-%m-%d %H:%M} UTC by {silence.created_by}: {silence.comment}"[:300]
    for inhibition in flip.project.inhibitions.all():
        if matching.hold(matching.read(inhibition.mute), labels):
            if cause := _cause(flip, inhibition, labels):
                return f"inhibited by {cause} ({inhibition.name})"[:300]
            if flip.old != State.FIRING and now < flip.at + inhibition.wait:
                return f"waits {format_duration(inhibition.wait)} for a cause ({inhibition.name})"
    return next((told[:300] for mute in _mutes if (told := mute(flip.project, labels, now))), "")


def _cause(flip: Flip, inhibition: Inhibition, labels: Labels) -> str:
    when = matching.read(inhibition.when)
    for other in firing(flip.project):
        if (other.source, other.key) == (flip.source, flip.key):
            continue
        theirs = labels_of(other)
        if matching.hold(when, theirs) and all(theirs.get(name) == labels.get(name) for name in inhibition.equal):
            return other.title
    return ""


def firing(project: Project) -> list[Flip]:
    """The newest flip of every condition that fires now."""
    newest: dict[tuple[str, str, str], Flip] = {}
    for flip in Flip.objects.filter(project=project).select_related("project").order_by("-id")[:LOOK_BACK]:
        newest.setdefault((flip.source, flip.key, flip.environment), flip)
    return [flip for flip in newest.values() if flip.new == State.FIRING]


def release(now: datetime) -> int:
    """Tell of what was held and still fires; forget what recovered meanwhile. How many were told."""
    told = 0
    for flip in Flip.objects.filter(held=True, handled_at=None).select_related("project").order_by("id"):
        same = Flip.objects.filter(
            project=flip.project, source=flip.source, key=flip.key, environment=flip.environment, id__gt=flip.pk
        )
        mine = Flip.objects.filter(pk=flip.pk, held=True, handled_at=None)
        if same.exists():
            mine.update(handled_at=now)
        elif reason := why(flip, now):
            if reason != flip.held_why:
                mine.update(held_why=reason)
        else:  # the clocks of its incident begin when people may hear of it
            told += mine.update(held=False, at=now)
    return told


def span(silence: Silence) -> matching.Span:
    return matching.Span(silence.starts_at, silence.ends_at, silence.every, silence.ended_at)


def create(
    project: Project,
    matchers: str,
    comment: str,
    starts_at: datetime,
    ends_at: datetime,
    by: str,
    *,
    kind: SilenceKind = SilenceKind.SILENCE,
    every: str = "",
) -> Silence:
    """Keep something quiet for a while. Raises SilenceError."""
    try:
        matching.read(matchers)
    except matching.MatcherError as error:
        raise SilenceError(str(error)) from None
    if len(matchers) > 500:
        raise SilenceError("the matchers are longer than 500 characters")
    if not comment.strip():
        raise SilenceError("say why, for those who wonder that it is quiet")
    if every not in EVERY:
        raise SilenceError(f"it repeats {', '.join(filter(None, EVERY))}, or not at all, not {every!r}")
    if ends_at <= starts_at or ends_at <= timezone.now():
        raise SilenceError("it would be over before it begins")
    period = EVERY[every]
    if ends_at - starts_at > (period or timedelta(days=90)):
        raise SilenceError("it would last longer than it takes to repeat" if period else "it would last over 90 days")
    with transaction.atomic():
        made = Silence.objects.create(
            project=project,
            kind=kind,
            matchers=matchers.strip(),
            comment=comment.strip()[:300],
            starts_at=starts_at,
            ends_at=ends_at,
            every=period,
            created_by=by[:200],
        )
        audit.record(
            by,
            f"{kind}.create",
            made.matchers[:200],
            project=project,
            comment=made.comment,
            starts_at=starts_at.isoformat(),
            ends_at=ends_at.isoformat(),
            every=every,
        )
    return made


def current(silence: Silence, now: datetime) -> bool:
    """Whether it is in force or yet to come."""
    return silence.ended_at is None and (silence.every is not None or silence.ends_at > now)


def said(every: timedelta | None) -> str:
    """How a silence repeats, in the word that `create` takes."""
    return next(name for name, period in EVERY.items() if period == every)


EVERY = {"": None, "daily": timedelta(days=1), "weekly": timedelta(days=7)}


def end(silence: Silence, by: str, now: datetime) -> bool:
    """End a silence now; what still fires is told. False when it was over already."""
    with transaction.atomic():
        if Silence.objects.filter(pk=silence.pk, ended_at=None).update(ended_at=now, ended_by=by[:200]) != 1:
            return False
        audit.record(by, f"{silence.kind}.end", silence.matchers[:200], project=silence.project)
    return True
