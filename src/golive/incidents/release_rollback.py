"""A way out of an incident: roll back what was deployed. Releases are below incidents, so it stands here."""

from collections.abc import Sequence

from golive.incidents.actions import ActionError, Offer
from golive.incidents.models import Incident
from golive.releases import door, jobs
from golive.releases.errors import ReleaseError
from golive.releases.models import Environment


class RollBack:
    """Offers the release before, and says beforehand how long it takes and whether the migrations allow it."""

    name = "rollback"
    scope = "releases:write"

    def offers(self, incident: Incident) -> Sequence[Offer]:
        where = _environment(incident)
        way = door.way_back(where) if where else None
        if way is None or way.migrations == "forbid":
            return []
        return [Offer(str(way.to.release_id), f"Roll back to {way.to.release.name}", way.effect)]

    def take(self, incident: Incident, key: str, by: str) -> str:
        where = _environment(incident)
        way = door.way_back(where) if where else None
        if where is None or way is None or str(way.to.release_id) != key:
            raise ActionError("That release is not the one before any more; load the page again.")
        reason = f"incident #{incident.number}"
        if not way.warm:
            job = jobs.ask_rollback(where, way.to.release, by, reason)
            return f"Rollback of {where.name} to {way.to.release.name} begun as job {job.pk}"
        try:
            outcome = door.rollback(where, way.to.release, by=by, reason=reason)
        except ReleaseError as error:
            raise ActionError(str(error)) from error
        if not outcome.well:
            raise ActionError(f"The rollback {outcome.state}: {outcome.reason}")
        return f"{where.name} rolled back to {way.to.release.name} in {outcome.took_seconds:.1f} s"


def _environment(incident: Incident) -> Environment | None:
    found = Environment.objects.filter(project=incident.project, name=incident.environment, closed_at=None)
    return found.select_related("project", "live__release").exclude(live=None).first()
