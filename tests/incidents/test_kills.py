"""No sequence of kills loses a page, or doubles one except between the receiver's acceptance and our record."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.alerts.models import Severity
from golive.incidents import moves, paging
from golive.incidents.models import Incident
from golive.notify import delivery, outbox
from golive.notify.channels.email import CHANNEL as MAIL
from golive.notify.models import Channels, OutboxMessage
from golive.oncall.models import OnCall
from golive.people.models import Project

T0 = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
GONE = f"{outbox.socket.gethostname()}:999999999:0.00"  # a process that does not live
POINTS = ("deciding", "queued", "claimed", "accepted", "recorded")


class Killed(BaseException):
    """SIGKILL, as far as a transaction can tell."""


class World:
    """A pager that can be killed at a point, a receiver that remembers, and a clock."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now, self.dies_at = T0, ""
        self.accepted: list[tuple[str, str]] = []
        self.killed_unrecorded: Counter[str] = Counter()
        patch.setattr(timezone, "now", lambda: self.now)
        patch.setattr(type(MAIL), "send", lambda _, message, __: self.receive(message))
        write, succeeded = paging.write, outbox.succeeded
        patch.setattr(paging, "write", lambda *a, **k: (self.die("deciding"), write(*a, **k))[1])
        patch.setattr(outbox, "succeeded", lambda *a: (self.die("accepted"), succeeded(*a), self.die("recorded")))

    def die(self, point: str) -> None:
        if self.dies_at == point:
            self.dies_at = ""
            raise Killed

    def receive(self, message: OutboxMessage) -> None:
        self.accepted.append((message.key, message.message_id))
        if self.dies_at == "accepted":
            self.killed_unrecorded[message.key] += 1

    def life(self, dies_at: str = "") -> None:
        """One life of the pager: it starts, pages, sends what is due; and may be killed on the way."""
        self.dies_at = dies_at
        try:
            outbox.release_dead(self.now)
            paging.page_due(self.now)
            self.die("queued")
            for message in outbox.due(self.now, 50):
                attempt = outbox.claim(message, GONE, self.now)
                self.die("claimed")
                if attempt:
                    delivery.deliver(attempt)
        except Killed:
            pass
        self.dies_at = ""


LIVES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(("", *POINTS))), min_size=1, max_size=8
)  # seconds that pass, and where it is killed then


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=LIVES, repeat=st.sampled_from([60, 300]), escalate=st.sampled_from([120, 600]))
def test_no_sequence_of_kills_loses_or_doubles_a_page(lives, repeat, escalate):
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        world = World(patch)
        people = ["ada@x.io", "ben@x.io", "cy@x.io"]
        project = Project.objects.create(slug="acme", name="acme")
        Channels.objects.create(project=project, email="smtp://127.0.0.1:1")
        spans = {"repeat": timedelta(seconds=repeat), "escalate": timedelta(seconds=escalate)}
        OnCall.objects.create(project=project, people=people, **spans)
        incident = moves.open_incident(project, "down", Severity.CRITICAL, T0)
        for seconds, dies_at in lives:
            world.now += timedelta(seconds=seconds)
            world.life(dies_at)
        world.life()  # at last it lives

        incident = Incident.objects.get(pk=incident.pk)
        sent = list(incident.pages.select_related("message"))
        counted = Counter(key for key, _ in world.accepted)
        # Nothing is lost: every page that was decided arrived, and everybody whose turn has come was paged lately.
        assert all(counted[page.message.key] >= 1 for page in sent)
        reached = people[: min(int((world.now - T0) / spans["escalate"]), len(people) - 1) + 1]
        for who in reached:
            assert max(page.at for page in sent if page.who == who) > world.now - spans["repeat"]
        # Nothing is doubled but by a kill after acceptance, and then under the same name.
        for key, count in counted.items():
            assert count <= 1 + world.killed_unrecorded[key]
        assert len({name for _, name in world.accepted}) == len(counted)
        assert [page.number for page in sent] == list(range(1, len(sent) + 1))
        for who in people:
            times = [page.at for page in sent if page.who == who]
            assert all(later - earlier >= spans["repeat"] for earlier, later in pairwise(times))
        transaction.set_rollback(True)
