"""The plain page frame that the sandbox's servers share."""

from html import escape
from pathlib import Path

_STYLE = Path(__file__).with_name("page.css").read_text()


def page(title: str, body: str) -> str:
    """A whole HTML document; `body` is HTML whose values its maker has escaped."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
