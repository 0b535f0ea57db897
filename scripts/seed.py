"""Fill a running store with days of realistic telemetry, to look at the console without waiting for traffic.

    python scripts/seed.py --project acme --days 8 --per-day 6000

Writes straight into the store's tables with the writer's account; nothing here passes through ingest.
"""

import argparse
import math
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.changes.models import Kind  # noqa: E402
from golive.changes.record import record  # noqa: E402
from golive.people.models import Project  # noqa: E402
from golive.telemetry import store  # noqa: E402

Row = dict[str, Any]

# method, route, share of traffic, median in ms, share that fails
ROUTES = [
    ("GET", "/", 18, 18, 0.0005),
    ("GET", "/tasks", 24, 45, 0.001),
    ("POST", "/api/tasks", 16, 38, 0.004),
    ("GET", "/api/tasks/{task_id}", 14, 22, 0.001),
    ("GET", "/reports/{report_id}", 7, 240, 0.006),
    ("POST", "/login", 8, 130, 0.002),
    ("POST", "/signup", 3, 180, 0.003),
    ("POST", "/checkout", 4, 310, 0.012),
    ("POST", "/webhooks/payments", 4, 28, 0.002),
    ("GET", "/healthz", 2, 2, 0.0),
]
STATEMENT = "SELECT id FROM ? WHERE account_id = $1"
ERRORS = [
    ("IntegrityError", 'duplicate key value violates unique constraint "users_email_key"', "acme.accounts.sign_up", 5),
    ("PaymentDeclined", "Card was declined: insufficient_funds", "acme.billing.charge", 9),
    ("TimeoutError", "QueuePool limit of size 10 overflow 0 reached, connection timed out", "acme.reports.render", 4),
    ("KeyError", "'plan'", "acme.billing.upgrade", 3),
    ("ConnectionRefusedError", "[Errno 111] Connection refused", "acme.mail.send", 2),
]


