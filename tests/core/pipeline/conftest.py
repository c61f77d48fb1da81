import shutil

import pytest

from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.study import open_study
from tests.core.commands import import_source
from tests.core.pipeline.runs import ASSIGNMENTS


@pytest.fixture(scope="package")
def ready(tmp_path_factory):
    """A study and a finished run of it."""
    folder = tmp_path_factory.mktemp("ready")
    study = import_source(folder)
    train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)))
    return study


@pytest.fixture
def study(ready, tmp_path):
    """A copy with the same ids and images, and without the run."""
    shutil.copytree(ready.path, tmp_path / "study", ignore=shutil.ignore_patterns("runs"))
    return open_study(tmp_path / "study")
