"""Secrets do not reach the disk; what helps to find an error does."""

from typing import Any

import pytest

from golive.ingest.scrub import SCRUBBED, is_card_number, scrub, scrub_text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"password": "hunter2"}, {"password": SCRUBBED}),
        (
            {"headers": {"Authorization": "Bearer abcdefgh", "Accept": "*/*"}},
            {"headers": {"Authorization": SCRUBBED, "Accept": "*/*"}},
        ),
        ({"headers": [["Cookie", "a=b"], ["Host", "x"]]}, {"headers": [["Cookie", SCRUBBED], ["Host", "x"]]}),
        ({"cookies": {"sid": "1"}}, {"cookies": SCRUBBED}),
        ({"vars": {"api_key": "'k'", "count": 3}}, {"vars": {"api_key": SCRUBBED, "count": 3}}),
        ({"token_type": "access", "prompt_tokens": 812345}, {"token_type": "access", "prompt_tokens": 812345}),
        ({"password": None, "has_password": True}, {"password": None, "has_password": True}),
        ({"query_string": "a=1&reset_token=abc&b=2"}, {"query_string": f"a=1&reset_token={SCRUBBED}&b=2"}),
        ({"data": '{"password": "x y", "name": "ada"}'}, {"data": f'{{"password": "{SCRUBBED}", "name": "ada"}}'}),
        ({"url": "postgres://app:s3cret@db/acme"}, {"url": f"postgres://app:{SCRUBBED}@db/acme"}),
        ({"message": "card 4111 1111 1111 1111 declined"}, {"message": f"card {SCRUBBED} declined"}),
        (
            {"message": "order 4111111111111112 of 1732372095123456789"},
            {"message": "order 4111111111111112 of 1732372095123456789"},
        ),
        ({"trace_id": "a" * 32, "function": "authenticate"}, {"trace_id": "a" * 32, "function": "authenticate"}),
    ],
)
def test_scrub(given: Any, kept: Any) -> None:
    assert scrub(given) == kept


def test_tokens_are_known_by_their_shape() -> None:
    web_token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert scrub_text(f"jwt {web_token}") == f"jwt {SCRUBBED}"
    assert scrub_text("-----BEGIN RSA PRIVATE KEY-----\nabc") == SCRUBBED
    assert "live" not in scrub_text("key sk_live_0123456789abcdef")


def test_card_numbers() -> None:
    assert is_card_number("5555-5555-5555-4444")
    assert not is_card_number("0000000000000000")


def test_a_bottomless_event_is_cut() -> None:
    value: Any = "x"
    for _ in range(500):
        value = {"a": value}
    assert SCRUBBED in str(scrub(value))
