"""The report on an audit as a PDF, by fpdf2, in Roboto, of which it holds the letters that it needs."""

import unicodedata
from datetime import datetime

from font_roboto import font_files
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

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

INK, MUTED, LINE, ACCENT, OPEN, TINT = (
    (29, 36, 39),
    (75, 87, 92),
    (213, 219, 221),
    (27, 107, 117),
    (138, 75, 8),
    (239, 245, 246),
)
FONT = "Roboto"
NOT_WRITTEN = (
    "Letters that this file's font lacks are written as their numbers in Unicode, such as [U+4E2D]. The HTML report "
    "has them."
)
SIDE_MM, TOP_MM, BOTTOM_MM = 22, 22, 20
TEXT_PT, SMALL_PT, TABLE_PT = 10, 8.5, 9
LEADING_MM = 4.9
CHART_MM = 56
_KEPT_MM = 34
"""So much space a heading needs beneath it, or it goes to the next page."""


def report_pdf(content: ReportContent) -> bytes:
    """The PDF's bytes; the same content gives the same ones.

    Its font holds Latin, Greek and Cyrillic letters. Others are written as codes, [U+4E2D], and the report says so."""
    page = _Report(content)
    page.add_page()
    page.title_block()
    for block in report_blocks(content):
        page.write_block(block)
    if page.has_lacked:
        page.write_block(Paragraph(NOT_WRITTEN, is_small=True))
    return bytes(page.output())


