import pandas as pd
import pytest

from overread.errors import ConfigError
from overread.pipeline.exporting import export_study
from tests.app.made_study import CLASSES, write_study
from tests.core.importing import read_source


@pytest.fixture
def issues(study, tmp_path):
    export_study(study, tmp_path / "issues.csv", format="cleanlab")
    return tmp_path / "issues.csv"


def test_the_columns_are_cleanlabs_and_the_rows_the_source_s(study, issues):
    table = pd.read_csv(issues)
    assert table.dtypes.astype(str).to_dict()["is_label_issue"] == "bool"
    samples, scores = study.samples(), next(iter(study.runs_path.iterdir())) / "scores.csv"
    scores = pd.read_csv(scores)
    assert table["image"].tolist() == samples["image"].tolist()
    assert [CLASSES[place] for place in table["given_label"]] == samples["given_label"].tolist()
    assert [CLASSES[place] for place in table["predicted_label"]] == scores["proposed_label"].tolist()
    assert table["is_label_issue"].tolist() == scores["is_proposed"].tolist()
    identities = table["reader_identity"].fillna("none").value_counts().to_dict()
    assert identities == {"self-declared": 6, "none": 42}
    assert table["label_quality"].to_numpy() == pytest.approx(1 - scores["label_error_probability"].to_numpy())


def test_what_is_exported_reads_back_with_the_same_labels(study, issues, final_labels):
    names = [f"{place}={name}" for place, name in enumerate(CLASSES)]
    given = read_source(study.source_root, labels=issues, classes=names)
    assert [row.label for row in given.rows] == study.samples()["given_label"].tolist()
    assert given.label_column == "given_label"
    final = read_source(study.source_root, labels=issues, label_column="final_label", classes=names)
    assert {row.image: row.label for row in final.rows if row.label} == final_labels


def test_a_study_without_a_training_has_no_issues(tmp_path):
    study = write_study(tmp_path, has_run=False)
    with pytest.raises(ConfigError, match="train the study first"):
        export_study(study, tmp_path / "issues.csv", format="cleanlab")
