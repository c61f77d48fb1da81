"""The guide, which the Help page shows."""

import re

from overread_app.views import help as view
from tests.app.conftest import open_page, page_text
from tests.paths import APP


def test_the_guide_names_every_key_of_the_review_page():
    code = "".join(path.read_text(encoding="utf-8") for path in APP.rglob("*.py"))
    keys = set(re.findall(r'VerdictKind\.\w+,\s*"[^"]+",\s*"([A-Z])"', code)) | {"A", "X", "U"}
    rows = re.findall(r"^\| ([A-Z]) \|", view.guide_path().read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(keys) == 6
    assert keys <= set(rows)


def test_the_help_page_shows_the_guide(app):
    open_page(app, "help")
    assert "A change to the proposed label" in " ".join(page_text(app).replace("|", " ").split())