class _Report(FPDF):
    def __init__(self, content: ReportContent) -> None:
        super().__init__(format="A4")
        self.content = content
        self.has_lacked = False
        """Whether the font lacked a letter, and a code was written."""
        self.add_font(FONT, "", font_files["Roboto"])
        self.add_font(FONT, "B", font_files["RobotoBold"])
        self.set_margins(SIDE_MM, TOP_MM)
        self.set_auto_page_break(True, BOTTOM_MM)
        self.set_creation_date(datetime.fromisoformat(content.drawn))
        self.set_title(f"{TITLE}: {content.study}")
        self.set_creator("Overread")
        self.set_lang("en")

    def header(self) -> None:
        if self.page_no() == 1:
            return
        self._style(SMALL_PT, MUTED)
        self.set_y(11)
        self.cell(0, 5, self._text(f"{TITLE} · {self.content.study}"))
        self.set_draw_color(LINE)
        self.line(SIDE_MM, 17, self.w - SIDE_MM, 17)
        self.set_y(TOP_MM)

    def footer(self) -> None:
        self.set_y(-14)
        self._style(SMALL_PT, MUTED)
        self.cell(0, 5, self._text(f"Page {self.page_no()} of {{nb}}  ·  Not for diagnosis"))

    def title_block(self) -> None:
        """The title, the study and what it is about."""
        self._style(22, INK, "B")
        self.cell(0, 10, TITLE, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._style(12, MUTED)
        self.multi_cell(0, 6, self._text(self.content.study), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(5)

    def write_block(self, block: Block) -> None:
        match block:
            case Heading(text):
                self._heading(text)
            case Callout(text):
                self._callout(text)
            case Bullets(lines):
                for line in lines:
                    self._bullet(line)
                self.ln(2)
            case Paragraph(text, is_small):
                self._style(SMALL_PT if is_small else TEXT_PT, MUTED if is_small else INK)
                self._lines(text.replace("`", ""), 4.1 if is_small else LEADING_MM)
                self.ln(1.5)
            case Table():
                self._table(block)
            case Course():
                self._course(block)

    def _text(self, text: str) -> str:
        """As the font can write it."""
        has_letter = self.fonts[FONT.lower()].cmap  # type: ignore[union-attr]
        written = []
        for letter in unicodedata.normalize("NFC", text):
            is_known = ord(letter) in has_letter or letter == "\n"
            self.has_lacked |= not is_known
            written.append(letter if is_known else f"[U+{ord(letter):04X}]")
        return "".join(written)

    def _style(self, size_pt: float, colour: tuple[int, int, int], emphasis: str = "") -> None:
        self.set_font(FONT, emphasis, size_pt)
        self.set_text_color(colour)

    def _lines(self, text: str, height_mm: float, width_mm: float = 0) -> None:
        self.multi_cell(width_mm, height_mm, self._text(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _heading(self, text: str) -> None:
        if self.will_page_break(_KEPT_MM):
            self.add_page()
        else:
            self.ln(5)
        self._style(13, INK, "B")
        self._lines(text, 7)
        self.ln(1)

    def _callout(self, text: str) -> None:
        pad = 5
        self._style(13, INK, "B")
        lines = self.multi_cell(
            self.epw - 2 * pad - 2, 6.6, self._text(text), align="L", dry_run=True, output=MethodReturnValue.LINES
        )
        height = 6.6 * len(lines)  # type: ignore[arg-type]
        top = self.get_y()
        self.set_fill_color(TINT)
        self.rect(SIDE_MM, top, self.epw, height + 2 * pad, style="F")
        self.set_fill_color(ACCENT)
        self.rect(SIDE_MM, top, 1.6, height + 2 * pad, style="F")
        self.set_xy(SIDE_MM + pad + 1.6, top + pad)
        self._lines(text, 6.6, self.epw - 2 * pad - 2)
        self.set_y(top + height + 2 * pad + 4)

    def _bullet(self, text: str) -> None:
        self._style(TEXT_PT, INK)
        if self.will_page_break(2 * LEADING_MM):
            self.add_page()
        self.set_fill_color(ACCENT)
        self.ellipse(SIDE_MM + 1, self.get_y() + LEADING_MM / 2 - 0.6, 1.2, 1.2, style="F")
        self.set_x(SIDE_MM + 5)
        self._lines(text, LEADING_MM, self.epw - 5)
        self.ln(0.8)

    def _table(self, block: Table) -> None:
        self._style(TABLE_PT, INK)
        self.set_draw_color(LINE)
        self.set_fill_color(255)
        self.set_line_width(0.2)
        head, name = FontFace(emphasis="B", color=MUTED), FontFace(color=MUTED)
        columns = list(zip(*block.rows, strict=True)) if block.heads else []
        with self.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=block.widths,
            first_row_as_headings=bool(block.heads),
            headings_style=head,
            line_height=4.4,
            padding=(1.2, 1, 1.2, 1),
            text_align=tuple(
                "RIGHT" if place and all(map(_is_number, column)) else "LEFT" for place, column in enumerate(columns)
            )
            or "LEFT",
            v_align="T",
        ) as table:
            for cells in (*((block.heads,) if block.heads else ()), *block.rows):
                row = table.row()
                for place, cell in enumerate(cells):
                    is_open = cell.endswith(TO_FILL_IN)
                    is_name = not block.heads and place == 0
                    row.cell(self._text(cell), style=FontFace(color=OPEN) if is_open else name if is_name else None)
        self.ln(2)

    def _course(self, course: Course) -> None:
        most, top, levels, numbers = course_ticks(course)
        left, right = SIDE_MM + 14, self.w - SIDE_MM - 2
        if self.will_page_break(CHART_MM + 14):
            self.add_page()
        upper = self.get_y() + 3
        lower = upper + CHART_MM - 14

        def x(num: float) -> float:
            return left + (right - left) * num / most

        def y(share: float) -> float:
            return lower - (lower - upper) * share / top

        self._style(SMALL_PT, MUTED)
        self.set_line_width(0.2)
        for level, text in levels:
            self.set_draw_color(LINE)
            self.line(left, y(level), right, y(level))
            self.set_xy(SIDE_MM, y(level) - 2)
            self.cell(12, 4, text, align="R")
        for num, text in numbers:
            self.set_xy(min(x(num) - 10, right - 18), lower + 1)
            self.cell(20, 4, text, align="R" if num == most else "C")
        self.set_xy(left, lower + 5)
        self.cell(right - left, 4, "verdicts", align="C")
        self.set_draw_color(OPEN)
        self.set_line_width(0.35)
        self.set_dash_pattern(dash=1.6, gap=1.3)
        self.line(left, y(course.asked), right, y(course.asked))
        self.set_dash_pattern()
        self._style(SMALL_PT, OPEN)
        self.set_xy(right - 50, y(course.asked) - 4.6)
        self.cell(50, 4, f"asked for: {percent(course.asked)}", align="R")
        self.set_draw_color(ACCENT)
        self.set_line_width(0.6)
        if len(course.points) > 1:
            self.polyline([(x(num), y(share)) for num, share in course.points])
        self.set_line_width(0.2)
        self.set_y(lower + 11)
        self._style(SMALL_PT, MUTED)
        self._lines(course.caption, 4.1)
        self.ln(1)


def _is_number(cell: str) -> bool:
    return cell.removesuffix(" %").replace(",", "").replace(".", "").isdigit()
