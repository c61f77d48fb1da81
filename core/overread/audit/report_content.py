"""What the report on an audit says, as blocks that are written as HTML and as PDF alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from overread.audit.proposal_bounds import ProposalBounds
from overread.audit.reference_standard import AuditFacts, asked_items
from overread.audit.statement import Statement
from overread.audit.wording import least_percent, percent, shown_cut_offs

TITLE = "Audit of the labels"
TO_FILL_IN = "To be filled in by the authors."
"""How a cell ends that only the study's authors can complete."""
NOT_FOR_DIAGNOSIS = (
    "Not for diagnosis. The statement is about these labels, as verdicts by these readers found them; it rests on the "
    "random draw and the verdicts, not on the model being right."
)
DESIGN = (
    "The draw was made before the verdicts on it counted, and its order never changed. The most doubtful labels are "
    "read whole: those still unread count as wrong. The rest is read in a random order, without replacement. Its bound "
    "is the smaller of two that hold together, whenever one looks: a confidence sequence from the exact hypergeometric "
    "likelihood (Waudby-Smith and Ramdas 2020), and, where a number was planned, the exact bound of the first so many, "
    "of which those unread count as wrong. The model decides which labels are read whole and how narrow the "
    "bound is; it cannot make it false. Single labels are drawn, so that images of one patient that are wrong together "
    "do not matter. Verdicts on proposals count for those labels alone."
)
EDITIONS = (
    "CLAIM: items by their numbers in the update of 2024 (Tejani et al., Radiol Artif Intell 2024;6:e240300), in our "
    "words. The edition of 2020 numbers some otherwise: missing data 13, tools 17, sample size 19. CLEARR-AI (Elfer et "
    "al., Mod Pathol 2024;37:100439): topics of it, in our words and without its numbers. The table does not replace "
    "either checklist."
)
GROUPS = (
    " Groups whose labels stood out before the draw are strata of their own. What one decision on such a group changed "
    "unread is bounded by the group's own random sample; half of the error probability is set aside for that from the "
    "beginning, whether it is used or not."
)


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Callout:
    """The statement itself, in a frame."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text between backticks is a command."""

    text: str
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """heads: empty for a table of names and values. widths: of the columns, in proportion."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A chart of the bound by verdicts, with the share asked for as a dashed line."""

    points: tuple[tuple[int, float], ...]
    """Verdicts, and the bound as a share."""
    asked: float
    axis: str
    caption: str


Block = Heading | Callout | Bullets | Paragraph | Table | Course


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What the report says."""

    study: str
    statement: Statement
    proposals: ProposalBounds
    sentences: tuple[str, ...]
    """What is proved, in words: the first is what was asked."""
    design: tuple[tuple[str, str], ...]
    """Names and values."""
    course: Course
    readers: tuple[tuple[str, int, int], ...]
    """Name, images read, of them blind."""
    facts: AuditFacts
    versions: tuple[tuple[str, str], ...]
    drawn: str
    """When, in UTC, ISO 8601."""


def report_blocks(content: ReportContent) -> list[Block]:
    """In the order of reading."""
    first, *others = (f"{line[0].upper()}{line[1:]}." for line in content.sentences)
    readers = tuple((name, f"{read:,}", f"{blind:,}") for name, read, blind in content.readers)
    return [
        Callout(first),
        Bullets(tuple(others)),
        Paragraph(NOT_FOR_DIAGNOSIS, is_small=True),
        Heading("How it came about"),
        content.course,
        Heading("Design"),
        Table((), content.design, (3, 7)),
        Paragraph(DESIGN + GROUPS * any(tally.stratum.group for tally in content.statement.tallies)),
        Heading("Verdicts by stratum"),
        _strata(content.statement),
        Heading("Proposals"),
        *_proposals(content.proposals),
        Heading("Readers"),
        Table(("Reader", "Images read", "Blind first"), readers, (4, 3, 3)),
        Paragraph(content.facts.agreement or "No image was read by two readers."),
        Heading("What journals ask of a reference standard: CLAIM 2024 and topics of CLEARR-AI"),
        _items(content.facts),
        Paragraph(EDITIONS, is_small=True),
        Heading("Versions"),
        Table((), content.versions, (3, 7)),
        Paragraph(
            "The same files give the same report: `overread report STUDY --out FILE`. Whether the ledger is as it was: "
            "`overread verify STUDY`.",
            is_small=True,
        ),
    ]


def _strata(statement: Statement) -> Table:
    outcomes = sorted({name for tally in statement.tallies for name in tally.outcomes})
    is_changed = any(tally.num_changed for tally in statement.tallies)
    rows = tuple(
        (
            tally.stratum.name,
            f"{tally.stratum.size:,}",
            f"{tally.num_read:,}",
            *(f"{tally.outcomes.get(name, 0):,}" for name in outcomes),
            *((f"{tally.num_changed:,}",) if is_changed else ()),
        )
        for tally in statement.tallies
    )
    heads = ("Stratum", "Labels", "Read", *(name.capitalize() for name in outcomes))
    heads += ("Changed unread",) if is_changed else ()
    return Table(heads, rows, (4, *(2 for _ in heads[1:])))


def _proposals(bounds: ProposalBounds) -> Sequence[Block]:
    if not bounds.cut_offs:
        return [Paragraph("The run proposes no change.")]
    rows = tuple(
        (f"{cut:,}", f"{bounds.least_wrong[cut - 1]:,}", least_percent(bounds.least_wrong[cut - 1], cut))
        for cut in shown_cut_offs(bounds.cut_offs[-1])
    )
    note = "These hold for every cut-off at once, with the confidence of the statement above."
    return [
        Table(("Of the surest", "Wrong, at least", "Share"), rows, (4, 3, 3)),
        Paragraph(note, is_small=True),
    ]


def _items(facts: AuditFacts) -> Table:
    rows = []
    for item in asked_items(facts):
        missing = f"Not in the ledger: {item.missing}. {TO_FILL_IN}" if item.missing else ""
        rows.append((item.source, item.asked, f"{item.answer} {missing}".strip()))
    return Table(("Source", "Asked", "Answer"), tuple(rows), (2, 4, 4))


def course_ticks(course: Course) -> tuple[int, float, list[tuple[float, str]], list[tuple[float, str]]]:
    """The ends of a chart's two axes (verdicts, share), and their ticks: share and text, verdicts and text."""
    most = max((num for num, _ in course.points), default=0) or 1
    top = max([course.asked, *(share for _, share in course.points)]) or 1.0
    levels = [(top * part, percent(top * part)) for part in (0, 0.25, 0.5, 0.75, 1)]
    numbers = [(most * part, f"{round(most * part):,}") for part in (0, 0.5, 1)]
    return most, top, levels, numbers
