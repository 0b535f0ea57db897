"""Silences, maintenance and inhibition: what is held back, and what is told when they end."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts import flips, matching, mute
from golive.alerts.commands import app
from golive.alerts.matching import MatcherError, Span
from golive.alerts.models import Flip, Inhibition, Severity, Silence, State
from golive.incidents.intake import take_flips
from golive.incidents.models import Incident
from golive.people.models import AuditEntry, Project, Role, User
from golive.people.tokens import create

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LABELS = {"service": "web", "name": "disk-db1", "severity": "warning"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("service=web", True),
        ("service=web severity!=critical", True),
        ("service=web, severity=critical", False),
        ("name=~disk*", True),
        ("name=~disk", False),
        ("name!~disk*", False),
        ("team=", True),  # a label that is missing is empty
        ('service="web"', True),
    ],
)
def test_matchers(text: str, holds: bool) -> None:
    assert matching.hold(matching.read(text), LABELS) == holds


@pytest.mark.parametrize("text", ["", "  ", "service", "=web", "service==", "a=1 " * 30])
def test_what_is_no_matcher(text: str) -> None:
    if text == "service==":
        assert matching.read("service==x")[0].value == "=x"
        return
    with pytest.raises(MatcherError):
        matching.read(text)


@pytest.mark.parametrize(
    ("span", "at", "until"),
    [
        (Span(NOW, NOW + HOUR), NOW - HOUR, None),
        (Span(NOW, NOW + HOUR), NOW, NOW + HOUR),
        (Span(NOW, NOW + HOUR), NOW + HOUR, None),
        (Span(NOW, NOW + HOUR, ended_at=NOW + HOUR / 2), NOW + HOUR / 2, None),
        (Span(NOW, NOW + HOUR, timedelta(days=7)), NOW + timedelta(days=7, minutes=30), NOW + timedelta(days=7) + HOUR),
        (Span(NOW, NOW + HOUR, timedelta(days=7)), NOW + timedelta(days=3), None),
        (Span(NOW, NOW + HOUR, timedelta(days=1)), NOW + timedelta(days=3), NOW + timedelta(days=3) + HOUR),
    ],
)
def test_when_a_silence_is_in_force(span: Span, at: datetime, until: datetime | None) -> None:
    assert span.until(at) == until


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="acme", name="acme")


def fire(project: Project, at: datetime, source: str = "rule:p95", new: State = State.FIRING, **more: object) -> Flip:
    about: dict[str, object] = {"service": "web", "severity": Severity.CRITICAL} | more
    old = State.OK if new == State.FIRING else State.FIRING
    return flips.record(project, source, title="slow", old=old, new=new, reason="it is", at=at, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cause_after", "told_after"),
    [
        (timedelta(seconds=-5), None),  # the cause was first
        (timedelta(seconds=10), None),  # it came while the effect waited
        (None, timedelta(seconds=16)),  # there is none: the effect is told
    ],
)
def test_an_effect_is_not_told_whichever_came_first(
    project: Project, cause_after: timedelta | None, told_after: timedelta | None
) -> None:
    Inhibition.objects.create(project=project, name="database", when="kind=check name=database", mute="kind=rule")
    now = timezone.now()
    if cause_after is not None and cause_after < timedelta():
        fire(project, now + cause_after, "check:database")
    effect = fire(project, now)
    assert effect.held
    if cause_after is not None and cause_after > timedelta():
        assert effect.held_why == "waits 15s for a cause (database)"
        fire(project, now + cause_after, "check:database")
    mute.release(now + timedelta(seconds=14))
    effect.refresh_from_db()
    assert effect.held
    mute.release(now + timedelta(seconds=16))
    effect.refresh_from_db()
    assert effect.held == (told_after is None)
    if told_after is not None:
        assert effect.at == now + told_after
    if cause_after is not None:
        assert effect.held_why.startswith("inhibited by")


def silence(project: Project, matchers: str = "service=web", lasts: timedelta = HOUR) -> tuple[Silence, datetime]:
    now = timezone.now()
    return mute.create(project, matchers, "deploy", now, now + lasts, "ada"), now


def test_nobody_hears_of_what_is_silenced_and_all_hear_when_it_still_fires_at_the_end(project: Project) -> None:
    made, now = silence(project)
    held, other = fire(project, now), fire(project, now, service="worker", key="worker")
    assert (held.held, other.held) == (True, False)
    assert "by ada: deploy" in held.held_why
    assert take_flips(now) == 1
    assert [incident.service for incident in Incident.objects.all()] == ["worker"]
    assert mute.release(now + HOUR / 2) == 0
    end = now + HOUR
    assert mute.release(end) == 1
    assert take_flips(end) == 1
    incident = Incident.objects.get(service="web")
    assert (incident.detected_at, incident.began_at) == (end, now)  # its clocks begin when people may hear of it
    assert mute.end(made, "ada", end)
    assert not mute.end(made, "ada", end)
    assert AuditEntry.objects.filter(action__in=("silence.create", "silence.end")).count() == 2


def test_what_recovers_meanwhile_is_never_told(project: Project) -> None:
    _, now = silence(project)
    fire(project, now)
    fire(project, now + timedelta(minutes=5), new=State.OK)
    take_flips(now + timedelta(minutes=5))
    assert mute.release(now + 2 * HOUR) == 0
    take_flips(now + 2 * HOUR)
    assert not Incident.objects.exists()
    assert not Flip.objects.filter(handled_at=None).exists()


def test_a_cause_keeps_its_effects_quiet(project: Project) -> None:
    now = timezone.now()
    Inhibition.objects.create(
        project=project, name="database", when="name=database", mute="kind=rule", equal=["environment"]
    )
    fire(project, now, "check:database", service="")
    assert fire(project, now).held_why == "inhibited by slow (database)"
    assert fire(project, now, environment="staging").held_why == "waits 15s for a cause (database)"
    assert not fire(project, now, "check:home").held
    fire(project, now, "check:database", State.OK, service="")
    assert mute.release(now + timedelta(seconds=14)) == 0
    assert mute.release(now + timedelta(seconds=15)) == 2


def test_the_page(project: Project, client: Client) -> None:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.RESPONDER))
    assert "Nothing is silenced" in client.get("/p/acme/silences/").content.decode()
    given = {"matchers": "service=web name=~<b>*", "comment": "deploy", "last": "2h", "every": "weekly"}
    page = client.post("/p/acme/silences/new/", given, follow=True).content.decode()
    assert "1 silence in force" in page
    assert "name=~&lt;b&gt;*" in page
    for wrong in ({"matchers": "web"}, {"comment": ""}, {"last": "soon"}, {"every": "hourly"}, {"starts_at": "then"}):
        page = client.post("/p/acme/silences/new/", given | wrong, follow=True).content.decode()
        assert "Nothing was silenced" in page
    client.post(f"/p/acme/silences/{Silence.objects.get().pk}/end/")
    assert "Nothing is silenced" in client.get("/p/acme/silences/").content.decode()
    User.objects.update(role=Role.VIEWER)
    assert client.post("/p/acme/silences/new/", given).status_code == 403


def test_the_api_and_the_command(project: Project, client: Client) -> None:
    bearer = {"authorization": f"Bearer {create('robot', ['alerts:write'])[1]}"}
    url, ends = "/api/v1/projects/acme/silences", (timezone.now() + HOUR).isoformat()

    def post(**body: object) -> int:
        return client.post(url, orjson.dumps(body), "application/json", headers=bearer).status_code

    assert post(matchers="service=web", comment="deploy", ends_at=ends) == 201
    assert post(matchers="web", comment="deploy", ends_at=ends) == 422
    assert post(matchers="service=web", comment="deploy", ends_at=NOW.isoformat()) == 422
    (found,) = orjson.loads(client.get(url, headers=bearer).content)
    assert found["in_force_until"] is not None
    assert client.delete(f"{url}/{found['id']}", headers=bearer).status_code == 200
    run = CliRunner().invoke
    assert run(app, ["silence", "list"]).output.startswith("Nothing is silenced")
    assert run(app, ["silence", "add", "service=web", "--for", "2h", "--why", "deploy"]).exit_code == 0
    assert run(app, ["silence", "add", "web", "--why", "deploy"]).exit_code == 3
    (listed,) = orjson.loads(run(app, ["silence", "list", "--json"]).output)
    assert (listed["matchers"], listed["in_force"]) == ("service=web", True)
    assert run(app, ["silence", "end", str(listed["id"])]).exit_code == 0
