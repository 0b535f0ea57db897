"""What errors put on the home page and into search."""

from collections.abc import Sequence

from django.db.models import Q
from django.urls import reverse

from golive.console.panels import Hit, Search, Sentence, register_search, register_sentence
from golive.errors.models import ErrorGroup, GroupState
from golive.people.models import Project


def find(project: Project, text: str, limit: int) -> Sequence[Hit]:
    """Groups by type, message or culprit."""
    found = ErrorGroup.objects.filter(project=project).filter(
        Q(type__icontains=text) | Q(message__icontains=text) | Q(culprit__icontains=text) | Q(fingerprint=text)
    )
    return [
        Hit(
            f"{group.type}: {group.message}"[:160],
            reverse("error", args=[project.slug, group.fingerprint]),
            detail=group.culprit,
            state=group.state,
            at=group.last_seen,
        )
        for group in found.order_by("-last_seen")[:limit]
    ]


def regressions(project: Project) -> str | None:
    """How many errors have come back."""
    count = ErrorGroup.objects.filter(
        project=project, state=GroupState.UNRESOLVED, regressed_at__isnull=False
    ).count()
    return f"{count} error{'s' if count != 1 else ''} came back" if count else None


register_search(Search("Errors", 30, find))
register_sentence(Sentence(40, regressions))
