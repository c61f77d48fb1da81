"""Files that are no tables, called what they are."""

from pathlib import Path

from overread.errors import SourceError

_AS_TABLE = "save the table as .xlsx or CSV"
_LABELS = "give the file that lists images and labels"
_KINDS = (
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls), or one with a password", _AS_TABLE),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5", _LABELS),
    (0, b"\x89PNG\r\n\x1a\n", "an image (PNG)", _LABELS),
    (0, b"\xff\xd8\xff", "an image (JPEG)", _LABELS),
    (0, b"II*\0", "an image (TIFF)", _LABELS),
    (0, b"MM\0*", "an image (TIFF)", _LABELS),
    (128, b"DICM", "a DICOM file", _LABELS),
    (344, b"n+1\0", "a volume (NIfTI)", _LABELS),
    (0, b"%PDF-", "a PDF", _AS_TABLE),
    (0, b"SQLite format 3\0", "an SQLite database", _AS_TABLE),
    (0, b"<!DOCTYPE html", "a web page (HTML), perhaps saved in place of a download", "download the table again"),
    (0, b"<!doctype html", "a web page (HTML), perhaps saved in place of a download", "download the table again"),
    (0, b"<html", "a web page (HTML), perhaps saved in place of a download", "download the table again"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"),
    (0, b"<?xml", "XML", _AS_TABLE),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", _LABELS),
    (0, b"\x80\x04", "a Python pickle", "write it as CSV with pandas: pd.read_pickle(...).to_csv(...)"),
    (0, b"\x80\x05", "a Python pickle", "write it as CSV with pandas: pd.read_pickle(...).to_csv(...)"),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file (.mat)", "write it as CSV with writetable"),
    (0, b"$FL2", "an SPSS file (.sav)", _AS_TABLE),
    (0, b"<stata_dta>", "a Stata file (.dta)", _AS_TABLE),
    (0, b"RDX3\n", "an R file (.rda)", "write it as CSV with write.csv"),
    (0, b"Rar!", "a RAR archive", "unpack it, and give the table"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it, and give the table"),
    (257, b"ustar", "a tar archive", "unpack it, and give the table"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it, and give the table"),
)
"""Where a kind has its mark, the mark, what to call it, and what to do."""


def kind_of_other(start: bytes) -> tuple[str, str] | None:
    """What the file is that begins with these bytes, and what to do; None if it is none of those that are known.

    A byte order mark and blanks before XML and HTML are passed over.
    """
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    found = ((what, mend) for at, mark, what, mend in _KINDS if mark in (start[at : at + len(mark)], text[: len(mark)]))
    return next(found, None)


def not_a_table(path: Path, start: bytes) -> SourceError:
    """The error for a file that begins with these bytes."""
    what, mend = kind_of_other(start) or ("not text", "give a CSV file, or a spreadsheet")
    return SourceError(f"{path}: this file is {what}; {mend}")
