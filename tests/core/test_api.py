import json
import runpy
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import overread
from overread import export_labels, find_label_errors, import_source, open_study, train
from overread.errors import ConfigError, SourceError, StudyError
from overread.sources.request import ColumnNames, ImportRequest
from overread.studies.importing import StudyOptions
from overread.studies.run import Run
from tests.core.commands import TINY, write_source
from tests.paths import ROOT

TINY_SETTINGS = TINY[1::2]
COLUMNS = {"image_column": "scan", "label_column": "finding", "patient_column": "patient", "split_column": "split"}
SMALL = StudyOptions(image_size_px=32)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("api") / "source")


@pytest.fixture(scope="module")
def study(source):
    labels = source / "labels-of-the-clinic.csv"
    return import_source(source, source.parent / "study", labels=labels, options=SMALL, **COLUMNS)


@pytest.fixture(scope="module")
def run(study):
    return train(study.path, seed=3, settings=TINY_SETTINGS)


def run_python(code):
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_importing_the_package_imports_neither_numpy_nor_torch_nor_anything_of_its_own():
    code = "import overread, sys, json; print(json.dumps([sorted(sys.modules), dir(overread), overread.__version__]))"
    modules, names, version = json.loads(run_python(code))
    assert {"numpy", "pandas", "torch"} & set(modules) == set()
    assert [name for name in modules if name.startswith("overread")] == ["overread", "overread.version"]
    assert set(overread.__all__) <= set(names)
    assert version == overread.__version__


def test_every_public_name_is_there_and_another_one_is_not():
    for name in overread.__all__:
        assert getattr(overread, name) is getattr(overread, name)
    with pytest.raises(AttributeError, match="module 'overread' has no attribute 'find_errors'"):
        _ = overread.find_errors


def test_the_public_functions_import_no_torch_before_a_training_begins():
    assert (
        run_python("import sys; from overread import *; print('torch' in sys.modules, callable(train))")
        == "False True\n"
    )


def test_a_source_becomes_a_study_that_opens_again(study):
    assert study.classes == ("cat", "dog", "eel")
    assert len(study.samples()) == 72
    assert study.quarantine()["image"].tolist() == ["scans/broken.png"]
    assert open_study(study.path) == study
    assert (study.samples()["patient"] != "").all()


def test_a_request_has_every_option_of_the_command(source, tmp_path):
    columns = ColumnNames(image="scan", label="finding")
    request = ImportRequest(source, labels=source / "labels-of-the-clinic.csv", columns=columns)
    assert len(import_source(request, tmp_path / "study", options=SMALL).samples()) == 72
    with pytest.raises(ConfigError, match=r"^source: an ImportRequest names labels and columns itself"):
        import_source(request, tmp_path / "other", label_column="finding")


def test_what_does_not_fit_an_import_is_named(source, study, tmp_path):
    labels = source / "labels-of-the-clinic.csv"
    with pytest.raises(ConfigError, match=r"^finding_column: is not a kind of column; choose from image_column, "):
        import_source(source, tmp_path / "study", labels=labels, finding_column="finding")
    with pytest.raises(ConfigError, match=r"^study .*: is inside"):
        import_source(source, source / "study", labels=labels, **COLUMNS)
    with pytest.raises(SourceError, match="no such file or folder"):
        import_source(tmp_path / "nothing", tmp_path / "study")
    with pytest.raises(StudyError, match=r"--update"):
        import_source(source, study.path, labels=labels, **COLUMNS)


def test_a_study_is_trained_and_its_labels_exported(study, run, tmp_path):
    assert isinstance(run, Run)
    assert (run.config()["seed"], run.config()["settings"]["pretrain"]["num_epochs"]) == (3, 1)
    assert len(run.scores()) == 72
    table = export_labels(study, tmp_path / "cleaned.csv", run=run)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "cleaned.csv", dtype=str, keep_default_na=False), table)
    assert table["final_label"].tolist() == table["finding"].tolist()
    assert export_labels(study.path, tmp_path / "cleaned.csv").shape == table.shape  # an earlier export of its own
    assert set(export_labels(study, tmp_path / "soft.csv", policy="soft")["policy"]) == {"soft"}
    (tmp_path / "notes.csv").write_text("mine")
    with pytest.raises(ConfigError, match="already exists"):
        export_labels(study, tmp_path / "notes.csv")
    export_labels(study, tmp_path / "notes.csv", overwrite=True)
    with pytest.raises(ConfigError, match=r"^out .*: the folder .* does not exist"):
        export_labels(study, tmp_path / "nowhere" / "cleaned.csv")


def test_what_does_not_fit_a_training_is_named(study):
    with pytest.raises(ConfigError, match="--preset: 'best' is not one of"):
        train(study, preset="best")
    with pytest.raises(ConfigError, match="no such setting"):
        train(study, settings=["refinement.precision=1"])
    with pytest.raises(StudyError, match="no such study"):
        train(study.path / "nothing")


def test_the_script_goes_from_a_folder_of_images_to_a_cleaned_csv_and_again(source, tmp_path, capsys):
    labels = pd.read_csv(source / "labels-of-the-clinic.csv", dtype=str)
    for row in labels[labels["scan"] != "scans/broken.png"].itertuples():
        target = tmp_path / "images" / row.finding / row.scan.rpartition("/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / row.scan).read_bytes())
    clean = runpy.run_path(str(ROOT / "core" / "docs" / "clean_a_folder.py"))["clean"]
    out = tmp_path / "cleaned.csv"
    clean(tmp_path / "images", tmp_path / "study", out, settings=TINY_SETTINGS)
    assert "72 images of cat, dog, eel; 0 cannot be read" in capsys.readouterr().out
    table = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert (table["final_label"] == table["label"]).all()
    runs = sorted((tmp_path / "study" / "runs").iterdir())
    clean(tmp_path / "images", tmp_path / "study", out)
    assert sorted((tmp_path / "study" / "runs").iterdir()) == runs
    assert f"{out}: 72 labels, 0 of them changed in review" in capsys.readouterr().out


def test_label_errors_are_found_in_a_run_s_own_features(study, run):
    found = find_label_errors(np.asarray(run.embeddings(), dtype=np.float32), study.samples()["given_label"])
    assert found["given_label"].tolist() == study.samples()["given_label"].tolist()
