"""Bad releases, each caught: the old one serves all the while or again, nothing is lost, and a flip is written."""

from datetime import timedelta

import pytest

from golive.alerts.models import Flip
from golive.changes.models import Change
from golive.changes.models import Kind as ChangeKind
from golive.releases import build, door, drill, lock
from golive.releases.errors import BuildError, Refused
from golive.releases.host.place import place
from golive.releases.models import Deploy, DeployState, Release, ReleaseState
from tests.releases.conftest import Customers, Shop

BEFORE_IT_SERVED = [
    ("does not start", {"start": "exit"}, "cannot read its configuration"),
    ("never healthy", {"health": 503}, "answered 503"),
]
WHILE_IT_SERVED = [
    ("starts and dies", {"start": "1.2"}, "die"),
    ("500 on one route", {"fail": "/projects"}, "failed"),
    ("slower", {"slow_ms": 180}, "p95"),
]


@pytest.mark.parametrize(("name", "behaviour", "word"), BEFORE_IT_SERVED, ids=[one[0] for one in BEFORE_IT_SERVED])
def test_it_never_serves(shop: Shop, customers: Customers, name: str, behaviour: dict[str, object], word: str) -> None:
    good = shop.good()
    with customers:
        limit = "10s" if behaviour.get("health") else "2m"  # what dies is known by its dying, however slow the machine
        outcome = shop.ship(settings={"start_timeout": limit}, **behaviour)
    assert outcome.state == DeployState.FAILED, outcome.reason
    assert word in outcome.reason
    assert not customers.failed
    assert customers.releases == {good}
    assert shop.serves() == good
    assert shop.flips() == [("firing", "warning"), ("ok", "warning")]
    assert word in shop.incident()


@pytest.mark.parametrize(("name", "behaviour", "word"), WHILE_IT_SERVED, ids=[one[0] for one in WHILE_IT_SERVED])
def test_it_is_rolled_back(
    shop: Shop, customers: Customers, name: str, behaviour: dict[str, object], word: str
) -> None:
    good = shop.good()
    with customers:
        outcome = shop.ship(settings={"watch": "8s", "slack": "60ms"}, **behaviour)
        assert outcome.state == DeployState.ROLLED_BACK, outcome.reason
        assert word in outcome.reason
        assert shop.serves() == good
    lost = dict(customers.failed)
    lost.pop("500", None)  # what the release itself answered
    if name == "starts and dies":
        assert lost.pop("502", 0) <= 4  # a POST that it was at work on when it died cannot be asked again
    assert not lost
    assert shop.where.live is not None
    assert shop.where.live.release.name == good
    assert word in shop.incident()
    assert Flip.objects.filter(evidence__deploy=outcome.deploy_id).count() == 2
    marks = list(Change.objects.filter(project=shop.project).values_list("kind", flat=True))
    assert marks.count(ChangeKind.DEPLOY) == 2
    assert ChangeKind.ROLLBACK in marks


def test_a_failing_smoke_test_rolls_back(shop: Shop) -> None:
    good = shop.good()
    outcome = shop.ship(settings={"smoke": ["sh -c 'echo the basket is empty; exit 1'"], "watch": "20s"})
    assert outcome.state == DeployState.ROLLED_BACK
    assert "the basket is empty" in outcome.reason
    assert shop.serves() == good
    assert "the basket is empty" in shop.incident()


def test_a_good_one_after_a_bad_one_ends_the_trouble_and_is_told(shop: Shop, customers: Customers) -> None:
    shop.ship()
    with customers:
        assert shop.ship().well
        assert door.rollback(shop.where).well
    assert not customers.failed
    last = shop.last()
    assert last.kind == "rollback"
    assert last.reuses is not None
    assert Deploy.objects.filter(environment=shop.where, state=DeployState.DONE).count() == 3
    assert last.availability["failures"] == 0
    assert shop.flips() == []


def test_a_first_release_that_fails_leaves_nothing_behind(shop: Shop) -> None:
    outcome = shop.ship(start="exit")
    assert outcome.state == DeployState.FAILED
    assert shop.where.live is None
    with pytest.raises(Refused, match="no earlier release"):
        door.rollback(shop.where)


def test_a_drill_starts_the_release_before_and_ends_it_again(shop: Shop) -> None:
    shop.good()
    good = shop.good()
    made = drill.drill(shop.where)
    assert (made.exit_code, made.release.number) == (0, 1)
    assert shop.serves() == good
    assert shop.flips() == []
    with lock.held(shop.where), pytest.raises(Refused, match="under way"):
        drill.drill(shop.where)
    assert shop.flips() == []


def test_a_build_that_was_killed_is_given_up_and_leaves_nothing(shop: Shop) -> None:
    release = shop.build()
    folder = build.folder_of(release)
    assert folder.is_dir()
    assert not list((place().root / "locks").glob("r*.lock"))
    with pytest.raises(BuildError):
        shop.build(settings={"build": ["false"]})
    assert not list((place().root / "locks").glob("r*.lock")), "nor does one that fails leave a lock"
    Release.objects.filter(pk=release.pk).update(state=ReleaseState.BUILDING)  # as a killed build leaves it
    later = door.now() + timedelta(minutes=1)
    with lock.building(release):
        assert build.abandoned(later) == [], "somebody is at it"
    assert build.abandoned(release.created_at) == [], "its lock may be about to come"
    assert build.abandoned(later) == [release]
    assert not folder.exists()
    release.refresh_from_db()
    assert (release.state, release.problem) == ("failed", "its build was killed; build it again")


def test_a_build_that_ends_while_it_is_looked_at_keeps_its_files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    release = shop.build()
    Release.objects.filter(pk=release.pk).update(state=ReleaseState.BUILDING)

    def ends_now(release: Release) -> bool:
        Release.objects.filter(pk=release.pk).update(state=ReleaseState.READY)
        return False

    monkeypatch.setattr(lock, "is_built", ends_now)
    assert build.abandoned(door.now() + timedelta(minutes=1)) == []
    assert build.folder_of(release).is_dir()
