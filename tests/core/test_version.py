import re
import subprocess
import sys
from importlib import metadata

import pytest

import overread
from overread import version
from overread.version import full_version
from tests.core.commands import run_command
from tests.paths import ROOT


def test_the_version_is_that_of_the_installed_package():
    try:
        installed = metadata.version("overread")
    except metadata.PackageNotFoundError:
        pytest.skip("Overread is not installed here")
    assert installed == overread.__version__


def test_in_a_clone_the_full_version_names_its_commit():
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("this is no clone")
    assert re.fullmatch(rf"{re.escape(overread.__version__)}\+g{git.stdout[:12]}(\.dirty)?", full_version())


def test_an_installed_package_names_the_commit_that_it_was_built_from(tmp_path, monkeypatch):
    (tmp_path / "commit.txt").write_text("0123456789ab\n")
    monkeypatch.setattr(version, "_PACKAGE", tmp_path)
    assert full_version.__wrapped__() == f"{overread.__version__}+g0123456789ab"


def test_where_nothing_tells_the_commit_the_version_stands_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "_PACKAGE", tmp_path / "overread" / "package")
    assert full_version.__wrapped__() == overread.__version__


def test_the_command_line_tells_it():
    ended = run_command("--version")
    assert (ended.status, ended.out) == (0, f"overread {full_version()}\n")


def test_importing_overread_imports_nothing_heavy():
    code = "import sys, overread; print([m for m in ('torch', 'numpy', 'pandas', 'typer') if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "[]\n"
