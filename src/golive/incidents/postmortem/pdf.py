"""The post-mortem as a PDF, made with ReportLab."""

from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Line, PolyLine, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from golive.incidents.postmortem import picture
from golive.incidents.postmortem.content import Document, Picture, Table

INK, MUTED, LINE_COLOUR = colors.HexColor("#1f2937"), colors.HexColor("#64707d"), colors.HexColor("#e2e5e9")
WIDTH = A4[0] - 36 * mm
BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9.5, leading=14, textColor=INK, spaceAfter=6)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=8, leading=10.5, spaceAfter=0)
HEAD = ParagraphStyle("head", parent=CELL, textColor=MUTED)
TITLE = ParagraphStyle("title", parent=BODY, fontName="Helvetica-Bold", fontSize=17, leading=22)
SECTION = ParagraphStyle("section", parent=BODY, fontName="Helvetica-Bold", fontSize=12, leading=16, spaceBefore=10)


def render(document: Document) -> bytes:
    """The document on A4."""
    out = BytesIO()
    margins = {"leftMargin": 18 * mm, "rightMargin": 18 * mm, "topMargin": 18 * mm, "bottomMargin": 18 * mm}
    story: list[Flowable] = [_text(document.title, TITLE), _text(document.lead, BODY)]
    for section in document.sections:
        story.append(_text(section.title, SECTION))
        for block in section.blocks:
            match block:
                case Table():
                    story += [_table(block), Spacer(1, 6)]
                case Picture():
                    story += [_drawing(block), Spacer(1, 6)]
                case text:
                    story += [_text(part, BODY) for part in text.split("\n") if part.strip()]
    SimpleDocTemplate(out, pagesize=A4, title=document.title, **margins).build(story, _foot, _foot)
    return out.getvalue()


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_known(text)), style)


def _table(table: Table) -> LongTable:
    rows = [[_text(head, HEAD) for head in table.heads], *([_text(cell, CELL) for cell in row] for row in table.rows)]
    longest = [max(len(row[n]) for row in [table.heads, *table.rows]) for n in range(len(table.heads))]
    weights = [min(max(size, 9), 60) for size in longest]
    found = LongTable(rows, colWidths=[WIDTH * weight / sum(weights) for weight in weights], repeatRows=1)
    found.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE_COLOUR),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return found


def _drawing(block: Picture) -> Drawing:
    """The same picture as the SVG's; here y counts from below."""
    found, height = picture.draw(block.curve), picture.HEIGHT
    scale = WIDTH / picture.WIDTH
    drawing = Drawing(WIDTH, height * scale)
    drawing.scale(scale, scale)
    floor, top = picture.BOTTOM, height - picture.TOP
    left, right = found.band
    drawing.add(Rect(left, floor, right - left, top - floor, fillColor=colors.HexColor("#fde7e6"), strokeColor=None))
    drawing.add(String(picture.LEFT, height - 14, found.title, fontName="Helvetica-Bold", fontSize=11, fillColor=INK))
    for level, words in found.levels:
        at = height - level
        drawing.add(Line(picture.LEFT, at, picture.WIDTH - picture.RIGHT, at, strokeColor=LINE_COLOUR))
        drawing.add(String(picture.LEFT - 6, at - 4, words, fontSize=10, textAnchor="end", fillColor=MUTED))
    for mark in found.marks:
        drawing.add(Line(mark, floor, mark, top, strokeColor=INK, strokeDashArray=[3, 3]))
    for place, line in enumerate(found.lines):
        colour = colors.HexColor(line.colour)
        spot = picture.WIDTH - picture.RIGHT - 80 * (len(found.lines) - place)
        drawing.add(String(spot, height - 14, line.name, fontSize=10, fillColor=colour))
        for piece in line.pieces:
            points = [number for x, y in piece for number in (x, height - y)]
            drawing.add(PolyLine(points, strokeColor=colour, strokeWidth=1.6))
    for place, (at, words) in enumerate(found.hours):
        anchor = ("start", "middle", "end")[place]
        drawing.add(String(at, 6, words, fontSize=10, textAnchor=anchor, fillColor=MUTED))
    return drawing


def _foot(canvas, template) -> None:  # type: ignore[no-untyped-def]  # ReportLab has no types
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(MUTED)
    canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(template.page))


def _known(text: str) -> str:
    """The built-in fonts know Latin-1 and the euro alone; what they lack is shown as a question mark, never dropped."""
    spaced = text.replace("\u202f", " ").replace("\u2013", "-").replace("\u2192", "->")
    return spaced.encode("cp1252", "replace").decode("cp1252")
