"""`{% load golive %}`: icons, states, times and numbers as the whole console says them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from golive.console import words
from golive.console.navigation import Entry
from golive.console.window import CHOICES, Window
from golive.people.models import Project

register = template.Library()

register.filter("duration", words.duration)
register.filter("compact", words.compact)
register.filter("grouped", words.grouped)
register.filter("percent", words.percent)
register.filter("ms", words.milliseconds)
register.filter("money", words.money)
register.filter("rate", words.per_second)
register.filter("size", words.size)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon from the sprite; without a label it is decoration beside a word."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html('<svg class="icon" {}><use href="{}#{}"/></svg>', spoken, static("vendor/icons.svg"), name)


@register.simple_tag
def nav_note(entry: Entry, project: Project) -> str:
    """What stands beside a place in the navigation."""
    return entry.noted(project)


@register.simple_tag
def state(name: Any, word: str = "") -> SafeString:
    """A state's badge: icon and word in its colour. `word` replaces the state's own."""
    look = words.state(str(name))
    return format_html('<span class="state state-{}">{}{}</span>', look.tone, icon(look.icon), word or look.word)


@register.filter
def tone(name: Any) -> str:
    """The tone of a state: ok, warning, critical, info or unknown."""
    return words.state(str(name)).tone


@register.simple_tag
def ago(then: datetime | None) -> SafeString:
    """A relative time, absolute (viewer's zone and UTC) on hover; the browser keeps it true."""
    if then is None:
        return SafeString(words.DASH)
    then = aware(then)
    return format_html(
        '<time class="ago" datetime="{}" title="{}" data-ago>{}</time>',
        then.astimezone(UTC).isoformat(timespec="milliseconds"),
        absolute(then),
        words.ago(then, timezone.now()),
    )


@register.simple_tag
def at(then: datetime | None, style: str = "minute") -> SafeString:
    """An absolute time in the viewer's zone with UTC on hover; style minute, second, milli, clock or day."""
    if then is None:
        return SafeString(words.DASH)
    then = aware(then)
    local = timezone.localtime(then)
    said = {
        "minute": f"{local:%d %b %H:%M}",
        "second": f"{local:%d %b %H:%M:%S}",
        "milli": f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}",
        "clock": f"{local:%H:%M:%S}",
        "day": f"{local:%d %b %Y}",
    }.get(style, f"{local:%d %b %H:%M}")
    stamp = then.astimezone(UTC).isoformat(timespec="milliseconds")
    return format_html(
        '<time class="at" datetime="{}" title="{}" data-at="{}">{}</time>', stamp, absolute(then), style, said
    )


def aware(then: datetime) -> datetime:
    """Times from the telemetry store may come without a zone; they are UTC."""
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def absolute(then: datetime) -> str:
    """Both zones in words, for a hover."""
    local, utc = timezone.localtime(then), then.astimezone(UTC)
    said = f"{utc:%a %d %b %Y %H:%M:%S} UTC"
    return said if local.utcoffset() == timedelta(0) else f"{local:%a %d %b %Y %H:%M:%S %Z} · {said}"


@register.simple_tag
def styled(field: BoundField) -> SafeString:
    """A form field's control with the frame's classes."""
    look = {"select": "form-select", "checkbox": "form-check-input", "checkboxselectmultiple": "form-check-input"}
    given = str(field.field.widget.attrs.get("class", ""))
    style = f"{look.get(field.widget_type, 'form-control')}{' is-invalid' if field.errors else ''} {given}"
    return SafeString(field.as_widget(attrs={"class": style.strip()}))


@register.simple_tag
def sparkline(values: Sequence[float | None], label: str = "", width: int = 96, height: int = 24) -> SafeString:
    """A small line of the recent past; a gap where there is no data, a dash where there is none at all."""
    known = [value for value in values or () if value is not None]
    if not known:
        return format_html('<span class="text-secondary" title="no data">{}</span>', words.DASH)
    top, bottom = max(*known, 0), min(*known, 0)
    span, step = (top - bottom) or 1, (width - 4) / max(len(values) - 1, 1)
    pieces: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{2 + index * step:.1f},{2 + (height - 4) * (1 - (value - bottom) / span):.1f}")
    lines = format_html_join("", '<polyline points="{}"/>', ((" ".join(piece),) for piece in pieces if piece))
    said = label or f"last {words.compact(known[-1])}, highest {words.compact(max(known))}"
    return format_html(
        '<svg class="spark" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        "<title>{2}</title>{3}</svg>",
        width,
        height,
        said,
        lines,
    )


@register.simple_tag(takes_context=True)
def window_choices(context: template.Context) -> list[dict[str, Any]]:
    """The choices of the window picker, each with its address; all else in the address is kept."""
    request = context["request"]
    window: Window | None = getattr(request, "window", None) or context.get("window")
    choices = []
    for key in CHOICES:
        query = request.GET.copy()
        for gone in ("until", "page", "cursor"):
            query.pop(gone, None)
        query["since"] = key
        choices.append({"key": key, "link": f"?{query.urlencode()}", "chosen": bool(window and window.key == key)})
    return choices


@register.simple_tag(takes_context=True)
def here(context: template.Context, view: str) -> bool:
    """Whether the page shown belongs to the navigation entry of this view, and to none more exactly."""
    match = context["request"].resolver_match
    name = (match.url_name if match else "") or ""
    entries = [entry.view for _, found in context.get("frame_navigation") or () for entry in found]
    return _belongs(name, view) and not any(len(one) > len(view) and _belongs(name, one) for one in entries)


def _belongs(name: str, view: str) -> bool:
    return bool(name) and (name == view or view in (f"{name}s", f"{name}es") or name.startswith(f"{view}-"))
