"""What golive tries on a login: each mistake is named, and who is in the right gets in first."""

import time

import pytest

from golive.readiness.asking import Site
from golive.readiness.planted import LOOPBACK
from golive.readiness.refusals import People, Refusals, code_of, people, somebody
from golive.readiness.refusals_planted import WANTED, Product
from golive.readiness.verdict import CannotTell, Report
from golive.sandbox.hosting import Hosted


def tried(mistake: str = "", **changes: object) -> Report:
    who = People(plain=somebody(), second_factor=somebody(second_factor=True))
    with Hosted(Product(who, mistake).app()) as hosted:
        site = Site(hosted.url, policy=LOOPBACK)
        return Refusals(site, WANTED.model_copy(update=changes), site, time.time).examine(who)


@pytest.mark.parametrize(
    ("mistake", "subjects"),
    [
        ("", []),
        ("any password", ["wrong password", "old password", "used link"]),
        ("sessions outlive a reset", ["old session"]),
        ("a link works twice", ["used link"]),
        ("a code works twice", ["used code"]),
    ],
)
def test_each_mistake_is_named(mistake: str, subjects: list[str]) -> None:
    report = tried(mistake)
    assert [finding.subject for finding in report.findings] == subjects
    assert report.examined == report.expected


@pytest.mark.parametrize("page", ["/login", "/nowhere"])
def test_a_page_that_tells_nothing_proves_nothing(page: str) -> None:
    with pytest.raises(CannotTell):
        tried(inside=page)


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B (SHA-1, the last six digits)."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [code_of(secret, at) for at in (59, 1111111109, 2000000000)] == ["287082", "081804", "279037"]


def test_a_program_that_prints_something_else_is_said_so() -> None:
    with pytest.raises(CannotTell, match="something else"):
        people({"plain": {"email": "a@b.example"}})
