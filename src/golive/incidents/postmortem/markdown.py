"""The post-mortem as Markdown."""

import re

from golive.incidents.postmortem.content import Document, Picture, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render(document: Document, picture_url: str) -> str:
    """`picture_url` has a {name} where a picture's goes."""
    parts = [f"# {_escaped(document.title)}", _escaped(document.lead)]
    for section in document.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            match block:
                case Table():
                    parts.append(_table(block))
                case Picture():
                    parts.append(f"![{block.curve.title}]({picture_url.format(name=block.name)})")
                case text:
                    parts.append(text.replace("\r\n", "\n").strip())  # people write Markdown here
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [table.heads, ["---"] * len(table.heads), *table.rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text if text == "---" else _escaped(text).replace("\r", "").replace("\n", " ")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
