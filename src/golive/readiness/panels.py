"""Readiness on the home page: a clause while something blocks, once it has been examined."""

from django.utils import timezone

from golive.console.panels import Sentence, register_sentence
from golive.people.models import Project
from golive.readiness.models import Standing
from golive.readiness.verdict import Verdict


def _tell(project: Project) -> str | None:
    regressed = Standing.objects.filter(project=project, passed_once=True, since__lte=timezone.now())
    count = regressed.exclude(verdict=Verdict.PASS).count()
    return f"{count} readiness {'proof' if count == 1 else 'proofs'} no longer hold" if count else None


register_sentence(Sentence(order=80, tell=_tell))
