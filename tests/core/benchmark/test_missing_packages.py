"""A machine for training has torch, and little else: studies are made and trained there, and the benchmarks run."""

import subprocess
import sys

import pytest
from PIL import Image

from overread.config import PRESETS
from overread.studies.run import open_run
from overread.studies.study import open_study
from tests.core.commands import TINY

BLOCKED = ("streamlit", "pydicom", "sqlalchemy", "alembic", "plotly", "faiss", "fsspec", "cleanlab", "openvino")
BLOCKING = f"""
import sys
for name in {BLOCKED}:
    sys.modules[name] = None  # an import of it fails and names the line
from overread.cli.main import main
"""
BENCHMARK = """
import importlib, pkgutil
import overread.benchmark, overread.training, overread.models
for package in (overread.benchmark, overread.training, overread.models):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "overread.benchmark.saving":  # measures the database itself
            importlib.import_module(module.name)
"""


def run(*arguments, before=""):
    code = f"{BLOCKING}{before}main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_the_benchmarks_run_without_pages_database_and_readers(tmp_path):
    table = ("--budget", "smoke", "--seeds", 1, "--methods", "cross_entropy", "--noise", "idn20", "--device", "cpu")
    run("bench", "table2", *table, "--out", tmp_path, before=BENCHMARK)
    assert "| Cross-entropy | SimCLR |" in (tmp_path / "accuracy.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_a_folder_is_imported_and_trained_without_pages_database_and_readers(tmp_path, preset):
    for place in range(48):
        path = tmp_path / "images" / ("dark" if place % 2 else "light") / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.radial_gradient("L").resize((32 + place, 32)).point(lambda value, odd=place % 2: value >> odd).save(path)
    run("import", tmp_path / "images", "--study", tmp_path / "study")
    sizes = ("--set", "model.encoder=narrow", "--set", "model.image_size_px=32")
    run("train", tmp_path / "study", "--preset", preset, "--device", "cpu", *TINY, *sizes)
    study = open_study(tmp_path / "study")
    assert len(open_run(study).scores()) == len(study.samples()) == 48
