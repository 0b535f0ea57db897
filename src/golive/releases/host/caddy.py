"""Caddy's configuration as data: static routes that dial through symbolic links, so that no deploy touches Caddy.

It changes only when an application, a domain or the preview domain does. Formats: https://caddyserver.com/docs/json/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from golive.releases.host.place import Place
from golive.releases.host.slots import SLOTS

HSTS = "max-age=31536000"
BUFFERED_BYTES = 65_536
CANARY_COOKIE = "golive_canary"
PASS_HEADER = "Golive-Preview-Pass"  # noqa: S105


class Https(StrEnum):
    """Where certificates come from: a public authority, Caddy's own, or none (plain HTTP)."""

    AUTOMATIC = "automatic"
    INTERNAL = "internal"
    OFF = "off"


@dataclass(frozen=True)
class Site:
    """One environment's domains. `live` is the name of its link; `canary` that of its canary's."""

    domains: tuple[str, ...]
    live: str
    canary: str
    https: Https


@dataclass(frozen=True)
class Previews:
    """A project's previews: `*.DOMAIN` dials the link `PREFIX-LABEL`, after golive's gate has let the visitor in."""

    domain: str
    prefix: str
    https: Https


@dataclass(frozen=True)
class Front:
    """All that Caddy is told. `console` is the address of golive's own console, which keeps the previews' gate."""

    http_port: int
    https_port: int
    sites: tuple[Site, ...] = ()
    previews: tuple[Previews, ...] = ()
    console: str = "127.0.0.1:8400"
    listen: str = ""  # an address; all of them when empty


Json = dict[str, Any]


def configuration(front: Front, place: Place) -> Json:
    """The whole of Caddy's configuration."""
    secure = [s for s in front.sites if s.https is not Https.OFF], [p for p in front.previews if p.https != Https.OFF]
    plain = [s for s in front.sites if s.https is Https.OFF], [p for p in front.previews if p.https is Https.OFF]
    servers: Json = {}
    if any(secure):
        servers["secure"] = _server(front, place, f"{front.listen}:{front.https_port}", *secure, tls=True)
    servers["plain"] = _server(front, place, f"{front.listen}:{front.http_port}", *plain, tls=False)
    return {
        "admin": {"listen": f"unix/{admin_socket(place)}", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(place.caddy / "storage")},
        "logging": {"logs": {"default": _own_log(place), "access": _access_log(place)}},
        "apps": {
            "http": {
                "http_port": front.http_port,
                "https_port": front.https_port,
                "grace_period": "10s",
                "servers": servers,
            },
            "tls": {"automation": {"policies": _policies(front)}},
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
        },
    }


def admin_socket(place: Place) -> str:
    return f"/{place.sockets / 'caddy.sock'}"


def _server(
    front: Front, place: Place, listen: str, sites: Sequence[Site], previews: Sequence[Previews], *, tls: bool
) -> Json:
    routes = [route for site in sites for route in _site_routes(site, place)]
    routes += [_preview_route(one, front, place) for one in previews]
    routes.append({"handle": [{"handler": "static_response", "status_code": 421, "body": "No such site here.\n"}]})
    safe = [_strict_transport()] if tls else []
    server: Json = {
        "listen": [listen],
        "protocols": ["h1", "h2", "h3"] if tls else ["h1", "h2"],
        "routes": [{**route, "handle": [*safe, *route["handle"]]} for route in routes],  # certificates need hosts here
        "errors": {"routes": [{"handle": [*safe, _sorry()]}]},
        "logs": {"default_logger_name": "front"},
        "idle_timeout": "5m",
    }
    return server


def _strict_transport() -> Json:
    header = {"Strict-Transport-Security": [HSTS]}
    return {"handler": "headers", "response": {"set": header, "deferred": True}}


def _sorry() -> Json:
    return {
        "handler": "static_response",
        "status_code": "{http.error.status_code}",
        "headers": {"Content-Type": ["text/plain; charset=utf-8"], "Retry-After": ["5"]},
        "body": "This service does not answer at the moment. Please try again shortly.\n",
    }


