"""One-time codes: those of RFC 6238, each once."""

import base64
from datetime import UTC, datetime

import pytest

from acme.second_factor import accepted_step, code_of, step_at

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    assert code_of(SECRET, seconds // 30) == code


def test_a_code_counts_once_and_not_for_long() -> None:
    now = datetime.fromtimestamp(1234567890, UTC)
    step = step_at(now)
    assert accepted_step(SECRET, "005 924", now, 0) == step
    assert accepted_step(SECRET, "005924", now, step) is None
    assert accepted_step(SECRET, code_of(SECRET, step - 1), now, 0) == step - 1
    assert accepted_step(SECRET, code_of(SECRET, step - 2), now, 0) is None
    assert accepted_step(SECRET, "", now, 0) is None
