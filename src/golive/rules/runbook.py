"""Runbooks: what to do when a rule fires, written in Markdown, shown on its page and on its incidents."""

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from golive.people.models import Project
from golive.rules.models import Rule

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")


def runbook_html(text: str) -> SafeString:
    """Markdown as HTML. What looks like HTML in it is shown as text, and links lead to the web or a mail alone."""
    return mark_safe(_MARKDOWN.render(text)) if text.strip() else SafeString("")  # noqa: S308 (escaped by the renderer)


def runbooks(project: Project, sources: list[str]) -> list[tuple[str, str]]:
    """The runbooks of these sources of flips, as (rule, Markdown)."""
    names = [source.removeprefix("rule:") for source in sources if source.startswith("rule:")]
    rules = Rule.objects.filter(project=project, name__in=names)
    return [(rule.name, text) for rule in rules if (text := rule.in_force().runbook)]
