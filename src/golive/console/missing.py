"""What is answered where there is nothing: JSON below /api/, a page elsewhere."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from golive.console.http_api import error


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404."""
    if request.path.startswith("/api/"):
        return error(404, "There is no such address in the API; see /api/v1/docs.")
    return render(request, "404.html", status=404)
