"""Waivers are exact, short-lived, approved by somebody else, and needed."""

from datetime import date
from pathlib import Path

import pytest

from golive.readiness.waivers import WaiverError, read, unused, waived

TODAY = date(2026, 3, 1)
GOOD = {
    "item": "cors",
    "subject": "/ from null",
    "owner": "ada@acme.example",
    "approver": "bob@acme.example",
    "reason": "the old client needs it until April",
    "expires": date(2026, 4, 1),
}


def written(folder: Path, **changes: object) -> Path:
    lines = ["[[waiver]]"]
    for key, value in ({**GOOD, **changes}).items():
        if value is not None:
            lines.append(f"{key} = {value}" if isinstance(value, date | int) else f'{key} = "{value}"')
    file = folder / "readiness-waivers.toml"
    file.write_text("\n".join(lines))
    return file


def test_a_good_one_is_read_and_used(tmp_path: Path) -> None:
    found = read(written(tmp_path), ["cors", "secrets"], TODAY)
    assert waived(found, "cors") == ["/ from null"]
    assert waived(found, "secrets") == []
    assert unused(found, {"cors": ["/ from null"]}) == []
    assert unused(found, {"secrets": []}) == []  # its item was not examined
    assert "matches nothing" in unused(found, {"cors": ["/ from Null"]})[0]


def test_no_file_is_no_waiver(tmp_path: Path) -> None:
    assert read(tmp_path / "readiness-waivers.toml", ["cors"], TODAY) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approver": "Ada@acme.example"}, "somebody else must approve"),
        ({"approver": None}, "approver: Field required"),
        ({"reason": "because"}, "at least 10 characters"),
        ({"expires": date(2026, 2, 28)}, "it expired on 2026-02-28"),
        ({"expires": date(2026, 5, 31)}, "at most 90 days"),
        ({"expires": "soon"}, "valid date"),
        ({"item": "tls"}, "there is no item 'tls'"),
        ({"subject": ""}, "at least 1 character"),
        ({"colour": "red"}, "Extra inputs"),
        ({"compensating": "cors"}, "cannot compensate for itself"),
    ],
)
def test_a_bad_one_is_an_error(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(WaiverError, match=said):
        read(written(tmp_path, **changes), ["cors", "secrets"], TODAY)


@pytest.mark.parametrize("text", ["[waiver]\nitem = 'cors'", "waiver = 3", "[[waiver", "[[waivers]]\nitem='cors'"])
def test_a_file_that_is_something_else_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "readiness-waivers.toml"
    file.write_text(text)
    with pytest.raises(WaiverError):
        read(file, ["cors"], TODAY)


def test_a_waiver_falls_with_its_compensation(tmp_path: Path) -> None:
    found = read(written(tmp_path, compensating="secrets"), ["cors", "secrets"], TODAY)
    assert waived(found, "cors", {"secrets": "pass"}) == ["/ from null"]
    assert waived(found, "cors", {"secrets": "fail"}) == []
