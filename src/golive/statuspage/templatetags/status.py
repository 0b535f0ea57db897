"""`{% load status %}`: how the public page says statuses; it shares no look with the console."""

from collections.abc import Mapping
from math import floor

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from golive.statuspage.standing import WORDS, Status

register = template.Library()
_TINTS = {
    Status.OPERATIONAL: "good",
    Status.UNKNOWN: "none",
    Status.MAINTENANCE: "info",
    Status.DEGRADED: "some",
    Status.PARTIAL: "some",
    Status.MAJOR: "bad",
}
_SHAPES = {
    "good": '<circle cx="12" cy="12" r="9"/><path d="M8 12.5l2.7 2.7L16 9.5"/>',
    "some": '<path d="M12 3.5 21.5 20h-19z"/><path d="M12 10v4.5M12 17v.1"/>',
    "bad": '<circle cx="12" cy="12" r="9"/><path d="M9 9l6 6M15 9l-6 6"/>',
    "none": '<circle cx="12" cy="12" r="9" stroke-dasharray="3 3"/>',
    "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 8v.1"/>',
}


@register.filter
def tint(status: str) -> str:
    """The colour class of a status."""
    return _TINTS[Status(status)]


@register.filter
def said(status: str) -> str:
    """A status in words."""
    return WORDS[Status(status)]


@register.filter
def named(name: str, words: Mapping[str, str]) -> str:
    """A status or stage in the page's language."""
    return words.get(str(name), str(name))


@register.filter
def exact(share: float) -> str:
    """A share as a percentage that never rounds up to 100 %."""
    return "100 %" if share == 1 else f"{floor(share * 10000) / 100:.2f} %"


@register.simple_tag
def sign(status: str, size: int) -> SafeString:
    """The status as a shape, so that colour never stands alone."""
    shape = SafeString(_SHAPES[tint(status)])
    return format_html(
        '<svg width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{1}</svg>',
        size,
        shape,
    )
