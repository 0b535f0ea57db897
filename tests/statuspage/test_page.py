"""The public page: written by what happens, served from files alone, honest about what is unknown."""

import json
import os
import time
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.utils import timezone

from golive.alerts.models import State as Source
from golive.incidents import moves
from golive.incidents.models import EntryKind
from golive.people.models import Role, User
from golive.statuspage import publish, telling
from golive.statuspage.models import Day, Notice, Told, Update

pytestmark = pytest.mark.django_db


def read(client, name="api/v2/summary.json"):
    return json.loads(client.get(f"/status/acme/{name}").content)


def test_an_incident_is_told_watched_and_closed(client, page, incident, check):
    assert telling.publish_due(timezone.now()) == 1
    assert telling.publish_due(timezone.now()) == 0
    publish.write_all(timezone.now())
    summary = read(client)
    assert summary["status"] == {"indicator": "major", "description": "Some systems are down"}
    assert {c["name"]: c["status"] for c in summary["components"]} == {"Web app": "major_outage", "API": "operational"}
    assert [i["status"] for i in summary["incidents"]] == ["investigating"]
    assert summary["incidents"][0]["name"] == "Problem with Web app"
    incident.refresh_from_db()
    assert incident.published_at is not None
    assert incident.timeline.filter(kind=EntryKind.PUBLISHED).count() == 1

    check("home", Source.OK)
    telling.publish_due(timezone.now())
    incident.refresh_from_db()
    moves.resolve(incident, "ada@acme.example", timezone.now(), cause="a secret cause", no_fix_reason="none")
    telling.publish_due(timezone.now())
    publish.write_all(timezone.now())
    assert read(client)["status"]["indicator"] == "none"
    (past,) = read(client, "api/v2/incidents.json")["incidents"]
    assert [update["status"] for update in past["incident_updates"]] == ["resolved", "monitoring", "investigating"]
    assert read(client, "api/v2/incidents/unresolved.json")["incidents"] == []
    html = client.get("/status/acme/").content.decode()
    assert "a secret cause" not in html
    assert "golive" not in html


def test_it_is_served_without_database_store_login_or_cookie(client, page, incident, django_assert_num_queries):
    publish.write_all(timezone.now())
    connection.close()
    with django_assert_num_queries(0):
        for name in ("", "api/v2/status.json", "api/v2/components.json", "history.atom"):
            answer = client.get(f"/status/acme/{name}")
            assert answer.status_code == 200
            assert not answer.cookies
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    html = client.get("/status/acme/").content.decode()
    assert 'src="' not in html
    assert "<script" not in html


def test_what_is_not_known_is_not_green(client, page, check):
    check("home", Source.OK)
    check("api", Source.OK, probed=timezone.now() - timedelta(hours=1))  # nobody has looked for an hour
    publish.write_all(timezone.now())
    summary = read(client)
    assert [c["status"] for c in summary["components"]] == ["operational", "unknown"]
    assert summary["status"] == {"indicator": "minor", "description": "No data about some systems"}


def test_a_page_that_is_no_longer_written_says_so(client, page, folder):
    publish.write_all(timezone.now())
    assert b'class="stale"' not in client.get("/status/acme/").content
    old = time.time() - 600
    os.utime(folder / "status" / "acme" / "index.html", (old, old))
    assert b'class="stale"' in client.get("/status/acme/").content


@pytest.mark.parametrize("name", ["../../keys/web", "..%2f..%2fkeys%2fweb", "api/v2", "nothing.json"])
def test_nothing_else_is_served(client, page, folder, name):
    publish.write_all(timezone.now())
    assert client.get(f"/status/acme/{name}").status_code == 404
    assert client.get("/status/nobody/").status_code == 404


def test_bars_count_results_and_leave_gaps(page):
    today = timezone.now().date()
    Day.objects.create(project=page.project, check_name="home", day=today, results=100, failures=7)
    Day.objects.create(project=page.project, check_name="home", day=today - timedelta(days=2), results=100, failures=0)
    part = publish.compose(page.project, timezone.now()).parts[0]
    assert [bar.tone for bar in part.bars[-3:]] == ["good", "none", "bad"]
    assert part.uptime == pytest.approx(0.965)


def test_the_feed_is_well_formed(client, page, incident):
    telling.tell(incident, Told.INVESTIGATING, "<b>&</b> we look", "ada", timezone.now())
    publish.write_all(timezone.now())
    feed = ElementTree.fromstring(client.get("/status/acme/history.atom").content)  # noqa: S314 - our own file
    content = feed.find("{*}entry/{*}content").text
    assert "&lt;b&gt;&amp;&lt;/b&gt; we look" in content


def test_a_responder_writes_and_says_how_components_stand(client, page, incident):
    User.objects.create_person("ada@acme.example", "x", Role.RESPONDER)
    client.force_login(User.objects.get())
    api = page.project.components.get(name="API")
    url = f"/p/acme/statuspage/{incident.number}/updates/"
    client.post(url, {"told": "identified", "body": "A bad deploy", f"status-{api.code}": "degraded_performance"})
    update = Update.objects.get()
    assert (update.told, update.by) == ("identified", "ada@acme.example")
    assert {c["name"]: c["status"] for c in read(client)["components"]}["API"] == "degraded_performance"
    client.post(url, {"told": "identified", "body": " "})
    assert Update.objects.count() == 1


def test_a_viewer_does_not_write(client, page, incident):
    client.force_login(User.objects.create_person("vic@acme.example", "x", Role.VIEWER))
    answer = client.post(f"/p/acme/statuspage/{incident.number}/updates/", {"told": "identified", "body": "x"})
    assert answer.status_code == 403
    assert not Notice.objects.exists()
