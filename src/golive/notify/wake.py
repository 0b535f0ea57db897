"""Wakes the sender as soon as there is something to send; other processes' messages are found by its poll."""

import threading

from django.db import transaction

_bell = threading.Event()


def wake() -> None:
    """Ring once the current transaction is committed."""
    transaction.on_commit(_bell.set)


def wait(seconds: float) -> None:
    """Sleep until rung, at most this long."""
    _bell.wait(seconds)
    _bell.clear()
