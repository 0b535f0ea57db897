"""`{% load pipelines %}`: seconds as a run says them."""

from django import template

from golive.pipelines.terminal import took

register = template.Library()


@register.filter
def seconds(value: float | None) -> str:
    """ "0.3 s", "3 min 5 s"; nothing for nothing."""
    return took(value) if value is not None else ""


@register.filter
def split(text: str) -> list[str]:
    """Words."""
    return text.split()
