"""The page in Statuspage's v2 JSON, so that clients made for it can read ours.

One word is ours: a component of which nothing is known has the status "unknown", which Statuspage cannot say, since
none of its words would be true.
"""

from datetime import datetime
from typing import Any

from golive.statuspage.document import Document, Group, Part, Story, Work
from golive.statuspage.models import Stage, Told, Update
from golive.statuspage.standing import WORSE


def files(document: Document, url: str) -> dict[str, dict[str, Any]]:
    """All answers by their path below the page. `url` is the page's public address."""
    page = {
        "id": document.project.slug,
        "name": document.title,
        "url": url,
        "time_zone": "Etc/UTC",
        "updated_at": _time(document.written_at),
    }
    status = {"indicator": document.overall.indicator, "description": document.overall.sentence}
    components = [
        component
        for number, group in enumerate(document.groups, 1)
        for component in [*_group(group, number, document), *_members(group, number, document)]
    ]
    live = [_incident(story, document) for story in document.open]
    every = [_incident(story, document) for story in (*document.open, *document.past)]
    base = {"page": page}
    works = [_work(work, document) for work in document.works]
    live_works = [_work(work, document) for work in document.live_works]
    active = [work for work in live_works if work["status"] != Stage.SCHEDULED]
    upcoming = [work for work in live_works if work["status"] == Stage.SCHEDULED]
    return {
        "api/v2/summary.json": base
        | {"components": components, "incidents": live, "scheduled_maintenances": live_works, "status": status},
        "api/v2/status.json": base | {"status": status},
        "api/v2/components.json": base | {"components": components},
        "api/v2/incidents.json": base | {"incidents": every},
        "api/v2/incidents/unresolved.json": base | {"incidents": live},
        "api/v2/scheduled-maintenances.json": base | {"scheduled_maintenances": works},
        "api/v2/scheduled-maintenances/upcoming.json": base | {"scheduled_maintenances": upcoming},
        "api/v2/scheduled-maintenances/active.json": base | {"scheduled_maintenances": active},
    }


def _group(group: Group, position: int, document: Document) -> list[dict[str, Any]]:
    """The group itself as a component, as bad as its worst member; none for components that stand alone."""
    if not group.name:
        return []
    worst = max((part.standing.status for part in group.parts), key=WORSE.index)
    entry = {
        "id": group.code,
        "name": group.name,
        "status": worst.value,
        "description": None,
        "position": position,
        "page_id": document.project.slug,
        "group_id": None,
        "group": True,
        "components": [part.component.code for part in group.parts],
        "showcase": False,
        "only_show_if_degraded": False,
        "updated_at": _time(document.written_at),
    }
    return [entry]


def _members(group: Group, position: int, document: Document) -> list[dict[str, Any]]:
    return [
        _component(part, number if group.name else position + number - 1, document)
        | {"group_id": group.code if group.name else None}
        for number, part in enumerate(group.parts, 1)
    ]


def _work(found: Work, document: Document) -> dict[str, Any]:
    work = found.work
    names = {part.component.code: part for part in document.parts}
    return {
        "id": work.code,
        "name": work.title,
        "status": work.stage,
        "impact": "maintenance",
        "created_at": _time(work.created_at),
        "updated_at": _time(found.updates[0].at if found.updates else work.created_at),
        "monitoring_at": None,
        "resolved_at": next((_time(one.at) for one in found.updates if one.stage == Stage.COMPLETED), None),
        "shortlink": None,
        "started_at": _time(work.starts_at),
        "scheduled_for": _time(work.starts_at),
        "scheduled_until": _time(work.ends_at),
        "page_id": document.project.slug,
        "components": [_component(names[code], 1, document) for code in work.components if code in names],
        "incident_updates": [
            {
                "id": one.code,
                "incident_id": work.code,
                "status": one.stage,
                "body": one.body,
                "created_at": _time(one.at),
                "display_at": _time(one.at),
                "updated_at": _time(one.at),
                "affected_components": None,
            }
            for one in found.updates
        ],
    }


def _component(part: Part, position: int, document: Document) -> dict[str, Any]:
    return {
        "id": part.component.code,
        "name": part.component.name,
        "status": part.standing.status.value,
        "description": part.component.description or None,
        "position": position,
        "page_id": document.project.slug,
        "group_id": None,
        "group": False,
        "showcase": True,
        "only_show_if_degraded": False,
        "updated_at": _time(document.written_at),
    }


def _incident(story: Story, document: Document) -> dict[str, Any]:
    notice = story.notice
    monitoring = next((update.at for update in reversed(story.updates) if update.told == Told.MONITORING), None)
    return {
        "id": notice.code,
        "name": notice.title,
        "status": story.told.value,
        "impact": notice.impact,
        "created_at": _time(notice.created_at),
        "started_at": _time(notice.incident.began_at),
        "updated_at": _time(story.updates[0].at),
        "monitoring_at": _time(monitoring),
        "resolved_at": _time(story.resolved_at),
        "shortlink": None,
        "page_id": document.project.slug,
        "incident_updates": [_update(update, notice.code, document) for update in story.updates],
    }


def _update(update: Update, incident: str, document: Document) -> dict[str, Any]:
    names = {part.component.code: part.component.name for part in document.parts}
    return {
        "id": update.code,
        "incident_id": incident,
        "status": update.told,
        "body": update.body,
        "created_at": _time(update.at),
        "display_at": _time(update.at),
        "updated_at": _time(update.at),
        "affected_components": [
            {"code": code, "name": names[code], "old_status": None, "new_status": status}
            for code, status in update.affected.items()
            if code in names
        ]
        or None,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
