"""Webhooks of git hosts: verified before anything is read, taken once, acted on in the jobs process."""

import hashlib
import threading
import time
from dataclasses import asdict
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from golive.alerts.inbound.rate import Rate
from golive.console.http_api import error
from golive.jobs import queue
from golive.people import secrets
from golive.pipelines.hosts import HOSTS
from golive.pipelines.hosts.host import Event
from golive.pipelines.models import Delivery, Source

LARGEST_BODY = 5 << 20
_rate = Rate(per_second=5.0, burst=60.0)
_rate_lock = threading.Lock()


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest, slug: str) -> HttpResponse:
    """202 for what is acted on, 200 for what is not or was taken before; 401 for a wrong signature."""
    source = Source.objects.select_related("project").filter(project__slug=slug).first()
    if source is None:
        return error(404, "No git host is set up here; say which in golive.toml's [source] and apply it.")
    with _rate_lock:
        wait = _rate.wait_seconds(source.pk, time.monotonic())
    if wait:
        answer = error(429, "Too many deliveries; wait as long as Retry-After says.")
        answer["Retry-After"] = str(wait)
        return answer
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return error(413, f"The delivery is larger than {LARGEST_BODY >> 20} MiB.")
    host = HOSTS[source.host]
    try:
        secret = secrets.resolve(source.webhook_secret)
    except secrets.SecretError:
        return error(503, "The webhook's secret is not set on this install.")
    if not host.verified(request.headers, body, secret):
        return error(401, "The signature is missing or wrong.")
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return error(400, "The body is not JSON; choose the content type application/json for the webhook.")
    event = host.event(request.headers, read) if isinstance(read, dict) else None
    if event is None:
        return JsonResponse({"taken": False, "why": "golive acts on pushes to branches and on pull requests"})
    if event.repository.lower() != source.repository.lower():
        return error(400, f"This is about {event.repository!r}; golive builds {source.repository!r} here.")
    identity = host.delivery(request.headers)[:200] or hashlib.sha256(body).hexdigest()
    return _take(source, event, identity, body)


def _take(source: Source, event: Event, identity: str, body: bytes) -> HttpResponse:
    about: dict[str, Any] = asdict(event)
    try:
        with transaction.atomic():
            kept = Delivery.objects.create(
                source=source,
                identity=identity,
                body=hashlib.sha256(body).hexdigest(),
                event=about,
                received_at=timezone.now(),
            )
            queue.enqueue("pipeline.fetch", {"delivery": kept.pk}, now=timezone.now(), subject=source.project.slug)
    except IntegrityError:
        return JsonResponse({"taken": False, "why": "this delivery was taken before"})
    return JsonResponse({"taken": True}, status=202)
