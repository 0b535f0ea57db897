"""Two pagers at once: each flip is handled once, in order, each page goes out once, numbers have no gap."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from golive.sandbox.servers import PostgresServer
from tests.notify.place import Place

PREPARE = """
from datetime import timedelta
from django.utils import timezone
from golive.alerts.flips import record
from golive.alerts.models import Severity, State
from golive.oncall.models import OnCall
from golive.people.models import Project
now = timezone.now()
for slug in ("acme", "beta"):
    project = Project.objects.create(slug=slug, name=slug)
    OnCall.objects.create(project=project, people=["ada@acme.example"])
    for number in range(6):
        for old, new in ((State.OK, State.FIRING), (State.FIRING, State.OK), (State.OK, State.FIRING)):
            record(project, f"check:c{number}", title=f"c{number} is down", old=old, new=new,
                   severity=Severity.CRITICAL, reason="refused", at=now, service=f"s{number}")
"""
WORK = """
from django.db import OperationalError
from golive.alerts.models import Flip
from golive.incidents import service
done = False
while not done:
    try:
        service.beat()
        done = not Flip.objects.filter(handled_at=None).exists()
        if done:
            service.beat()
    except OperationalError:  # a busy database is waited for, as in the pager's own loop
        done = False
"""
LOOK = """
from golive.alerts.models import Flip
from golive.incidents.models import Incident, PageSent
from golive.notify.models import OutboxMessage
print(json.dumps({
    "left": Flip.objects.filter(handled_at=None).count(),
    "numbers": {slug: sorted(Incident.objects.filter(project__slug=slug).values_list("number", flat=True))
                for slug in ("acme", "beta")},
    "states": sorted(set(Incident.objects.values_list("state", flat=True))),
    "entries": sorted(set(tuple(i.timeline.exclude(kind="paged").values_list("kind", flat=True).order_by("id"))
                          for i in Incident.objects.all())),
    "pages": PageSent.objects.count(),
    "messages": OutboxMessage.objects.filter(key__contains=":page:").count(),
}))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    yield Place(tmp_path, postgres.create_database("exactly_once"))


def test_two_pagers(place: Place) -> None:
    place.run(PREPARE)
    workers = [place.start(WORK) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    seen = place.run(LOOK)
    assert seen["left"] == 0
    assert seen["numbers"] == {"acme": list(range(1, 7)), "beta": list(range(1, 7))}
    assert seen["states"] == ["detected"]
    assert seen["pages"] == seen["messages"]
    assert 12 <= seen["pages"] <= 24  # one for the last firing, one for the first unless it had recovered by then
    entries = ["detected", "recovered", "mitigated", "reopened"]
    assert all([kind for kind in kinds if kind != "told"] == entries for kinds in seen["entries"])
