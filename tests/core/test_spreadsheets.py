"""Against OWASP's list of what begins a formula, and against what LibreOffice makes of the files where it is there."""

import re
import shutil
import subprocess
import unicodedata
import zipfile
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.review.cleaned_csv import write_csv
from overread.spreadsheets import harmless_cell

OWASP = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What no cell may begin with (OWASP, "CSV Injection")."""
SEPARATORS = (",", ";", "\t", "|", "\n", "\r", "\r\n")
PAYLOADS = ("=1+1", "+1+1", "-1+1", "@SUM(1,1)", "＝1+1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0", "|cmd")
HIDDEN = ("", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", "\x00", "\x1b", '"', "'", " \u200d \u3000")
ATTACKS = [f"{hidden}{payload}" for payload in PAYLOADS for hidden in HIDDEN]
ATTACKS += [f"a{separator}{hidden}=1+1" for separator in SEPARATORS for hidden in HIDDEN]
ATTACKS += ['a;"=1+1', "a;'=1+1", "-1;=1+1", "=1+1;-1", "a;\n;=1+1", "\t=1+1", "\t1", "\r", "\n"]
HARMLESS = (
    "",
    "-1",
    "+1",
    "-0.5",
    "+1e-05",
    " -1",
    "007",
    "scan-1.png",
    "2026-01-02T03:04:05+00:00",
    "a@b.c",
    "a, b; c",
)
HARMLESS += ("it's", "'quoted'", "x = 1", "\ufeffx", "two\nlines", "T1/T2", "病理")


def cells_seen(cell, separator):
    """What a program that splits at that separator may take for cells; it may drop what cannot be seen, and quotes."""
    for part in (cell, *re.split(f"{re.escape(separator)}|[\r\n]", cell)):
        yield part
        yield "".join(c for c in part if c != '"' and unicodedata.category(c) not in ("Cc", "Cf", "Zs", "Zl", "Zp"))


def begins(part):
    return part.startswith(OWASP) and not re.fullmatch(r"[+-][0-9]+", part)


@pytest.mark.parametrize("separator", SEPARATORS)
def test_no_cell_begins_as_a_formula_whatever_the_file_is_opened_with(separator):
    found = {cell: [part for part in cells_seen(harmless_cell(cell), separator) if begins(part)] for cell in ATTACKS}
    assert {cell: parts for cell, parts in found.items() if parts} == {}


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_text_stay_as_they_are(cell):
    assert harmless_cell(cell) == cell


@given(st.text(alphabet=st.sampled_from(list("=+-@|＝'\"1a;,\t\n\r \u00a0\u200b")), max_size=12))
def test_taking_one_apostrophe_away_at_each_place_gives_the_cell_back(cell):
    """So no two cells become the same; the places are found here without any of the module's expressions."""
    written = harmless_cell(cell)
    restored = []
    for place, character in enumerate(written):
        begins = place == 0 or written[place - 1] in ";,|\t\n\r"
        rest = written[place:].lstrip("'\"\t\n\r \u00a0\u200b")
        is_before_line = place == 0 and written.lstrip("'")[:1] in ("\t", "\r", "\n")
        if not (begins and character == "'" and (rest[:1] in tuple("=+-@|＝") or is_before_line)):
            restored.append(character)
    assert "".join(restored) == cell


def test_every_character_without_a_width_of_its_own_is_looked_through():
    kinds = ("Cc", "Cf", "Zs", "Zl", "Zp")
    hidden = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) in kinds]
    assert len(hidden) > 100
    assert [f"U+{ord(c):04X}" for c in hidden if not harmless_cell(f"{c}=1").startswith("'")] == []


FORMULA = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}formula"
CELL = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-cell"


def formulas_in(path, folder, separator):
    """The formulas that LibreOffice makes of a CSV when it is opened with that separator, and how many cells it has."""
    # Tokens: separators, quote, UTF-8, first line, no column formats, language, no quoting as text, detect numbers.
    options = f"CSV:{separator},34,76,1,,0,false,true"
    home = f"-env:UserInstallation=file://{folder}/home"
    command = ["soffice", home, "--headless", f"--infilter={options}", "--convert-to", "ods", "--outdir", folder, path]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    with zipfile.ZipFile(folder / f"{path.stem}.ods") as archive:
        cells = list(ElementTree.fromstring(archive.read("content.xml")).iter(CELL))
    return [cell.get(FORMULA) for cell in cells if cell.get(FORMULA)], len(cells)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not on this machine")
@pytest.mark.parametrize("separators", ["44", "59", "9", "59/44/9"], ids=["comma", "semicolon", "tab", "all three"])
def test_libreoffice_finds_a_formula_in_the_plain_cells_and_none_in_the_written_ones(tmp_path, separators):
    cells = [cell for cell in ATTACKS if "\x00" not in cell and "\x1b" not in cell]  # XML cannot hold these
    plain, written = tmp_path / "plain.csv", tmp_path / "written.csv"
    table = pd.DataFrame([["x.png", cell] for cell in cells], columns=["image", "p_;=1+1"], dtype=str)
    write_csv(table, plain, own_columns=())
    write_csv(table, written, own_columns=tuple(table.columns))
    found, _ = formulas_in(plain, tmp_path, separators)
    assert len(found) > 0
    found, num_cells = formulas_in(written, tmp_path, separators)
    assert (found, num_cells > len(cells)) == ([], True)
