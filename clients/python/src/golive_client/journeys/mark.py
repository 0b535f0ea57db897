"""The marker: which test is a journey, and what it proves."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])
NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


def journey(*, proves: str | Sequence[str]) -> Callable[[Test], Test]:
    """Mark a test as a journey that proves one thing or several, such as "auth.signup" or "billing.cancel".

    `@pytest.mark.journey(proves=...)` is the same.
    """
    told([proves] if isinstance(proves, str) else proves)
    mark: Callable[[Test], Test] = pytest.mark.journey(proves=proves)
    return mark


def proofs(item: pytest.Item) -> tuple[str, ...] | None:
    """What a test proves, in order and each once; None for a test that is no journey. Raises ValueError."""
    marks = list(item.iter_markers("journey"))
    if not marks:
        return None
    found: list[str] = []
    for mark in reversed(marks):
        if mark.args or set(mark.kwargs) - {"proves"}:
            raise ValueError('journey takes `proves` and nothing else: @journey(proves="auth.login")')
        given = mark.kwargs.get("proves", ())
        found += [given] if isinstance(given, str) else given
    return told(list(dict.fromkeys(found)))


def told(proves: Sequence[str]) -> tuple[str, ...]:
    """The names if they are names. Raises ValueError."""
    if not proves:
        raise ValueError('a journey says what it proves: @journey(proves="auth.login")')
    for name in proves:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(f'{name!r} is not what a journey can prove; write an area and a thing, as "auth.login"')
    return tuple(proves)
