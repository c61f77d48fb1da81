import shutil

import pytest

from core.datasets.study import open_study
from core.pipeline.train import train_study
from tests.core.commands import import_arguments, run_command, write_source
from tests.core.pipeline.runs import ASSIGNMENTS


@pytest.fixture(scope="package")
def ready(tmp_path_factory):
    """A study and a finished run of it."""
    folder = tmp_path_factory.mktemp("ready")
    write_source(folder / "source")
    assert run_command(*import_arguments(folder / "source", folder / "study")).status == 0
    study = open_study(folder / "study")
    train_study(study, assignments=ASSIGNMENTS)
    return study


@pytest.fixture
def study(ready, tmp_path):
    """A copy with the same ids and images, and without the run."""
    shutil.copytree(ready.path, tmp_path / "study", ignore=shutil.ignore_patterns("runs"))
    return open_study(tmp_path / "study")
