"""Every item convicts its planted bad targets and acquits its good ones; one that could not fail proves nothing."""

import pytest

from golive.readiness.items import ITEMS
from golive.readiness.verdict import void


@pytest.mark.parametrize("key", sorted(ITEMS))
def test_controls_hold(key: str) -> None:
    controls = ITEMS[key].controls()
    assert [control.fault for control in controls if control.fault] == []
    assert void(controls) == ""
