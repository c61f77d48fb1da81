"""The report on an audit as one HTML file that needs nothing else, and that prints well."""

import re
from html import escape

from overread.audit.report_content import (
    TITLE,
    TO_FILL_IN,
    Block,
    Bullets,
    Callout,
    Course,
    Heading,
    Paragraph,
    ReportContent,
    Table,
    course_ticks,
    report_blocks,
)
from overread.audit.wording import percent

WIDTH, HEIGHT = 640, 260
_LEFT, _BOTTOM, _TOP = 56, 40, 12
STYLE = """
body { font: 11pt/1.45 system-ui, sans-serif; color: #1d2427; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.statement { font-size: 1.15rem; border: 1px solid #98a3a7; padding: 0.9rem 1.1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92em; }
td { overflow-wrap: anywhere; } td:first-child { min-width: 6.5rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid #d5dbdd; }
td.number, th.number { text-align: right; } code { overflow-wrap: anywhere; font-size: 0.88em; }
.open { color: #8a4b08; } small, figcaption { color: #4b575c; } figure { margin: 1rem 0; } svg { max-width: 100%; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } tr, figure, .statement { break-inside: avoid; }
h2 { break-after: avoid; } @page { margin: 18mm; } }
"""


def report_page(content: ReportContent) -> str:
    """The HTML file. Names may hold anything: they are escaped."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{TITLE}: {escape(content.study)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{TITLE}</h1><p>{escape(content.study)}</p>",
        *map(_html, report_blocks(content)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Callout(text):
            return f'<p class="statement">{escape(text)}</p>'
        case Bullets(lines):
            return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
        case Paragraph(text, is_small):
            marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
            return f"<p><small>{marked}</small></p>" if is_small else f"<p>{marked}</p>"
        case Table(heads, rows):
            head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in heads) + "</tr>" if heads else ""
            body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
            return f"<table>{head}{body}</table>"
        case Course():
            return f"<figure>{course_figure(block)}<figcaption>{escape(block.caption)}</figcaption></figure>"


def _cell(text: str) -> str:
    if not text.endswith(TO_FILL_IN):
        return escape(text)
    return f'{escape(text.removesuffix(TO_FILL_IN))}<span class="open">{TO_FILL_IN}</span>'


def course_figure(course: Course) -> str:
    """An SVG of the bound by verdicts, with the share asked for as a dashed line."""
    most, top, levels, numbers = course_ticks(course)

    def x(num: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - 12) * num / most, 1)

    def y(share: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * share / top, 1)

    points = " ".join(f"{x(num)},{y(share)}" for num, share in course.points)
    asked = y(course.asked)
    ticks = [
        f'<text x="{_LEFT - 6}" y="{y(level) + 4}" text-anchor="end">{text}</text>'
        f'<line x1="{_LEFT}" x2="{WIDTH - 12}" y1="{y(level)}" y2="{y(level)}" stroke="#d5dbdd"/>'
        for level, text in levels
    ]
    ticks += [
        f'<text x="{x(num)}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{text}</text>' for num, text in numbers
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" font-size="12" fill="#1d2427" '
        f'aria-label="{escape(course.axis)}, by verdicts">{"".join(ticks)}'
        f'<polyline points="{points}" fill="none" stroke="#1b6b75" stroke-width="2"/>'
        f'<line x1="{_LEFT}" x2="{WIDTH - 12}" y1="{asked}" y2="{asked}" stroke="#8a4b08" stroke-dasharray="5 4"/>'
        f'<text x="{WIDTH - 14}" y="{asked - 5}" text-anchor="end">asked for: {percent(course.asked)}</text>'
        f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">verdicts</text></svg>'
    )
