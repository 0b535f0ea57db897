"""Django: a database router and a middleware.

    DATABASE_ROUTERS = ["golive_client.routing.django.Router"]
    MIDDLEWARE = ["golive_client.routing.django.ReadYourWrites", ...]
    GOLIVE_ROUTING = {"replicas": ["replica"], "max_lag_seconds": 10, "reads": "all"}    # aliases of DATABASES

`select_for_update`, saves and everything inside an atomic block that wrote go to "default".
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse

from golive_client.routing.balancer import PRIMARY_POSITION, SEEN, Balancer, Connect
from golive_client.routing.choose import Policy, Reads
from golive_client.routing.lsn import LIFETIME, parse, written
from golive_client.routing.scope import current, scope
from golive_client.routing.statement import is_read

COOKIE = "golive_seen"
HEADER = "X-Golive-Seen"
_lock = threading.Lock()


def _connector(alias: str) -> Connect:
    def connect() -> "psycopg.Connection[Any]":
        parameters = {
            name: value
            for name, value in connections[alias].get_connection_params().items()
            if name not in ("cursor_factory", "context", "prepare_threshold", "server_side_binding")
        }
        return psycopg.connect(
            **{
                **parameters,
                "autocommit": True,
                "connect_timeout": 2,
                "prepare_threshold": None,
                "application_name": "golive routing",
            }
        )

    return connect


@cache
def _made() -> Balancer:
    wanted = getattr(settings, "GOLIVE_ROUTING", {})
    policy = Policy(
        max_lag=timedelta(seconds=float(wanted.get("max_lag_seconds", 10))), reads=Reads(wanted.get("reads", "all"))
    )
    replicas = {alias: _connector(alias) for alias in wanted.get("replicas", [])}
    return Balancer(
        _connector(DEFAULT_DB_ALIAS), replicas, policy, every_seconds=float(wanted.get("every_seconds", 0.5))
    ).start()


def balancer() -> Balancer:
    """This process's balancer, made when the first read is routed, so after a server's fork."""
    with _lock:
        return _made()


class Router:
    """Reads to the replica that may answer, everything else to "default"."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return DEFAULT_DB_ALIAS
        instance = hints.get("instance")
        if instance is not None and instance._state.db == DEFAULT_DB_ALIAS and current().wrote:
            return DEFAULT_DB_ALIAS
        watcher = balancer()
        choice = watcher.choose()
        return choice.name if not choice.is_primary and _usable(choice.name, watcher) else DEFAULT_DB_ALIAS

    def db_for_write(self, model: Any, **hints: Any) -> str:
        current().wrote = True
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


def _usable(alias: str, watcher: Balancer) -> bool:
    """Whether the replica's connection of this thread works and has seen what the scope must see."""
    connection = connections[alias]
    try:
        for attempt in (1, 2):
            try:
                with connection.cursor() as cursor:
                    need = current().need
                    cursor.execute(*((SEEN, [written(need)]) if need is not None else ("SELECT true", None)))
                    row = cursor.fetchone()
                    return bool(row and row[0])
            except (Error, psycopg.Error):
                connection.close()  # one that was left idle across a restart
                if attempt == 2:
                    raise
    except (Error, psycopg.Error):
        watcher.failed(alias)
    return False


def note_commit() -> None:
    """Move the scope's token to where the primary's log is now. The middleware does it at the end of a request."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(PRIMARY_POSITION)
        row = cursor.fetchone()
    if row is not None:
        current().committed(parse(row[0]))


class ReadYourWrites:
    """Takes the token from the cookie (or header, for an API's clients) and hands the new one back after a write."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request.headers.get(HEADER) or request.COOKIES.get(COOKIE)
        with scope(token) as mine, connections[DEFAULT_DB_ALIAS].execute_wrapper(_notice_write):
            response = self.get_response(request)
            if mine.wrote:
                note_commit()
            if mine.token is not None:
                response.set_cookie(
                    COOKIE,
                    str(mine.token),
                    max_age=int(LIFETIME.total_seconds()),
                    httponly=True,
                    samesite="Lax",
                    secure=request.is_secure(),
                )
                response.headers[HEADER] = str(mine.token)
            return response


def _notice_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Raw SQL on "default" that writes counts as a write too."""
    if not is_read(sql):
        current().wrote = True
    return execute(sql, params, many, context)
