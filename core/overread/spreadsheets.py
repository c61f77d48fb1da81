"""Turns cells that a spreadsheet would run as a formula into text."""

import re

_SEPARATORS = r"\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029,;|"
"""What may end a cell: a file with commas is opened with semicolons or tabs where those are the custom, and then what
stands behind one inside a cell is a cell of its own."""
_IGNORED = (
    r"\s\"'\x00-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""What a program may drop before it looks at a cell: blanks, controls, characters without width, quotes."""
_STARTS = r"=+\-@|\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20\uff5c"
"""= + - @ and |, and their full-width and small forms, which some programs take for them."""
_FORMULA = re.compile(rf"(?:\A|(?<=[{_SEPARATORS}]))(?=[{_IGNORED}]*[{_STARTS}])|\A(?='*[\t\r\n])")
_NUMBER = re.compile(r" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")


def harmless_cell(cell: str) -> str:
    """The cell with an apostrophe wherever a spreadsheet would see the beginning of a formula; most stay as they are.

    That is at the beginning of the cell and after each , ; | tab or end of line in it, where = + - @ or | comes next,
    after any blanks, characters without width, quotes and apostrophes; and before a tab or an end of line at the
    beginning. A cell that is a number, such as -1 or +1, stays. Apostrophes of the cell's own are kept and get another
    one, so no two cells become the same: taking one apostrophe away at each of those places gives the cell back.
    Source: OWASP, "CSV Injection".
    """
    return cell if _NUMBER.fullmatch(cell) else _FORMULA.sub("'", cell)
