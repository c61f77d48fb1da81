import re

from tests.paths import ROOT


def test_the_file_tree_names_every_module():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## The files")[1]
    named = set(re.findall(r"\w+\.py", tree))
    there = {
        path.name
        for floor in ("app", "core")
        for path in (ROOT / floor).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py") and "migrations" not in path.parts
    }
    assert named == there


def test_the_first_commands_are_the_two_that_do_everything():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(.*?)\n```", readme, flags=re.MULTILINE | re.DOTALL)
    assert commands[:2] == [
        "pip install -r requirements.txt && python -m app",
        "pip install -r requirements.txt && python -m pytest",
    ]
