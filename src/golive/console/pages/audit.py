"""The audit trail: who did what to what, when."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from golive.people.models import AuditEntry


def audit(request: HttpRequest) -> HttpResponse:
    """Entries newest first; `?q=` looks in actor, action and subject."""
    text = request.GET.get("q", "").strip()[:100]
    entries = AuditEntry.objects.select_related("project").order_by("-pk")
    if text:
        entries = entries.filter(Q(actor__icontains=text) | Q(action__icontains=text) | Q(subject__icontains=text))
    page = Paginator(entries, 50).get_page(request.GET.get("page"))
    return render(request, "console/audit.html", {"page": page, "text": text, "last": entries.first()})
