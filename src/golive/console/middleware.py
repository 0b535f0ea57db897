"""Every page asks for a login unless its view says otherwise (`login_not_required`); times in the viewer's zone."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from golive.console.http_api import error


class LoginRequired(LoginRequiredMiddleware):
    """Django's own, except that the API authenticates by token."""

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if request.path.startswith("/api/"):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


def viewer_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Show times in the zone that the browser told us in the cookie `golive_zone`; UTC until it has."""

    def middleware(request: HttpRequest) -> HttpResponse:
        zone = request.COOKIES.get("golive_zone", "").replace("%2F", "/")
        try:
            with timezone.override(ZoneInfo(zone) if zone else None):
                return get_response(request)
        except (ValueError, OSError):  # not a zone, or not a key at all
            return get_response(request)

    return middleware


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse NUL characters in addresses: no database column holds them and PostgreSQL raises."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return error(400, "An address cannot hold a NUL character.")
        return get_response(request)

    return middleware
