"""The post-mortem: born with the incident, written, acted on, proved, exported, missed when it is late."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from golive.alerts.models import Severity
from golive.alerts.models import State as SourceState
from golive.checks.models import Check, CheckState
from golive.incidents import moves, reviews
from golive.incidents.impact import hourly, short_of
from golive.incidents.lifecycle import State
from golive.incidents.models import Duty, Incident
from golive.incidents.postmortem import content, markdown, pdf, picture
from golive.notify.models import OutboxMessage
from golive.people.models import Role, User

H = timedelta(hours=1)
IMPACT = {
    "requests": 1200,
    "failed": 340,
    "missing": 100,
    "customers": 12,
    "lost_minor": 4200,
    "lost_hourly_minor": 8400,
    "currency": "EUR",
    "routes": [{"service": "web", "method": "GET", "route": "/pay|now", "requests": 400, "failures": 300}],
    "hardest_hit": [{"id": "u1", "failures": 9}],
}
CURVES = {
    "times": [0.0, 60.0, 120.0],
    "requests": [5.0, 4.0, 6.0],
    "failures": [0.0, 3.0, 0.0],
    "p95": [100.0, None, 120.0],
}


@pytest.fixture
def incident(on_call) -> Incident:
    made = moves.open_incident(on_call, "home is down", Severity.CRITICAL, timezone.now() - 50 * H)
    moves.mitigate(made, "ada@acme.example", timezone.now() - 49 * H)
    made.refresh_from_db()
    return made


@pytest.fixture
def review(incident):
    found = reviews.of(incident)
    found.impact, found.curves = IMPACT, CURVES
    found.save()
    return found


def resolve(incident):
    moves.resolve(incident, "ada@acme.example", timezone.now(), cause="a full disk", release="v2")


def test_it_is_not_done_before_people_wrote_and_resolved(review):
    with pytest.raises(reviews.ReviewError, match="what happened"):
        reviews.complete(review, "ada", timezone.now())
    reviews.write(review, {"happened": "It filled up.", "why": "No alert.", "title": "ignored"}, "ada", timezone.now())
    with pytest.raises(reviews.ReviewError, match="an action"):
        reviews.complete(review, "ada", timezone.now())
    reviews.add_action(review, "Alert at 85 %", "ada@acme.example", date(2026, 12, 1), "rule:disk", "ada")
    with pytest.raises(reviews.ReviewError, match="Resolve it first"):
        reviews.complete(review, "ada", timezone.now())
    resolve(review.incident)
    reviews.complete(review, "ada", timezone.now())
    review.incident.refresh_from_db()
    assert review.incident.state == State.REVIEWED
    assert review.incident.reviewed_at is not None
    moves.reopen(review.incident, "ada", timezone.now())
    review.incident.refresh_from_db()
    assert (review.incident.state, review.incident.reviewed_at) == (State.DETECTED, None)


@pytest.mark.parametrize("proof", ["", "check:gone", "trust me"])
def test_done_needs_a_proof_that_exists(review, proof):
    item = reviews.add_action(review, "x", "ada@acme.example", date(2026, 12, 1), "", "ada")
    with pytest.raises(reviews.ReviewError):
        reviews.finish(item, proof, "ada", timezone.now())


def test_a_check_proves_it_once_it_is_well(review):
    check = Check.objects.create(project=review.incident.project, name="disk", url="/")
    state = CheckState.objects.create(check_row=check, state=SourceState.FIRING, since=timezone.now())
    item = reviews.add_action(review, "x", "ada@acme.example", date(2026, 12, 1), "check:disk", "ada")
    with pytest.raises(reviews.ReviewError, match="firing"):
        reviews.finish(item, "", "ada", timezone.now())
    state.state = SourceState.OK
    state.save()
    reviews.finish(item, "", "ada", timezone.now())
    assert item.done_at is not None


def test_overdue_is_told_once_to_the_commander(review):
    moves.assign(review.incident, Duty.COMMANDER, "cy@acme.example", "ada", timezone.now())
    now = timezone.now()
    assert (reviews.remind(now), reviews.remind(now)) == (1, 0)
    message = OutboxMessage.objects.get(event="review.overdue")
    assert (message.person, "/review/" in message.text) == ("cy@acme.example", True)


def test_not_overdue_before_48_hours_and_not_for_warnings(on_call):
    for severity, ago in ((Severity.CRITICAL, 47), (Severity.WARNING, 99)):
        made = moves.open_incident(on_call, "x", severity, timezone.now() - ago * H)
        moves.mitigate(made, "ada", timezone.now() - ago * H)
    assert reviews.remind(timezone.now()) == 0


def test_overdue_actions_are_told_to_their_owners(review):
    reviews.add_action(review, "x", "ben@acme.example", date(2020, 1, 1), "", "ada")
    assert reviews.remind(timezone.now()) == 2
    assert OutboxMessage.objects.get(event="action.overdue").person == "ben@acme.example"


def test_markdown_and_pdf_say_the_same(review):
    reviews.write(review, {"happened": "Disk *full*.", "why": "No <alert>."}, "ada", timezone.now())
    document = content.compose(review.incident, timezone.now())
    text = markdown.render(document, "https://x/{name}.svg")
    assert "340 of 1 200 requests failed. 100 requests fewer" in text
    assert "€42.00 lower than usual (€84.00 per hour)" in text
    assert r"GET /pay\|now" in text
    assert "![Requests](https://x/requests.svg)" in text
    assert "Disk *full*." in text  # people write Markdown
    made = pdf.render(document)
    assert made.startswith(b"%PDF-")
    assert made.count(b"/Type /Page\n") >= 1 or b"/Type /Page" in made


def test_a_picture_breaks_where_there_is_no_data(review):
    curve = content.pictures(review.incident, review)[1].curve
    (line,) = picture.draw(curve).lines
    assert [len(piece) for piece in line.pieces] == [1, 1]
    assert picture.svg(curve).count("<polyline") == 2


@pytest.mark.parametrize(("now", "before", "weeks", "short"), [(10, 100, 4, 15), (50, 100, 4, 0), (5, 0, 0, None)])
def test_short_of(now, before, weeks, short):
    assert short_of(now, before, weeks) == short
    assert hourly(short, timedelta(minutes=30)) == (None if short is None else short * 2)


@pytest.fixture
def ada(client, db):
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.RESPONDER))
    return client


def test_the_page_writes_and_exports(ada, review):
    base = "/p/acme/incidents/1/review/"
    assert b"340 of 1" in ada.get(base).content
    ada.post(f"{base}text/", {"why": "Because."})
    ada.post(f"{base}actions/", {"text": "Fix", "owner": "ada@acme.example", "due": "2026-12-01", "proof": "rule:p95"})
    body = ada.get(base).content
    assert b"Because." in body
    assert b"rule p95: well" in body
    assert ada.get(f"{base}export.md").content.startswith(b"# Incident \\#1")
    assert ada.get(f"{base}export.pdf").content.startswith(b"%PDF")
    assert ada.get(f"{base}chart-p95.svg")["Content-Type"] == "image/svg+xml"
    assert ada.get(f"{base}chart-none.svg").status_code == 404
    assert "2026" in ada.get("/p/acme/incidents/report/?month=2026-11").content.decode()
    assert ada.get("/p/acme/incidents/report/?month=x").status_code == 404


def test_the_list_names_reviews_that_are_overdue(ada, review):
    assert b"review overdue" in ada.get("/p/acme/incidents/").content
    Incident.objects.update(reviewed_at=timezone.now())
    assert b"review overdue" not in ada.get("/p/acme/incidents/").content


def test_without_a_store_the_meter_says_so(ada, incident):
    assert b"Not known now" in ada.get("/p/acme/incidents/1/impact/").content


def test_roles_are_on_the_timeline(ada, incident):
    ada.post("/p/acme/incidents/1/role/", {"duty": "commander", "who": "ada@acme.example"})
    ada.post("/p/acme/incidents/1/role/", {"duty": "king", "who": "ada@acme.example"})
    assert [held.duty for held in incident.duties.all()] == ["commander"]
    assert incident.timeline.filter(kind="role").get().text == "ada@acme.example is commander now"
