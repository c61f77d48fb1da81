import re
import runpy

from tests.paths import ROOT


def test_the_pages_made_from_the_code_are_as_it_makes_them():
    pages = runpy.run_path(str(ROOT / "core" / "docs" / "make_pages.py"))["PAGES"]
    old = [name for name, make in pages.items() if (ROOT / "core" / "docs" / name).read_text("utf-8") != make()]
    assert old == [], "run: python core/docs/make_pages.py"


def test_the_first_commands_are_the_two_that_do_everything():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(.*?)\n```", readme, flags=re.MULTILINE | re.DOTALL)
    assert commands[:2] == [
        "pip install -r requirements.txt && python -m app",
        "pip install -r requirements.txt -r requirements-dev.txt && python -m pytest",
    ]
