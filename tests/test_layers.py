"""The ladder of core/docs/design.md, read from the imports, and two promises that only running keeps."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.app.made_study import write_study
from tests.core.commands import TINY, import_source
from tests.paths import APP, ENTRY, ROOT

LADDER = (
    (
        *("version", "home", "records", "phases", "errors", "files", "spreadsheets", "metrics", "verified_labels"),
        *("setting_checks", "network_settings", "detection_settings", "proposal_settings", "config", "setting_list"),
        "known_encoders",
        "progress_words",
    ),
    ("images",),
    ("sources", "review", "detection"),
    ("models", "studies", "audit"),
    ("training",),
    ("proposals", "checks"),
    ("pipeline",),
    ("demo", "benchmark"),
    ("api",),
    ("cli", "__main__"),
    ("",),
    ("app",),
)
"""Parts of `overread` from the lowest level to the highest: modules, or packages with all that is in them; then the
names that it makes public, and `overread_app`."""
LEVELS = {part: level for level, parts in enumerate(LADDER) for part in parts}
SIDEWAYS = {
    ("benchmark", "demo"),
    ("__main__", "cli"),
    *((part, other) for part in LADDER[0] for other in LADDER[0]),
}
"""Imports within a level that are allowed."""
HEAVY = {
    "torch": ("models", "training", "pipeline", "benchmark", "proposals"),
    "torchvision": ("models",),
    "timm": ("models",),
    "transformers": ("models",),
    "onnxruntime": ("models",),
    "openvino": ("models",),
    "faiss": ("detection",),
    "pydicom": ("images", "sources", "demo"),
    "fsspec": ("images",),
    "aiohttp": ("images",),
    "botocore": ("images",),
    "sqlalchemy": ("review",),
    "alembic": ("review",),
    "plotly": ("app",),
    "streamlit": ("app",),
    "typer": ("cli",),
}
"""Packages, and the parts that may import them."""


@dataclass(frozen=True)
class Import:
    """One import of a module by another."""

    importer: str
    imported: str
    line: int
    is_lazy: bool
    """Inside a function: done when that is called."""

    def __str__(self) -> str:
        return f"{self.importer} line {self.line} imports {self.imported}"


def module_files():
    files = {}
    for root in (ROOT / "core", ROOT / "app"):
        for path in sorted(root.glob("overread*/**/*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


FILES = module_files()


def part_of(module):
    """The part of the ladder that a module belongs to; None for one that stands on no step."""
    floor, *inside = module.split(".")
    if floor == "overread_app":
        return "app"
    part = inside[0] if inside else ""
    return part if part in LEVELS else None


def imports_of(module):
    """Every import in a module's file but those for type checkers."""
    found = []

    def visit(node, is_lazy):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend(Import(module, alias.name, node.lineno, is_lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} line {node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append(Import(module, inner if inner in FILES else node.module, node.lineno, is_lazy))
        inside = is_lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr):  # none of which holds a statement
                visit(child, inside)

    visit(ast.parse(FILES[module].read_text(encoding="utf-8")), False)
    return found


IMPORTS = [found for module in FILES for found in imports_of(module)]
OWN = [found for found in IMPORTS if found.imported.split(".")[0] in ("overread", "overread_app")]


def reached_from(module, *, with_lazy):
    """All of our modules that importing one leads to, itself among them."""
    reached, waiting = set(), [module]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += [i.imported for i in OWN if i.importer == current and (with_lazy or not i.is_lazy)]
    return reached


def test_every_module_stands_on_the_ladder():
    assert [module for module in FILES if part_of(module) is None] == []


def test_every_import_of_ours_is_of_a_module_that_is_there():
    assert [str(found) for found in OWN if found.imported not in FILES] == []


def test_imports_go_down_the_ladder():
    assert len(OWN) > 100  # or nothing was read
    wrong = []
    for found in OWN:
        importer, imported = part_of(found.importer), part_of(found.imported)
        goes_down = LEVELS[imported] < LEVELS[importer]
        if importer != imported and not goes_down and (importer, imported) not in SIDEWAYS:
            wrong.append(str(found))
    assert wrong == []


def test_only_the_pipeline_joins_review_with_training():
    wrong = []
    for module in FILES:
        if LEVELS.get(part_of(module), 0) < LEVELS["pipeline"]:
            parts = {part_of(reached) for reached in reached_from(module, with_lazy=True)}
            if {"review", "training"} <= parts:
                wrong.append(module)
    joining = {
        part
        for part in LEVELS
        if {"review", "training"} <= {part_of(found.imported) for found in OWN if part_of(found.importer) == part}
    }
    assert wrong == []
    assert joining <= {"pipeline", "cli", "benchmark"}


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_are_imported_only_where_they_are_used(package):
    wrong = [
        str(found)
        for found in IMPORTS
        if found.imported.split(".")[0] == package and part_of(found.importer) not in HEAVY[package]
    ]
    assert wrong == []


def test_libraries_of_encoders_are_imported_only_where_one_is_opened():
    libraries = ("onnxruntime", "timm", "torchvision", "transformers")
    found = [i for i in IMPORTS if i.imported.split(".")[0] in libraries]
    assert {i.imported.split(".")[0] for i in found} == set(libraries)
    assert [str(i) for i in found if not i.is_lazy] == []


def test_a_training_imports_torch_only_where_it_begins_and_the_review_only_where_it_goes_on_from_one():
    names = ("torch", "overread.models", "overread.training", "overread.review")
    reached = reached_from("overread.pipeline.train_study", with_lazy=False)
    assert "overread.pipeline.scoring" in reached
    assert [str(i) for i in IMPORTS if i.importer in reached and not i.is_lazy and i.imported.startswith(names)] == []


def test_a_command_imports_what_it_needs_inside_itself():
    named = {i.imported for i in OWN if part_of(i.importer) == "cli" and not i.is_lazy}
    assert {module for module in named if part_of(module) != "cli"} == {"overread.errors"}


def test_no_page_leads_to_torch():
    """Nor does any function of app; those of the pipeline that train import it themselves, and no page calls them."""
    named = {found.imported for found in OWN if part_of(found.importer) == "app"}
    reached = set().union(*(reached_from(module, with_lazy=False) for module in named))
    assert [str(i) for i in IMPORTS if i.importer in reached and i.imported == "torch" and not i.is_lazy] == []


def test_init_files_are_empty_but_that_of_the_public_names():
    files = [path for module, path in FILES.items() if path.name == "__init__.py" and module != "overread"]
    assert [str(path) for path in files if path.read_text(encoding="utf-8").strip()] == []


def run_python(code, *arguments):
    """Run code in a process of its own; what it prints."""
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


WITHOUT_TORCH = """
import importlib, json, sys
sys.modules["torch"] = None  # an import of it, or of what needs it, fails here and names the line
for name in sys.argv[1:]:
    importlib.import_module(name)
del sys.modules["torch"]
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision"))))
"""
PAGES = """
import sys
from streamlit.testing.v1 import AppTest
entry, *pages = sys.argv[1:]
app = AppTest.from_file(entry, default_timeout=60)
app.session_state["session_reader"] = "Dr. Doe"
for page in pages:
    app.switch_page(page).run()
    assert not app.exception and not app.error, (page, app.exception, app.error)
    assert "torch" not in sys.modules, page
"""


def test_the_floors_that_do_without_torch_import_without_it():
    with_torch = ("models", "training", "benchmark")
    # A page's file and the entry draw when they are imported, and __main__ starts: those are run below.
    runs_at_import = (
        "overread.__main__",
        "overread_app.__main__",
        "overread_app.streamlit_app",
        "overread.review.migrations.env",
    )
    modules = [
        module
        for module in FILES
        if part_of(module) not in with_torch
        and module not in runs_at_import
        and not module.startswith("overread_app.views.")
    ]
    assert len(modules) > 40
    assert json.loads(run_python(WITHOUT_TORCH, *modules)) == []


def test_every_page_runs_without_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_STUDIES", json.dumps([str(write_study(tmp_path).path)]))
    pages = sorted(path.relative_to(APP) for path in (APP / "views").glob("[!_]*.py"))
    assert len(pages) >= 5
    run_python(PAGES, ENTRY, *pages)


TRAINING = """
import importlib, pkgutil, sys
for name in ("pydicom", "pylibjpeg", "sqlalchemy", "alembic", "plotly", "streamlit", "faiss", "fsspec"):
    sys.modules[name] = None
import overread.models, overread.training
for package in (overread.models, overread.training):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
from overread.studies.study import open_study
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
run = train_study(open_study(sys.argv[1]), TrainRequest(assignments=tuple(sys.argv[2:])))
assert len(run.scores()) == int(run.config()["num_samples"])
"""


@pytest.mark.slow
def test_training_from_a_full_pixel_cache_needs_neither_readers_nor_database_nor_pages(tmp_path):
    study = import_source(tmp_path)
    run_python(TRAINING, study.path, *TINY[1::2])