def _site_routes(site: Site, place: Place) -> list[Json]:
    match = {"host": list(site.domains)}
    cookie = {"Cookie": {"pattern": rf"(?:^|;\s*){CANARY_COOKIE}=1(?:;|$)"}}
    return [
        {"match": [{**match, "header_regexp": cookie}], "handle": _proxy(place, site.canary), "terminal": True},
        {"match": [match], "handle": _proxy(place, site.live), "terminal": True},
    ]


def _proxy(place: Place, live: str) -> list[Json]:
    dial = f"unix/{place.live(live)}"
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{dial}/{number:02d}"} for number in range(SLOTS)],
        "load_balancing": {
            "selection_policy": {"policy": "round_robin"},
            "try_duration": "3s",  # only what could not be dialled is tried again, so a POST is never sent twice
            "try_interval": "20ms",
        },
        "transport": {"protocol": "http", "keep_alive": {"enabled": False}, "dial_timeout": "2s"},
        # A body sent apart from its head meets a closed connection when the application answers by the head alone.
        "request_buffers": BUFFERED_BYTES,
        "stream_close_delay": "24h",  # a reload, for a new domain, leaves WebSockets alone
    }
    slot = {"handler": "log_append", "key": "slot", "value": "{http.reverse_proxy.upstream.address}"}
    return [slot, proxy]


def _preview_route(one: Previews, front: Front, place: Place) -> Json:
    label = one.domain.count(".") + 1
    gate = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": front.console}],
        "rewrite": {"method": "GET", "uri": "/previews/gate/"},
        "headers": {
            "request": {
                "set": {
                    "Host": [front.console],
                    "X-Forwarded-Host": ["{http.request.host}"],
                    "X-Forwarded-Uri": ["{http.request.uri}"],
                    "X-Forwarded-Method": ["{http.request.method}"],
                    "X-Forwarded-Proto": ["https" if one.https is not Https.OFF else "http"],
                }
            }
        },
        "handle_response": [{"match": {"status_code": [2]}, "routes": [{"handle": []}]}],
    }
    dial = f"unix/{place.live(one.prefix)}-{{http.request.host.labels.{label}}}/00"
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial}],
        "load_balancing": {"try_duration": "3s", "try_interval": "50ms"},
        "headers": {"request": {"delete": [PASS_HEADER]}},
        "transport": {"protocol": "http", "keep_alive": {"enabled": False}, "dial_timeout": "2s"},
        "request_buffers": BUFFERED_BYTES,
    }
    return {"match": [{"host": [f"*.{one.domain}"]}], "handle": [gate, proxy], "terminal": True}


def _policies(front: Front) -> list[Json]:
    inside = [domain for site in front.sites if site.https is Https.INTERNAL for domain in site.domains]
    inside += [f"*.{one.domain}" for one in front.previews if one.https is Https.INTERNAL]
    return [{"subjects": inside, "issuers": [{"module": "internal"}]}] if inside else []


def _own_log(place: Place) -> Json:
    return {"level": "WARN", "exclude": ["http.log.access.front"], "writer": _file(place.logs / "caddy-errors.log")}


def _access_log(place: Place) -> Json:
    gone = ("request>headers", "request>tls", "request>remote_port", "request>client_ip", "resp_headers", "user_id")
    fields: Json = {name: {"filter": "delete"} for name in gone}
    fields["request>remote_ip"] = {"filter": "ip_mask", "ipv4_cidr": 24, "ipv6_cidr": 48}
    fields["request>uri"] = {"filter": "regexp", "regexp": r"\?.*$", "value": ""}  # queries may carry secrets
    return {
        "include": ["http.log.access.front"],
        "encoder": {
            "format": "filter",
            "wrap": {"format": "json", "time_format": "unix_milli_float"},
            "fields": fields,
        },
        "writer": _file(place.access_log),
    }


def _file(path: Any) -> Json:
    return {"output": "file", "filename": str(path), "mode": "0600", "roll_size_mb": 20, "roll_keep": 2}
