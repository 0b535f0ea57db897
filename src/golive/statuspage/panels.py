"""The status page's part of an incident's page."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from golive.incidents.actions import Block, register_block
from golive.incidents.models import Incident
from golive.statuspage import publish, telling
from golive.statuspage.document import Story
from golive.statuspage.models import Component, Notice, Told

NEXT = {Told.INVESTIGATING: Told.IDENTIFIED, Told.IDENTIFIED: Told.MONITORING, Told.MONITORING: Told.RESOLVED}


def story_of(incident: Incident) -> Story | None:
    """What has been told of an incident; None before the first update."""
    notice = Notice.objects.filter(incident=incident).prefetch_related("updates").first()
    updates = list(notice.updates.all()) if notice else []
    return Story(notice, updates) if notice and updates else None


def block(request: HttpRequest, incident: Incident) -> str:
    """What customers were told, and the form to tell them more."""
    story = story_of(incident)
    context = {
        "incident": incident,
        "story": story,
        "settings": telling.page_of(incident.project),
        "public_url": publish.public_url(incident.project.slug),
        "components": Component.objects.filter(project=incident.project),
        "auto": incident.is_open and incident.is_critical and telling.affected_components(incident),
        "told_choices": Told.choices,
        "next_told": NEXT.get(story.told, Told.RESOLVED) if story else Told.INVESTIGATING,
        "title": story.notice.title if story else telling.public_title(incident),
    }
    return render_to_string("statuspage/block.html", context, request=request)


register_block(Block(10, block))
