"""What a post-mortem says, in the order in which it is read: made once, drawn as page, Markdown or PDF."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from golive.console.words import grouped, money
from golive.incidents import proofs, view
from golive.incidents.clocks import Measure, Verdict
from golive.incidents.impact import Impact
from golive.incidents.models import Incident, Review
from golive.incidents.postmortem.picture import Curve
from golive.kit.durations import format_duration

PROMPTS = {
    "summary": ("Summary", "Two sentences for somebody who was not there: what users felt, and for how long."),
    "happened": ("What happened", "What did people see, and what did it make sense to do at that moment?"),
    "why": ("Why it happened", "Which conditions let it happen? Ask what made the mistake easy, not who made it."),
    "went_well": ("What went well", "What shortened it: an alert, a runbook, a person who knew?"),
    "went_badly": ("What went badly", "Where did we lose minutes: finding out, deciding, acting, telling?"),
    "lucky": ("Where we were lucky", "What would have made it worse, and is only absent by chance?"),
}
ASKED = ("happened", "why")  # without these it is not a review


@dataclass(frozen=True)
class Table:
    """Rows under heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A chart; `name` is that of its file."""

    name: str
    curve: Curve


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: paragraphs, tables, pictures."""

    title: str
    blocks: Sequence[str | Table | Picture] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """The whole."""

    title: str
    lead: str
    sections: Sequence[Section]


def compose(incident: Incident, now: datetime) -> Document:
    """The document of an incident as it stands."""
    review = Review.objects.filter(incident=incident).first() or Review(incident=incident)
    written = [Section(PROMPTS[name][0], [text]) for name in PROMPTS if (text := getattr(review, name).strip())]
    sections = [
        *written[:1],
        Section("Impact", impact_blocks(incident, review)),
        *written[1:],
        Section("Clocks", [clock_table(view.measures(incident, now, public=incident.is_critical))]),
        Section("What changed just before", change_blocks(incident)),
        Section("What changes now", action_blocks(review)),
        Section("Timeline", [timeline_table(incident)]),
    ]
    return Document(f"Incident #{incident.number}: {incident.title}", _lead(incident, now), sections)


def impact_blocks(incident: Incident, review: Review) -> list[str | Table | Picture]:
    """The numbers, the routes that failed, and the charts."""
    if not review.impact:
        return ["The numbers are taken when the incident is over."]
    impact = Impact.of_plain(review.impact)
    blocks: list[str | Table | Picture] = [impact_words(impact)]
    if impact.routes:
        rows = [
            [f"{route.method} {route.route}".strip(), route.service, plain(route.failures), plain(route.requests)]
            for route in impact.routes
        ]
        blocks.append(Table(["Route", "Service", "Failed", "Requests"], rows))
    return blocks + list(pictures(incident, review))


def impact_words(impact: Impact) -> str:
    """The numbers in a sentence each; what is not known is said."""
    told = [f"{plain(impact.failed)} of {plain(impact.requests)} requests failed."]
    if impact.missing:
        told.append(f"{plain(impact.missing)} requests fewer arrived than in the same time a week before.")
    told.append(f"{plain(impact.customers)} signed-in customer{'s' if impact.customers != 1 else ''} met a failure.")
    if impact.lost_minor is None:
        told.append("Revenue: nothing to compare with.")
    elif impact.lost_minor:
        hourly = money(impact.lost_hourly_minor, impact.currency)
        told.append(f"Revenue was {money(impact.lost_minor, impact.currency)} lower than usual ({hourly} per hour).")
    else:
        told.append("Revenue was not lower than usual.")
    return " ".join(told)


def pictures(incident: Incident, review: Review) -> list[Picture]:
    """Requests with failures, and p95, with the incident as a band and changes as marks."""
    curves = review.curves
    if not curves.get("times"):
        return []
    band = (incident.began_at.timestamp(), (incident.mitigated_at or incident.began_at).timestamp())
    marks = tuple(change.at.timestamp() for change in view.suspects(incident))
    times = tuple(curves["times"])
    return [
        Picture(
            "requests",
            Curve("Requests", "", times, {"requests": curves["requests"], "failures": curves["failures"]}, band, marks),
        ),
        Picture("p95", Curve("p95 response time", "ms", times, {"p95": curves["p95"]}, band, marks)),
    ]


def clock_table(measures: Sequence[Measure]) -> Table:
    """Each clock with its target, met or missed."""
    words = {Verdict.KEPT: "met", Verdict.MISSED: "missed", Verdict.RUNNING: "running", Verdict.NONE: ""}
    rows = [
        [
            measure.name,
            format_duration(measure.took) if measure.took is not None else "-",
            format_duration(measure.target) if measure.target else "",
            words[measure.verdict],
        ]
        for measure in measures
    ]
    return Table(["Clock", "After", "Target", ""], rows)


def change_blocks(incident: Incident) -> list[str | Table | Picture]:
    """The contributing changes."""
    rows = [
        [f"{change.at:%H:%M:%S}", change.get_kind_display(), change.title, change.actor or "golive"]
        for change in view.suspects(incident)
    ]
    return [Table(["At (UTC)", "Kind", "Change", "By"], rows)] if rows else ["Nothing that golive knows of."]


def action_blocks(review: Review) -> list[str | Table | Picture]:
    """Action items with what proves them."""
    rows = [
        [
            item.text,
            item.owner,
            f"{item.due:%Y-%m-%d}",
            "done" if item.done_at else "open",
            proofs.judge(review, item.proof).words,
        ]
        for item in (review.actions.all() if review.pk else [])
    ]
    if rows:
        return [Table(["Action", "Owner", "By", "State", "Proof"], rows)]
    return [review.nothing_to_do or "No action has been written down."]


def timeline_table(incident: Incident) -> Table:
    """The timeline, oldest first."""
    rows = [
        [f"{line.at:%Y-%m-%d %H:%M:%S}", line.text + (f" ({line.delivery})" if line.delivery else ""), line.actor]
        for line in reversed(view.timeline(incident))
    ]
    return Table(["At (UTC)", "What", "By"], rows)


def plain(number: int) -> str:
    """A whole number as text that any font has."""
    return grouped(number).replace("\u202f", " ")


def _lead(incident: Incident, now: datetime) -> str:
    lasted = format_duration((incident.mitigated_at or now) - incident.began_at)
    told = [f"{incident.severity.capitalize()}, {incident.began_at:%d %B %Y %H:%M} UTC, lasted {lasted}."]
    duties = [f"{held.get_duty_display()}: {held.who}." for held in incident.duties.all()]
    cause = [f"Cause: {incident.cause}" + ("" if incident.cause.endswith(".") else ".")] if incident.cause else []
    fix = [f"Fixed by release {incident.fix_release}."] if incident.fix_release else []
    none = [f"No fix was needed: {incident.no_fix_reason}"] if incident.no_fix_reason else []
    return " ".join([*told, *duties, *cause, *fix, *none])
