"""The runbooks of the rules that fired, on the incident's page. Rules are below incidents, so it stands here."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from golive.incidents.models import Incident
from golive.rules.runbook import runbook_html, runbooks


def runbook_block(request: HttpRequest, incident: Incident) -> str:
    """What to do, as it was written before anything broke; empty when no rule that fired has a runbook."""
    found = runbooks(incident.project, list(incident.sources.values_list("source", flat=True)))
    if not found:
        return ""
    context = {"runbooks": [(name, runbook_html(text)) for name, text in found]}
    return render_to_string("incidents/runbooks.html", context, request=request)
