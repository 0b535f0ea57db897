"""The fast lane of hotfixes: open from the moment a responder starts one until its incident is resolved."""

from golive.incidents.lifecycle import CLOSED
from golive.incidents.models import Incident
from golive.people.models import Project
from golive.pipelines.fast_lane import Opened, register_lane


class HotfixLane:
    """Opens the branch of an incident's hotfix, and no other."""

    def opened(self, project: Project, branch: str) -> Opened | None:
        if not branch:
            return None
        found = Incident.objects.filter(project=project, hotfix_branch=branch).exclude(state__in=CLOSED).first()
        if found is None:
            return None
        why = f"the hotfix of incident #{found.number}"
        return Opened(dict.fromkeys(("incident", "readiness", "budget"), why))


register_lane(HotfixLane())
