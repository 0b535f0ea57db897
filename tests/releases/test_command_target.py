"""The command target with commands of one's own: here they write down what they were told."""

from pathlib import Path

import pytest

from golive.releases import door
from golive.releases.errors import Refused
from golive.releases.models import DeployState
from tests.releases.conftest import Shop


def commands(log: Path, health: str = "true") -> dict[str, object]:
    return {
        "target": "command",
        "command": {
            "push": [f"sh -c 'echo push {{release}} >> {log}'"],
            "start": [f"sh -c 'echo start {{release}} >> {log}'"],
            "health": [health],
            "switch": [f"sh -c 'echo switch {{release}} from {{previous}} >> {log}'"],
            "stop": [f"sh -c 'echo stop {{release}} >> {log}'"],
        },
        "start_timeout": "1s",
    }


def test_it_is_pushed_started_asked_and_switched_and_switched_back(shop: Shop) -> None:
    log = shop.folder / "log"
    shop.settings |= commands(log)
    one, two = shop.build(), shop.build()
    assert door.deploy(one, shop.where).well
    assert door.deploy(two, shop.where).well
    assert log.read_text().splitlines()[-3:] == [
        f"push {two.name}", f"start {two.name}", f"switch {two.name} from {one.name}",
    ]  # fmt: skip
    assert door.rollback(shop.where).well
    assert log.read_text().splitlines()[-1] == f"switch {one.name} from {two.name}"
    bad = shop.build(settings=commands(log, health="false"))
    outcome = door.deploy(bad, shop.where)
    assert outcome.state == DeployState.FAILED
    assert log.read_text().splitlines()[-1] == f"stop {bad.name}"
    assert shop.where.live is not None
    assert shop.where.live.release == one


def test_a_canary_is_refused_there(shop: Shop) -> None:
    shop.settings |= commands(shop.folder / "log")
    assert door.deploy(shop.build(), shop.where).well
    outcome = door.deploy(shop.build(), shop.where, canary=10)
    assert "canary needs" in outcome.reason
    assert shop.flips()[0] == ("firing", "warning")
    with pytest.raises(Refused, match="no earlier release"):
        door.rollback(shop.where)
