"""A machine for training has torch, and little else: the benchmarks run there too."""

import subprocess
import sys

import pytest

CODE = """
import importlib, pkgutil, sys
for name in sys.argv[2].split(","):
    sys.modules[name] = None  # an import of it fails and names the line
import overread.benchmark, overread.training, overread.models
for package in (overread.benchmark, overread.training, overread.models):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "overread.benchmark.saving":  # measures the database itself
            importlib.import_module(module.name)
from overread.cli.main import main
sys.argv = ["overread", "bench", "table2", "--budget", "smoke", "--seeds", "1", "--methods", "cross_entropy",
            "--noise", "idn20", "--device", "cpu", "--out", sys.argv[1]]
main()
"""
BLOCKED = ("streamlit", "pydicom", "sqlalchemy", "alembic", "plotly", "faiss", "fsspec", "cleanlab", "openvino")


@pytest.mark.slow
def test_the_benchmarks_run_without_pages_database_and_readers(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), ",".join(BLOCKED)], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    assert "| Cross-entropy | SimCLR |" in (tmp_path / "accuracy.md").read_text()