def main() -> None:
    """Write spans, logs, errors and business events, and the deploys that go with them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", default="acme")
    parser.add_argument("--days", type=float, default=8)
    parser.add_argument("--per-day", type=int, default=6000, help="requests a day")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    project, _ = Project.objects.get_or_create(slug=asked.project, defaults={"name": asked.project})
    now = datetime.now(UTC)
    planned = releases(now - timedelta(days=asked.days), now)
    deploys(project, planned)
    counts = telemetry(project.slug, planned, now, asked.per_day, random.Random(asked.seed))  # noqa: S311
    print(", ".join(f"{count} {table}" for table, count in counts.items()))


def telemetry(
    slug: str, planned: list[tuple[datetime, str]], now: datetime, per_day: int, chance: random.Random
) -> dict[str, int]:
    """Write all rows of the telemetry store, from a day after the first release on; returns rows by table."""
    began = planned[0][0] + timedelta(days=1)
    tables: dict[str, list[Row]] = {"spans": [], "logs": [], "errors": []}
    for at in sorted(instants(began, now, round((now - began) / timedelta(days=1) * per_day), chance)):
        release = [name for since, name in planned if since <= at][-1]
        for table, row in request(slug, at, release, chance):
            tables[table].append(row)
    client = store.connect(write=True)
    for table, rows in tables.items():
        for start in range(0, len(rows), 50_000):
            body = b"\n".join(orjson.dumps(row) for row in rows[start : start + 50_000])
            client.raw_insert(table, insert_block=body, fmt="JSONEachRow")
    roll_up(slug)
    return {table: len(rows) for table, rows in tables.items() if rows}


def releases(began: datetime, now: datetime) -> list[tuple[datetime, str]]:
    """About one deploy a day from a day before `began`, the last one two hours ago."""
    made = [(began - timedelta(days=1), "2026.11.0")]
    days = max(1, round((now - began).total_seconds() / 86_400))
    for day in range(days):
        at = min(began + timedelta(days=day, hours=11, minutes=17 * day % 60), now - timedelta(hours=2))
        made.append((at, f"2026.11.{day + 1}"))
    return made


def deploys(project: Project, planned: list[tuple[datetime, str]]) -> None:
    """Record the releases as deploys, and an incident after the last."""
    for at, name in planned[1:]:
        record(project, Kind.DEPLOY, name, f"Deploy {name}", at, release=name, actor="ada")
    trouble = planned[-1][0] + timedelta(minutes=20)
    record(
        project,
        Kind.INCIDENT,
        "seed-1",
        "Checkout fails for some cards",
        trouble,
        until=trouble + timedelta(minutes=25),
    )


def instants(began: datetime, now: datetime, count: int, chance: random.Random) -> Iterator[datetime]:
    """Moments spread like a working day: three times busier at noon than at night, quieter at the weekend."""
    span = (now - began).total_seconds()
    while count:
        at = began + timedelta(seconds=chance.random() * span)
        weight = (0.55 - 0.45 * math.cos((at.hour + at.minute / 60 - 3) / 24 * 2 * math.pi)) * (
            0.6 if at.weekday() > 4 else 1
        )
        if chance.random() < weight:
            count -= 1
            yield at


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


def request(slug: str, at: datetime, release: str, chance: random.Random) -> Iterator[tuple[str, Row]]:
    """One request: its trace, its log lines, and perhaps an error or a business event."""
    method, route, _, median, failing = chance.choices(ROUTES, [r[2] for r in ROUTES])[0]
    number = chance.randrange(400)
    user = f"u{number}" if route not in ("/", "/healthz") else ""
    failed = chance.random() < failing * (6 if release.endswith(("8", "5")) else 1)
    synthetic = route == "/healthz"
    taken = median * chance.lognormvariate(0, 0.55) * (1.8 if failed else 1)
    trace_id, root = f"{chance.getrandbits(128):032x}", f"{chance.getrandbits(64):016x}"
    common: Row = {
        "project": slug,
        "environment": "production",
        "release": release,
        "synthetic": synthetic,
        "received_at": stamp(at)[:-3],
        "service": "acme-web",
        "trace_id": trace_id,
    }
    resource = {"service.name": "acme-web", "host.name": f"web-{number % 2 + 1}", "service.version": release}
    status = 500 if failed else (201 if method == "POST" and route.startswith("/api") else 200)

    def span(name: str, kind: str, since_ms: float, for_ms: float, parent: str, own: str = "", **more: Any) -> Row:
        return (
            common
            | {
                "time": stamp(at + timedelta(milliseconds=since_ms)),
                "duration_ns": int(for_ms * 1e6),
                "name": name,
                "kind": kind,
                "status": "unset",
                "span_id": own or f"{chance.getrandbits(64):016x}",
                "parent_span_id": parent,
                "user_id": user,
                "resource": resource,
            }
            | more
        )

    yield (
        "spans",
        span(
            f"{method} {route}",
            "server",
            0,
            taken,
            "",
            root,
            status="error" if failed else "unset",
            http_method=method,
            http_route=route,
            http_status=status,
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": str(status),
                "user_agent.original": "Mozilla/5.0",
            },
            events=[{"time": stamp(at + timedelta(milliseconds=taken * 0.8)), "name": "exception", "attributes": {}}]
            if failed
            else [],
        ),
    )
    steps = 1 if route == "/" else chance.randint(1, 5)
    for step in range(steps if route != "/healthz" else 0):
        began, length = taken * (0.1 + 0.8 * step / steps), taken * 0.6 / steps
        table = ("users", "tasks", "plans", "reports")[step % 4]
        yield (
            "spans",
            span(
                f"SELECT {table}",
                "client",
                began,
                length,
                root,
                attributes={"db.system": "postgresql", "db.statement": STATEMENT.replace("?", table)},
            ),
        )
    if route == "/checkout":
        pay = f"{chance.getrandbits(64):016x}"
        yield "spans", span("charge card", "internal", taken * 0.3, taken * 0.6, root, pay)
        yield (
            "spans",
            span(
                "POST",
                "client",
                taken * 0.35,
                taken * 0.5,
                pay,
                status="error" if failed else "unset",
                attributes={"server.address": "payments.example"},
            ),
        )

    def log(level: int, text: str, body: str, **more: Any) -> Row:
        return (
            common
            | {
                "time": stamp(at + timedelta(milliseconds=taken)),
                "severity_number": level,
                "severity_text": text,
                "body": body,
                "span_id": root,
                "attributes": {"http.method": method, "http.route": route, "user.id": user},
                "resource": resource,
            }
            | more
        )

    yield "logs", log(9, "INFO", f"{method} {route.replace('{', '').replace('}', '')} {status} in {taken:.0f} ms")
    if chance.random() < 0.1:
        yield "logs", log(5, "DEBUG", f"cache miss for account {number} key tasks:{number}")
    if taken > median * 3:
        yield "logs", log(13, "WARN", f"slow request: {method} {route} took {taken:.0f} ms")
    if failed:
        kind, message, culprit, _ = chance.choices(ERRORS, [e[3] for e in ERRORS])[0]
        yield "logs", log(17, "ERROR", f"payment failed for user {user}" if "pay" in route else f"{kind}: {message}")
        yield "errors", error(common, at, kind, message, culprit, f"{method} {route}", user, number, root, chance)
        return
    for name, amount in business(route, chance):
        attributes = {"user.id": user, "account.id": f"a{number % 60}", "event.name": name}
        if amount:
            attributes |= {"amount_minor": str(amount), "currency": "EUR"}
        yield "logs", log(9, "INFO", name, event_name=name, attributes=attributes)


def business(route: str, chance: random.Random) -> Iterator[tuple[str, int]]:
    """The business events of a successful request: name and amount in minor units."""
    if route == "/signup":
        yield "user.signed_up", 0
    elif route == "/login":
        yield "user.logged_in", 0
    elif route == "/api/tasks":
        yield "task.created", 0
    elif route == "/reports/{report_id}":
        yield "report.viewed", 0
    elif route == "/checkout":
        yield "subscription.started", 0
    elif route == "/webhooks/payments":
        yield "payment.succeeded", chance.choice([900, 1900, 4900, 9900])


def error(
    common: Row,
    at: datetime,
    kind: str,
    message: str,
    culprit: str,
    transaction: str,
    user: str,
    number: int,
    span_id: str,
    chance: random.Random,
) -> Row:
    """A Sentry event with frames, breadcrumbs and a user."""
    module, function = culprit.rsplit(".", 1)
    file = module.replace(".", "/") + ".py"
    frames = [
        frame("starlette/routing.py", "app", 74, ["async def app(scope, receive, send):"], False),
        frame(file, function, 88, [f"    account = session.get(Account, {number})", "    if account is None:"], True),
        frame(file, "_apply", 131, ["    for line in order.lines:", "        total += line.amount"], True),
    ]
    crumbs = [
        {"timestamp": at.timestamp() - 2, "category": "auth", "message": f"{user or 'visitor'} signed in"},
        {"timestamp": at.timestamp() - 1, "category": "query", "message": "SELECT plans.id FROM plans"},
        {"timestamp": at.timestamp(), "category": "httplib", "level": "error", "message": "POST payments.example 402"},
    ]
    event_id = f"{chance.getrandbits(128):032x}"
    payload = {
        "event_id": event_id,
        "exception": {"values": [{"type": kind, "value": message, "stacktrace": {"frames": frames}}]},
        "breadcrumbs": {"values": crumbs},
        "user": {"id": user},
        "request": {"method": transaction.split()[0], "url": f"https://acme.example{transaction.split()[1]}"},
        "contexts": {"runtime": {"name": "CPython", "version": "3.11.2"}},
        "release": common["release"],
        "platform": "python",
    }
    return common | {
        "time": stamp(at)[:-3],
        "event_id": event_id,
        "fingerprint": f"{abs(hash_of(kind + culprit)):016x}",
        "level": "error",
        "type": kind,
        "message": message,
        "culprit": culprit,
        "transaction": transaction,
        "handled": kind == "PaymentDeclined",
        "span_id": span_id,
        "user_id": user,
        "platform": "python",
        "sdk": "sentry.python.fastapi",
        "tags": {"server_name": f"web-{number % 2 + 1}", "plan": ("free", "team")[number % 2]},
        "payload": orjson.dumps(payload).decode(),
    }


def frame(file: str, function: str, line: int, context: list[str], ours: bool) -> Row:
    return {
        "filename": file,
        "module": file.removesuffix(".py").replace("/", "."),
        "function": function,
        "lineno": line,
        "context_line": context[-1],
        "pre_context": [f"def {function}(order):", *context[:-1]],
        "post_context": ["        audit(account)", "    return account"],
        "in_app": ours,
        "vars": {"account": "<Account a17>", "total": "4900"} if ours else {},
    }


def hash_of(text: str) -> int:
    """A hash that is the same in every run."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def roll_up(slug: str) -> None:
    """Fill the rollups from the rows, where the store's own materialized views have not done so."""
    client = store.connect(write=True)
    sources = {
        "requests_by_minute": (
            "project, environment, release, synthetic, service, method, route, minute, requests, failures, duration",
            "SELECT project, environment, release, synthetic, service, http_method, http_route,"
            " toStartOfMinute(time) AS minute, count(), countIf(status = 'error' OR http_status >= 500),"
            " quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(duration_ns / 1e6)) FROM spans"
            " WHERE project = {slug:String} AND kind = 'server'"
            " GROUP BY project, environment, release, synthetic, service, http_method, http_route, minute",
        ),
        "trace_times": (
            "project, trace_id, began, ended",
            "SELECT project, trace_id, min(time), max(time + toIntervalNanosecond(duration_ns)) FROM spans"
            " WHERE project = {slug:String} GROUP BY project, trace_id, toDate(time)",
        ),
        "events": (
            "project, environment, release, synthetic, received_at, time, service, name, user_id, account_id,"
            " amount_minor, currency, trace_id, attributes",
            "SELECT project, environment, release, synthetic, received_at, time, service, event_name,"
            " attributes['user.id'], attributes['account.id'], toInt64OrZero(attributes['amount_minor']),"
            " attributes['currency'], trace_id, attributes FROM logs"
            " WHERE project = {slug:String} AND event_name != ''",
        ),
    }
    for table, (columns, query) in sources.items():
        present = store.row(f"SELECT count() AS n FROM {table} WHERE project = {{slug:String}}", slug=slug)  # noqa: S608
        if not present["n"]:
            client.command(f"INSERT INTO {table} ({columns}) {query}", parameters={"slug": slug})


if __name__ == "__main__":
    main()
