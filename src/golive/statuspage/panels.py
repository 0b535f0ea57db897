"""The status page's part of an incident's page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from golive.incidents.actions import Block, register_block, register_review_block
from golive.incidents.models import Incident, Review
from golive.statuspage import publish, telling
from golive.statuspage.autopublish import draft
from golive.statuspage.document import Story
from golive.statuspage.models import Component, Hold, Notice, Told

CHOICES = [choice for choice in Told.choices if choice[0] != Told.POSTMORTEM]
NEXT = {Told.INVESTIGATING: Told.IDENTIFIED, Told.IDENTIFIED: Told.MONITORING, Told.MONITORING: Told.RESOLVED}


def story_of(incident: Incident) -> Story | None:
    """What has been told of an incident; None before the first update."""
    notice = Notice.objects.filter(incident=incident).prefetch_related("updates").first()
    updates = list(notice.updates.all()) if notice else []
    return Story(notice, updates) if notice and updates else None


def block(request: HttpRequest, incident: Incident) -> str:
    """What customers were told, and the form to tell them more."""
    story = story_of(incident)
    settings = telling.page_of(incident.project)
    say = draft(telling.facts_of(incident, settings), timezone.now())
    context = {
        "incident": incident,
        "story": story,
        "settings": settings,
        "public_url": publish.public_url(incident.project.slug),
        "components": Component.objects.filter(project=incident.project),
        "auto": incident.is_open and incident.is_critical and telling.affected_components(incident),
        "told_choices": CHOICES,
        "draft": say.body if say else "",
        "held": Hold.objects.filter(incident=incident, released_at=None).first(),
        "open": incident.is_open,
        "told_customers": incident.customers_told.count(),
        "next_told": NEXT.get(story.told, Told.RESOLVED) if story else Told.INVESTIGATING,
        "title": story.notice.title if story else telling.public_title(incident),
    }
    return render_to_string("statuspage/block.html", context, request=request)


def review_block(request: HttpRequest, incident: Incident) -> str:
    """The post-mortem for customers, once it is over."""
    if incident.is_open:
        return ""
    story, review = story_of(incident), Review.objects.filter(incident=incident).first()
    said = next((one.body for one in story.updates if one.told == Told.POSTMORTEM), "") if story else ""
    context = {"incident": incident, "story": story, "text": said or (review.summary if review else "")}
    return render_to_string("statuspage/review.html", context, request=request)


register_block(Block(10, block))
register_review_block(Block(10, review_block))
