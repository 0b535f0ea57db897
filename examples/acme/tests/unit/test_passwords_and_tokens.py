"""Passwords and tokens."""

import pytest

from acme import passwords
from acme.tokens import form_token, fresh_token, is_form_token, token_hash


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "at least 10"),
        ("x" * 201, "at most 200"),
        ("passwordpassword", "too easy"),
        ("aaaaaaaaaaaa", "too easy"),
        ("ada@example.com", "other than your email"),
        ("", "at least 10"),
    ],
)
def test_weak_passwords_are_refused_with_a_reason(password: str, problem: str) -> None:
    assert problem in (passwords.weakness(password, "ada@example.com") or "")


@pytest.mark.parametrize("password", ["correct horse battery", "pä$$wörd-lang", "x9!y" * 20])
def test_good_passwords_pass(password: str) -> None:
    assert passwords.weakness(password, "ada@example.com") is None


def test_a_password_fits_its_hash_and_no_other() -> None:
    kept = passwords.hashed("correct horse battery")
    assert passwords.is_right("correct horse battery", kept)
    assert not passwords.is_right("correct horse batterx", kept)


@pytest.mark.parametrize("kept", [None, "", "not a hash"])
def test_nobody_logs_in_without_a_password(kept: str | None) -> None:
    assert not passwords.is_right("nobody has this password", kept)


def test_hashes_are_salted() -> None:
    assert passwords.hashed("same same but different") != passwords.hashed("same same but different")


def test_tokens_are_long_and_never_the_same() -> None:
    made = {fresh_token("acme_") for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("acme_") and len(token) > 40 for token in made)


def test_only_the_hash_is_kept() -> None:
    token = fresh_token()
    assert token not in token_hash(token)
    assert token_hash(token) == token_hash(token)


@pytest.mark.parametrize(
    ("secret", "visitor", "right"),
    [("secret", "visitor", True), ("other", "visitor", False), ("secret", "other", False), ("secret", "", False)],
)
def test_a_form_belongs_to_one_visitor(secret: str, visitor: str, right: bool) -> None:
    assert is_form_token(secret, visitor, form_token("secret", "visitor")) is right


def test_a_form_token_that_is_not_ascii_is_merely_wrong() -> None:
    assert not is_form_token("secret", "visitor", "ä")
