"""Files that are no tables, called what they are."""

from pathlib import Path

from overread.errors import SourceError
from overread.images.file_kinds import FileKind, kind_of

_AS_TABLE = "save the table as .xlsx or CSV"
_LABELS = "give the file that lists images and labels"
_FROM_PANDAS = "write it as CSV: pandas.read_pickle(...).to_csv(...)"
_OLD_EXCEL = FileKind("an old Excel workbook (.xls), or one with a password", _AS_TABLE)
_KINDS = (
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD_EXCEL),
    (0, b"\x89PNG\r\n\x1a\n", FileKind("an image (PNG)", _LABELS)),
    (0, b"\xff\xd8\xff", FileKind("an image (JPEG)", _LABELS)),
    (0, b"II*\0", FileKind("an image (TIFF)", _LABELS)),
    (0, b"MM\0*", FileKind("an image (TIFF)", _LABELS)),
    (128, b"DICM", FileKind("a DICOM file", _LABELS)),
    (0, b"\x80\x03", FileKind("a Python pickle", _FROM_PANDAS)),
    (0, b"\x80\x04", FileKind("a Python pickle", _FROM_PANDAS)),
    (0, b"\x80\x05", FileKind("a Python pickle", _FROM_PANDAS)),
    (0, b"$FL2", FileKind("an SPSS file (.sav)", _AS_TABLE)),
    (0, b"<stata_dta>", FileKind("a Stata file (.dta)", _AS_TABLE)),
    (0, b"RDX3\n", FileKind("an R file (.rda)", "write it as CSV with write.csv")),
)
"""Kinds that are images or tables, but not tables that are read: where they have their mark, and the mark."""
_XML = FileKind("XML", _AS_TABLE)


def other_kind(start: bytes) -> FileKind | None:
    """What the file is that begins with these bytes; None if it is none of the known kinds that are no tables."""
    is_xml = start.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<?xml")
    found = (kind for at, mark, kind in _KINDS if start[at : at + len(mark)] == mark)
    return next(found, None) or kind_of(start) or (_XML if is_xml else None)


def not_a_table(path: Path, start: bytes) -> SourceError:
    """The error for a file that begins with these bytes."""
    what, advice = other_kind(start) or ("not text", "give a CSV file, or a spreadsheet")
    return SourceError(f"{path}: this file is {what}; {advice}")
