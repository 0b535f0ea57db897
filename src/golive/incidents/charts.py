"""The charts of an incident's page: what customers met before, during and after it, with what changed marked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from golive.changes.marks import marks
from golive.console.charts import Chart, Series
from golive.incidents.models import Incident


def charts(incident: Incident, curve: Mapping[str, Sequence[float | None]]) -> list[Chart]:
    """Requests with failures, and p95, over the times of `impact.curve`; none of them without a time."""
    times = [at for at in curve["times"] if at is not None]
    if not times:
        return []
    since, until = (datetime.fromtimestamp(at, UTC) for at in (times[0], times[-1] + 60))
    found, bands = marks(incident.project, since, until, incident.environment)
    requests = [Series("requests", curve["requests"]), Series("failures", curve["failures"], "critical")]
    return [
        Chart("Requests", "", times, requests, found, bands),
        Chart("p95 response time", "ms", times, [Series("p95", curve["p95"])], found, bands),
    ]
