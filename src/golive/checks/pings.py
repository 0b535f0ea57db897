"""Ping addresses as Healthchecks has them: `/ping/<uuid>`, `/start`, `/fail`, `/log` and `/<exit status>`, no login."""

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from golive.checks import pulses
from golive.checks.heartbeat import Signal

BODY_LIMIT = 10_000


@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ping(request: HttpRequest, uuid: UUID, signal: str = "success", exit_status: int | None = None) -> HttpResponse:
    """Keep one ping; answers when it is kept. The first 10 000 bytes of a body are kept with it."""
    if exit_status is not None and exit_status > 255:
        return _answer("invalid url format", 400)
    run = request.GET.get("rid", "")
    try:
        run = str(UUID(run)) if run else ""
    except ValueError:
        return _answer("invalid uuid format", 400)
    said = Signal.FAIL if exit_status else Signal(signal)
    note = request.read(BODY_LIMIT).decode("utf-8", "replace").replace("\0", "�") if request.method == "POST" else ""
    return _answer("OK") if pulses.receive(uuid, said, run, exit_status, note) else _answer("not found", 404)


def _answer(text: str, status: int = 200) -> HttpResponse:
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
    answer["Ping-Body-Limit"] = str(BODY_LIMIT)
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
