"""An incident's impact, counted from a real store."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.incidents import impact, reviews
from golive.incidents.models import Incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(project):
    """Two days of what the seed made up, as if they had been one long incident."""
    now = datetime.now(UTC)
    return Incident.objects.create(
        project=project,
        number=1,
        title="slow",
        severity="critical",
        state="mitigated",
        began_at=now - timedelta(days=2),
        detected_at=now - timedelta(days=2),
        paging_since=now - timedelta(days=2),
        mitigated_at=now - timedelta(hours=1),
    )


def test_counted_once_and_frozen(incident, ada):
    now = datetime.now(UTC)
    found = impact.measure(incident, now)
    assert found.requests > found.failed > 0
    assert sum(route.failures for route in found.routes) <= found.failed
    assert found.customers == len(impact.customers(incident, now)) > 0
    assert found.hardest_hit[0].failures >= found.hardest_hit[-1].failures
    curve = impact.curve(incident, now)
    assert sum(curve["requests"]) >= found.requests
    assert len(curve["times"]) == len(curve["p95"]) <= 100
    assert reviews.freeze(reviews.of(incident), now)
    kept = impact.Impact.of_plain(reviews.of(incident).impact)
    assert kept == found
    assert b"customers hit" in ada.get(incident.link + "impact/").content
    assert b"requests failed" in ada.get(incident.link + "review/").content


def test_another_service_is_not_counted(incident):
    incident.service = "none-of-ours"
    found = impact.measure(incident, datetime.now(UTC))
    assert (found.requests, found.failed, found.customers, found.routes) == (0, 0, 0, [])
