"""The headline's clause about speed."""

from datetime import UTC, datetime

import pytest

from golive.traces.headline import clause

MONDAY = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
N = "\N{NARROW NO-BREAK SPACE}"

TABLE = [
    (420.0, 500, 375.0, 500, f"p95 is 420{N}ms, 12{N}% slower than last Monday"),
    (420.0, 500, 600.0, 500, f"p95 is 420{N}ms, 30{N}% faster than last Monday"),
    (420.0, 500, 410.0, 500, f"p95 is 420{N}ms, as last Monday"),
    (4200.0, 500, 420.0, 500, f"p95 is 4.20{N}s, 10.0 times last Monday's"),
    (420.0, 500, None, 0, f"p95 is 420{N}ms"),
    (420.0, 3, 100.0, 500, f"p95 is 420{N}ms"),
    (None, 0, 100.0, 500, "no request in the last hour"),
    (None, 0, None, 0, None),
]


@pytest.mark.parametrize(("now_ms", "requests", "then_ms", "requests_then", "text"), TABLE)
def test_clause(
    now_ms: float | None, requests: int, then_ms: float | None, requests_then: int, text: str | None
) -> None:
    assert clause(now_ms, requests, then_ms, requests_then, MONDAY) == text
