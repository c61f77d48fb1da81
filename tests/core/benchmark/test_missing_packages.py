"""A machine for training has torch, and little else: the benchmarks run there too."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

MODULES = """
import importlib, pkgutil, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # an import of it fails and names the line
import overread.benchmark, overread.training, overread.models
for package in (overread.benchmark, overread.training, overread.models):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in ("overread.benchmark.saving", "overread.benchmark.reading"):  # of the database itself
            importlib.import_module(module.name)
"""
COMMAND = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # an import of it fails and names the line
from overread.cli.main import main
main()
"""
BLOCKED = ("streamlit", "pydicom", "sqlalchemy", "alembic", "plotly", "faiss", "fsspec", "cleanlab", "openvino")


def without_packages(code, *arguments):
    command = [sys.executable, "-c", code, ",".join(BLOCKED), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_the_benchmarks_run_without_pages_database_and_readers(tmp_path):
    without_packages(MODULES)
    cell = ("--seeds", "1", "--methods", "cross_entropy", "--noise", "idn20", "--device", "cpu", "--out", tmp_path)
    without_packages(COMMAND, "bench", "table2", "--budget", "smoke", *cell)
    assert "| Cross-entropy | SimCLR |" in (tmp_path / "accuracy.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["quick", "overread", "paper"])
def test_a_folder_of_images_is_imported_and_trained_on_without_them(tmp_path, preset):
    draw = np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 120)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(24):
            pixels = light + draw.integers(0, 120, (32, 32, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / name / f"{number}.png")
    without_packages(COMMAND, "import", tmp_path / "images", "--study", tmp_path / "study")
    short = ("model.encoder=narrow", "pretrain.num_epochs=1", "warmup.num_epochs=1") if preset == "paper" else ()
    short += ("rounds.num_epochs=1", "rounds.first_stages=1") if preset == "paper" else ()
    settings = [word for each in short for word in ("--set", each)]
    without_packages(COMMAND, "train", tmp_path / "study", "--preset", preset, "--device", "cpu", *settings)
    (scores,) = (tmp_path / "study" / "runs").glob("*/scores.csv")
    assert len(scores.read_text().splitlines()) == 1 + 48
