"""The three addresses at which other tools deliver: each finds the key, reads the body, answers as its format does."""

import threading
import time
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from golive.alerts.inbound import receive
from golive.alerts.inbound.event import Decoded, EventError
from golive.alerts.inbound.formats import decoder
from golive.alerts.inbound.integrations import holder
from golive.alerts.inbound.rate import Rate
from golive.alerts.models import Integration, IntegrationKind
from golive.console.http_api import error

LARGEST_BODY = 1024 * 1024
_rate = Rate()
_rate_lock = threading.Lock()


class Refused(Exception):
    """A request that is not taken: the status to answer with, why, and how long to wait."""

    def __init__(self, status: int, message: str, wait_seconds: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.wait_seconds = status, message, wait_seconds


@csrf_exempt
@login_not_required
@require_POST
def alertmanager(request: HttpRequest) -> HttpResponse:
    """Alertmanager's `POST /api/v2/alerts`: 200 and no body; 400 names the alerts that were refused."""
    try:
        integration = _holder(_bearer(request), IntegrationKind.ALERTMANAGER)
        decoded = _take(integration, _json(request))
    except Refused as refused:
        return _said(refused, error(refused.status, refused.message))
    return error(400, "; ".join(decoded.refused[:10])) if decoded.refused else HttpResponse(status=200)


@csrf_exempt
@login_not_required
@require_POST
def pagerduty(request: HttpRequest) -> HttpResponse:
    """PagerDuty's `POST /v2/enqueue`: 202 with the dedup_key; 400 in PagerDuty's own shape."""
    try:
        body = _json(request)
        told = body.get("routing_key") if isinstance(body, dict) else None
        integration = _holder(told if isinstance(told, str) else "", IntegrationKind.PAGERDUTY, status=400)
        decoded = _take(integration, body)
    except Refused as refused:
        answer = {"status": "invalid event", "message": "Event object is invalid", "errors": [refused.message]}
        if refused.status != 400:
            answer = {"status": "error", "message": refused.message}
        return _said(refused, JsonResponse(answer, status=refused.status))
    return JsonResponse(decoded.answer, status=202)


@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest, key: str) -> HttpResponse:
    """golive's own `POST /hooks/<key>/`: 202 with the dedup_key."""
    try:
        decoded = _take(_holder(key, IntegrationKind.WEBHOOK, status=404), _json(request))
    except Refused as refused:
        return _said(refused, error(refused.status, refused.message))
    return JsonResponse(decoded.answer, status=202)


def _bearer(request: HttpRequest) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _holder(key: str, kind: IntegrationKind, status: int = 401) -> Integration:
    """Whose key it is, if it may send now."""
    found = holder(key, kind)
    if found is None:
        made = f"make one with: golive integration add NAME --kind {kind}"
        raise Refused(status, f"This is no {kind} integration key in force; {made}")
    with _rate_lock:
        wait = _rate.wait_seconds(found.pk, time.monotonic())
    if wait:
        raise Refused(429, f"Integration {found.name} sends too often; wait {wait} s.", wait)
    return found


def _json(request: HttpRequest) -> Any:
    if request.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise Refused(415, "Send the body uncompressed.")
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise Refused(413, f"The body is larger than {LARGEST_BODY // 1024} KiB.")
    if b"\\u0000" in body:
        raise Refused(400, "NUL characters cannot be stored.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as trouble:
        raise Refused(400, f"The body is not JSON: {trouble}") from None


def _take(integration: Integration, body: Any) -> Decoded:
    now = timezone.now()
    try:
        decoded = decoder(integration.kind)(body, now)
    except EventError as trouble:
        raise Refused(400, str(trouble)) from None
    if too_many := receive.take(integration, decoded.events, now):
        raise Refused(429, too_many[0], 60)
    return decoded


def _said(refused: Refused, answer: HttpResponse) -> HttpResponse:
    if refused.wait_seconds:
        answer["Retry-After"] = str(refused.wait_seconds)
    return answer
