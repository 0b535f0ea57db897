"""Deploys wait while something critical is broken, unless a person says why this one is the remedy."""

from golive.alerts.models import Severity
from golive.incidents.lifecycle import OPEN
from golive.incidents.models import Incident
from golive.releases.gates import Objection, register_gate
from golive.releases.models import Environment, Release


class OpenIncident:
    """The gate "incident"."""

    name = "incident"

    def objects(self, environment: Environment, release: Release) -> Objection | None:
        """Object while a critical incident of this environment is open. A first deploy can break nothing."""
        if environment.live_id is None:
            return None
        found = (
            Incident.objects.select_related("project")
            .filter(
                project=environment.project,
                environment=environment.name,
                severity=Severity.CRITICAL,
                state__in=[state.value for state in OPEN],
            )
            .first()
        )
        if found is None:
            return None
        return Objection(self.name, f"{found} is open; deploy its remedy with --override incident=WHY", found.link)


register_gate(OpenIncident())
