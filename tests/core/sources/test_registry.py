import ast
import re

import pytest

from overread.sources.registry import FORMATS, by_precedence, format_names
from overread.sources.request import COLUMN_KINDS
from tests.paths import ROOT

READERS = ("core/overread/sources", "core/overread/studies", "app/overread_app/components")


def test_names_titles_and_precedence_are_each_format_s_own():
    for field in ("name", "title", "precedence"):
        assert len({getattr(format, field) for format in FORMATS}) == len(FORMATS)


def test_the_more_particular_format_is_asked_first():
    names = [format.name for format in by_precedence()]
    for particular, general in (("kermany", "folder"), ("dicom", "csv"), ("csv", "folder"), ("chaoyang", "csv")):
        assert names.index(particular) < names.index(general)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_a_format_declares_columns_and_options_that_a_request_has(format):
    options = {"labels", "given_label", "key", "label_tag", "label_folder", "patient_folder"}
    fields = {*options, *(f"{kind}_column" for kind in COLUMN_KINDS[:-1])}
    assert set(format.columns) <= set(COLUMN_KINDS)
    assert {option.field for option in format.options} <= fields
    titles = [place.title for place in format.label_places]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", [format.name for format in FORMATS])
def test_a_format_is_named_in_its_own_module_alone(name):
    """What reads a source, makes a study of it or asks for it takes a format's traits from the registry."""
    naming = set()
    for folder in READERS:
        for path in (ROOT / folder).rglob("*.py"):
            strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            if name in strings:
                naming.add(path)
    naming -= {ROOT / "core/overread/sources/arrays/medmnist_release.py"}  # which reads a package of this name
    assert len({path.parent if name == "dicom" else path for path in naming}) == 1, sorted(naming)


def test_every_format_has_a_section_and_a_row_in_the_documentation():
    page = (ROOT / "core" / "docs" / "formats.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## .*\(`(.+)`\)$", page, flags=re.MULTILINE)
    rows = re.findall(r"^\| \[`(.+?)`\]\(#(.+)\) \|", page, flags=re.MULTILINE)
    assert sections == [name for name, _ in rows] == format_names()
    headings = [
        re.sub(r"[^\w -]", "", line[3:].lower()).replace(" ", "-") for line in page.splitlines() if line[:3] == "## "
    ]
    assert [anchor for _, anchor in rows] == headings
