"""The report on an audit as one HTML file that needs nothing else, and that prints well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from overread.audit.proposal_bounds import ProposalBounds
from overread.audit.reference_standard import AuditFacts, asked_items
from overread.audit.statement import Statement
from overread.audit.wording import least_percent, percent, shown_cut_offs

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


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What the report says."""

    study: str
    statement: Statement
    proposals: ProposalBounds
    sentences: tuple[str, ...]
    """What is proved, in words: the first is the statement itself."""
    design: tuple[tuple[str, str], ...]
    """Names and values."""
    course: tuple[tuple[int, float], ...]
    """Verdicts, and the share still wrong at most."""
    max_wrong: float
    readers: tuple[tuple[str, int, int], ...]
    """Name, images read, of them blind."""
    facts: AuditFacts
    versions: tuple[tuple[str, str], ...]


def report_page(content: ReportContent) -> str:
    """The HTML file. Names may hold anything: they are escaped."""
    first, *others = content.sentences
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>Audit of the labels: {escape(content.study)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>Audit of the labels</h1><p>{escape(content.study)}</p>",
        f'<p class="statement">{_sentence(first)}</p>',
        "<ul>" + "".join(f"<li>{_sentence(line)}</li>" for line in others) + "</ul>",
        "<p><small>Not for diagnosis. The statement is about these labels, as verdicts by these readers found them; it "
        "rests on the random draw and the verdicts, not on the model being right.</small></p>",
        "<h2>How it came about</h2>",
        f"<figure>{bound_figure(content.course, content.max_wrong)}<figcaption>Labels still wrong at most, by the "
        "number of verdicts. It holds at every point of the line: reading may stop at any.</figcaption></figure>",
        "<h2>Design</h2>",
        _table(("", ""), content.design),
        "<p>The draw was made before the verdicts on it counted, and its order never changed. The most doubtful labels "
        "are read whole: those still unread count as wrong. The rest is read in a random order, without replacement; "
        "its bound is a confidence sequence from the exact hypergeometric likelihood (Waudby-Smith and Ramdas 2020), "
        "valid for samples of any size and whenever one looks. The model decides which labels are read whole and how "
        "narrow the bound is; it cannot make it false. Single labels are drawn, so that images of one patient that "
        "are wrong together do not matter. Verdicts on proposals count for those labels alone.</p>",
        "<h2>Verdicts by stratum</h2>",
        _strata_table(content.statement),
        "<h2>Proposals</h2>",
        _proposal_table(content.proposals),
        "<h2>Readers</h2>",
        _table(("Reader", "Images read", "Blind first"), [(a, f"{b:,}", f"{c:,}") for a, b, c in content.readers]),
        f"<p>{escape(content.facts.agreement or 'No image was read by two readers.')}</p>",
        "<h2>What journals ask of a reference standard</h2>",
        "<table><tr><th>Source</th><th>Asked</th><th>Answer</th></tr>",
        "".join(
            f"<tr><td>{item.source}</td><td>{escape(item.asked)}</td><td>{escape(item.answer)}"
            + (
                ""
                if item.answer and "Readers:" not in item.answer
                else ' <span class="open">To be filled in by the authors.</span>'
            )
            + "</td></tr>"
            for item in asked_items(content.facts)
        ),
        "</table>",
        "<h2>Versions</h2>",
        _table(("", ""), content.versions),
        "<p><small>The same files give the same report: <code>overread report STUDY --out FILE</code>. Whether the "
        "ledger is as it was: <code>overread verify STUDY</code>.</small></p>",
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def bound_figure(course: Sequence[tuple[int, float]], max_wrong: float) -> str:
    """An SVG of the bound by verdicts, with the share asked for as a dashed line."""
    most = max((num for num, _ in course), default=0) or 1
    top = max([max_wrong, *(share for _, share in course)]) or 1.0

    def x(num: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - 12) * num / most, 1)

    def y(share: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * share / top, 1)

    points = " ".join(f"{x(num)},{y(share)}" for num, share in course)
    ticks = [
        f'<text x="{_LEFT - 6}" y="{y(top * part) + 4}" text-anchor="end">{percent(top * part)}</text>'
        f'<line x1="{_LEFT}" x2="{WIDTH - 12}" y1="{y(top * part)}" y2="{y(top * part)}" stroke="#d5dbdd"/>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    ]
    ticks += [
        f'<text x="{x(most * part)}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{round(most * part):,}</text>'
        for part in (0, 0.5, 1)
    ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" font-size="12" fill="#1d2427" '
        f'aria-label="Labels still wrong at most, by verdicts">{"".join(ticks)}'
        f'<polyline points="{points}" fill="none" stroke="#1b6b75" stroke-width="2"/>'
        f'<line x1="{_LEFT}" x2="{WIDTH - 12}" y1="{y(max_wrong)}" y2="{y(max_wrong)}" stroke="#8a4b08" '
        f'stroke-dasharray="5 4"/><text x="{WIDTH - 14}" y="{y(max_wrong) - 5}" text-anchor="end">asked for: '
        f'{percent(max_wrong)}</text><text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">verdicts'
        "</text></svg>"
    )


def _strata_table(statement: Statement) -> str:
    outcomes = sorted({name for tally in statement.tallies for name in tally.outcomes})
    rows = [
        (
            tally.stratum.name,
            f"{tally.stratum.size:,}",
            f"{tally.num_read:,}",
            *(f"{tally.outcomes.get(name, 0):,}" for name in outcomes),
        )
        for tally in statement.tallies
    ]
    return _table(("Stratum", "Labels", "Read", *(name.capitalize() for name in outcomes)), rows)


def _proposal_table(bounds: ProposalBounds) -> str:
    if not bounds.cut_offs:
        return "<p>The run proposes no change.</p>"
    rows = [
        (f"{cut:,}", f"{bounds.least_wrong[cut - 1]:,}", least_percent(bounds.least_wrong[cut - 1], cut))
        for cut in shown_cut_offs(bounds.cut_offs[-1])
    ]
    return _table(("Of the surest", "Wrong, at least", "Share"), rows) + (
        "<p><small>These hold for every cut-off at once, with the confidence of the statement above.</small></p>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads) if any(heads) else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _sentence(text: str) -> str:
    return escape(f"{text[0].upper()}{text[1:]}.")
