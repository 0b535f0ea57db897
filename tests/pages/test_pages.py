"""The pages over a real store: what they say is what is there."""

import re
import time
from datetime import timedelta
from urllib.parse import quote

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from golive.changes.marks import marks
from golive.changes.models import Change, Kind
from golive.changes.record import before
from golive.changes.tasks import notice_releases
from golive.errors.models import ErrorGroup, GroupState
from golive.errors.tasks import watch_errors
from golive.people.models import AuditEntry, Project
from golive.telemetry import store


def trace_of(condition: str) -> str:
    sql = f"SELECT trace_id FROM spans WHERE project = 'acme' AND {condition} ORDER BY time DESC LIMIT 1"
    return str(store.row(sql)["trace_id"])


def fingerprint() -> str:
    row = store.row("SELECT fingerprint FROM errors WHERE project = 'acme' ORDER BY time DESC LIMIT 1")
    return str(row["fingerprint"])


def test_every_page_answers_and_prints_its_time(ada: Client) -> None:
    pages = [
        "/p/acme/logs/?since=24h",
        "/p/acme/logs/?since=7d&q=" + quote("payment level:error"),
        "/p/acme/services/?since=24h",
        "/p/acme/services/acme-web/?since=24h",
        "/p/acme/services/acme-web/?since=24h&route=/checkout",
        "/p/acme/traces/?since=24h&sort=slowest",
        f"/p/acme/traces/{trace_of('1')}/",
        "/p/acme/errors/?since=7d",
        f"/p/acme/errors/{fingerprint()}/",
        "/p/acme/business/?since=24h",
        "/p/acme/changes/",
    ]
    for page in pages:
        ada.get(page)
        began = time.perf_counter()
        response = ada.get(page)
        print(f"{(time.perf_counter() - began) * 1000:6.0f} ms {len(response.content) // 1024:4d} KiB {page}")
        assert response.status_code == 200
        assert "cannot be read now" not in response.content.decode()


def test_log_search_counts_what_the_store_holds(ada: Client) -> None:
    page = ada.get("/p/acme/logs/?since=8d&q=" + quote("level:error")).content.decode()
    there = store.row(
        "SELECT count() AS n FROM logs"
        " WHERE project = 'acme' AND severity_number >= 17 AND time > now() - INTERVAL 8 DAY"
    )["n"]
    said = re.search(r"<h1[^>]*>\s*([\d\N{NARROW NO-BREAK SPACE}]+) line", page)
    assert said is not None
    assert int(re.sub(r"\D", "", said.group(1))) == there


def test_pages_of_lines_neither_skip_nor_repeat(project: Project, ada: Client) -> None:
    seen: list[str] = []
    link = "?since=24h&q=" + quote("level:>=info")
    for _ in range(6):
        response = ada.get("/p/acme/logs/" + link)
        names = re.findall(r'data-load="lines/([\d-]+)/"', response.content.decode())
        seen.extend(names)
        older = response.context["older"]
        if not older:
            break
        link = older
    assert len(seen) > 300
    assert len(seen) == len(set(seen))
    stamps = [int(name.split("-")[0]) for name in seen]
    assert stamps == sorted(stamps, reverse=True)


def test_a_line_opens_with_its_attributes_and_trace(ada: Client) -> None:
    page = ada.get("/p/acme/logs/?since=24h").content.decode()
    name = re.search(r'data-load="(lines/[\d-]+/)"', page)
    assert name is not None
    opened = ada.get("/p/acme/logs/" + name.group(1))
    assert opened.status_code == 200
    assert "http.route" in opened.content.decode() or "event.name" in opened.content.decode()
    assert "/p/acme/traces/" in opened.content.decode()
    assert ada.get("/p/acme/logs/lines/1-2/").status_code == 404


def test_export_is_json_lines(ada: Client) -> None:
    response = ada.get("/p/acme/logs/export?since=24h&q=" + quote("level:error"))
    lines = [orjson.loads(line) for line in response.content.splitlines()]
    assert lines
    assert {line["level"] for line in lines} == {"error"}


