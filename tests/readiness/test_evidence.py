"""Proofs are chained, bundles can be checked again offline, nothing secret is in them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from golive.alerts.models import Flip
from golive.kit.connections import Phases
from golive.kit.outbound import Answer
from golive.people.models import Project
from golive.readiness import bundle, records
from golive.readiness.exchange import HIDDEN, hide, shown
from golive.readiness.item import Area, Item, NoSettings, Place, Subject
from golive.readiness.models import Proof
from golive.readiness.runner import Result, examine
from golive.readiness.verdict import CannotTell, Control, Report, Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def good() -> Report:
    return Report(2, 2)


def bad() -> Report:
    report = Report(2, 2)
    report.convict("GET /a", "is open", "app.py:3")
    return report


def item(key: str = "cors", examined: Report | None = None) -> Item:
    return Item(
        key=key, order=1, area=Area.SECURITY, title="CORS", question="?", examine=lambda subject: examined or good(),
        controls=lambda: [Control("bad", True, bad()), Control("good", False, good())],
        inputs=lambda subject: {"a": "1"},
    )  # fmt: skip


def subject() -> Subject:
    return Subject("acme", 1, Place.PREVIEW, "http://127.0.0.1:1", NOW, NoSettings())


def result(examined: Report | None = None, key: str = "cors") -> Result:
    return examine(item(key, examined), subject())


def test_whatever_an_item_does_the_run_goes_on() -> None:
    def breaks(_: Subject) -> Report:
        raise KeyError("token=abcdef0123456789abcdef")

    def cannot(_: Subject) -> Report:
        raise CannotTell("x", "no address", "golive apply")

    broken = examine(Item(**{**item().__dict__, "examine": breaks}), subject())
    assert broken.conclusion.verdict is Verdict.UNKNOWN
    assert "abcdef0123456789abcdef" not in broken.conclusion.reason
    unable = examine(Item(**{**item().__dict__, "examine": cannot}), subject())
    assert (unable.conclusion.verdict, unable.conclusion.reason) == (Verdict.UNKNOWN, "no address")


def test_a_bundle_holds_and_any_change_is_found(tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_bytes(bundle.make("acme", [result().document(), result(bad(), "secrets").document()], NOW))
    whole = bundle.verify(file, NOW)
    assert (whole.problems, whole.key) == ([], bundle.own_fingerprint())
    assert whole.verdicts == {"cors": "pass", "secrets": "fail"}
    assert bundle.verify(file, datetime.now(UTC) + timedelta(days=8)).expired == ["cors", "secrets"]

    def altered(change: str) -> list[str]:
        made = orjson.loads(file.read_bytes())
        proof = made["entries"][1]["proof"]
        if change == "verdict":
            proof["verdict"] = "pass"
        elif change == "finding":
            proof["findings"] = []
        elif change == "removed":
            made["entries"].pop()
        elif change == "head":
            made["made_at"] = "2027-01-01T00:00:00+00:00"
        elif change == "order":
            made["entries"].reverse()
        other = tmp_path / f"{change}.json"
        other.write_bytes(orjson.dumps(made))
        return bundle.verify(other, NOW).problems

    for change in ("verdict", "finding", "removed", "head", "order"):
        assert altered(change), change


def test_what_is_no_bundle_is_said_so(tmp_path: Path) -> None:
    for text in (b"", b"{}", b"[]", b'{"format":"x"}', b"\xff"):
        file = tmp_path / "x"
        file.write_bytes(text)
        with pytest.raises(ValueError, match="not an evidence bundle"):
            bundle.verify(file, NOW)


@pytest.mark.django_db
def test_proofs_are_chained_and_a_regression_flips() -> None:
    project = Project.objects.create(slug="acme", name="acme")
    records.keep(project, result(bad()))
    assert not Flip.objects.exists()  # it never passed: a checklist that was never green is no incident
    records.keep(project, result())
    records.keep(project, result())
    records.keep(project, result(bad()))
    flips = [(flip.old, flip.new) for flip in Flip.objects.filter(source="readiness:cors").order_by("id")]
    assert flips == [("ok", "firing")]
    records.keep(project, result())
    assert Flip.objects.last().new == "ok"  # type: ignore[union-attr]
    digests = list(Proof.objects.order_by("id").values_list("previous", "digest"))
    assert [previous for previous, _ in digests] == [records.ORIGIN, *[own for _, own in digests[:-1]]]


def test_nothing_secret_is_kept() -> None:
    answer = Answer(
        "http://x/", 200,
        (("Set-Cookie", "sid=abcdef123456; Secure; HttpOnly"), ("X", "Bearer sk_live_0123456789abcdef")),
        b'{"password": "hunter2222", "ok": true}', False, "127.0.0.1", 0, Phases(),
    )  # fmt: skip
    sent = {"Authorization": "Bearer abc", "Cookie": "a=b", "Stripe-Signature": "t=1", "Accept": "text/html"}
    kept = orjson.dumps(shown("GET", "http://x/?k=topsecret", sent, b"", answer, NOW, ["topsecret"])).decode()
    for secret in ("abcdef123456", "sk_live", "hunter2222", "topsecret", "Bearer abc", "a=b", "t=1"):
        assert secret not in kept
    assert f"sid={HIDDEN}; Secure; HttpOnly" in kept
    assert "text/html" in kept
    assert (
        hide("a plain sentence about-something-rather-long stays")
        == "a plain sentence about-something-rather-long stays"
    )
