"""How often we shipped, for the home page's headline."""

from django.utils import timezone

from golive.changes.models import Change, Kind
from golive.console.panels import Sentence, register_sentence
from golive.people.models import Project


def deploys_today(project: Project) -> str | None:
    """How many production deploys today; nothing to say before the first deploy ever."""
    deploys = Change.objects.filter(project=project, kind=Kind.DEPLOY, environment="production")
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    count = deploys.filter(at__gte=midnight).count()
    if count:
        return f"{count} deploy{'s' if count != 1 else ''} today"
    return "no deploy today" if deploys.exists() else None


register_sentence(Sentence(30, deploys_today))