HOSTILE = [
    "'",
    "'; DROP TABLE logs; --",
    "\\",
    "\\' OR 1=1",
    "{q0:String}",
    "service:\"a' OR '1'='1\"",
    "attributes.a'b:1",
    'attributes.x:"\\\\"',
    "%_%",
    "ünïcode 日本語",
    "\t\n",
    '"\ttab\nnewline\\"quote"',
    "a" * 1900,
    "*",
    "?",
    "NOT NOT a",
    "level:[debug TO fatal]",
    "resource.host.name:web-*",
    "attributes.http.status:[1 TO *]",
    "$(id) `id` ${x}",
    "\x7f\x01",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_queries_answer_or_explain(ada: Client, text: str) -> None:
    response = ada.get("/p/acme/logs/?since=24h&q=" + quote(text))
    assert response.status_code == 200
    assert "cannot be read now" not in response.content.decode()
    assert store.row("SELECT count() AS n FROM logs")["n"] > 0


def test_words_are_found_in_any_case_and_phrases_in_order(ada: Client) -> None:
    def total(query: str) -> int:
        return int(ada.get("/p/acme/logs/?since=8d&q=" + quote(query)).context["overview"].total)

    assert total("SLOW request") == total('"slow request"') > 0
    assert total('"request slow"') == 0
    assert total("slo*") >= total("slow")
    assert total("level:error") + total("-level:error") == total("")
    assert total("http.route:/checkout") > 0


def test_a_trace_shows_spans_logs_and_errors(ada: Client) -> None:
    row = store.row(
        "SELECT trace_id FROM errors"
        " WHERE project = 'acme' AND transaction LIKE '%checkout%' ORDER BY time DESC LIMIT 1"
    )
    page = ada.get(f"/p/acme/traces/{row['trace_id']}/").content.decode()
    assert "charge card" in page
    assert "Errors of this trace" in page
    assert "POST /checkout 500" in page
    assert "No span of this trace has arrived" in ada.get(f"/p/acme/traces/{'0' * 32}/").content.decode()


def test_an_error_is_resolved_and_audited(ada: Client, project: Project) -> None:
    watch_errors()
    name = fingerprint()
    page = f"/p/acme/errors/{name}/"
    assert "Resolve in next release" in ada.get(page).content.decode()
    assert ada.post(page + "state/", {"action": "resolve"}).status_code == 302
    assert ErrorGroup.objects.get(fingerprint=name).state == GroupState.RESOLVED
    assert AuditEntry.objects.filter(action="error.resolve", subject=name).exists()
    assert "Reopen" in ada.get(page).content.decode()
    assert name not in ada.get("/p/acme/errors/?since=7d").content.decode()


def test_releases_become_deploys_and_suspects(project: Project) -> None:
    Change.objects.all().delete()
    notice_releases()
    Change.objects.filter(kind=Kind.INCIDENT).delete()
    now = timezone.now()
    points, bands = marks(project, now - timedelta(days=9), now)
    assert points == []  # the rollup of received requests knows nothing of rows written past ingest
    Change.objects.create(
        project=project, kind=Kind.DEPLOY, subject="x", title="Deploy x", at=now - timedelta(minutes=5)
    )
    assert [change.title for change in before(project, now)] == ["Deploy x"]
    assert before(project, now - timedelta(minutes=10)) == []
    assert bands == []


def test_business_figures_come_from_real_events(ada: Client) -> None:
    for name in ("signups", "active-users", "revenue", "api-usage"):
        panel = ada.get(f"/p/acme/panels/{name}/").content.decode()
        assert "could not" not in panel
        assert 'data-value=""' not in panel
    Project.objects.create(slug="empty", name="empty")
    assert "No user.signed_up event has arrived" in ada.get("/p/empty/panels/signups/").content.decode()


EMPTY = ["logs", "services", "traces", "errors", "business", "changes"]


@pytest.mark.parametrize("page", EMPTY)
def test_empty_pages_tell_the_next_step(ada: Client, page: str) -> None:
    Project.objects.create(slug="empty", name="empty")
    response = ada.get(f"/p/empty/{page}/")
    assert response.status_code == 200
    assert "empty-state" in response.content.decode() or "biz-figure" in response.content.decode()
