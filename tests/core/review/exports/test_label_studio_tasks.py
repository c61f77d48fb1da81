import json
import xml.etree.ElementTree as ElementTree

import pytest

from overread.pipeline.exporting import export_study
from overread.review.cleaned_csv import Origin
from overread.review.exports.label_studio_tasks import write_label_studio
from overread.review.reviewed import ReviewedSample
from overread.studies.run import open_run
from tests.app.made_study import RUN
from tests.core.importing import read_source


@pytest.fixture
def tasks(study, tmp_path):
    export_study(study, tmp_path / "tasks.json", format="label-studio")
    return tmp_path / "tasks.json"


def test_what_is_exported_reads_back_with_the_same_labels(study, tasks, final_labels):
    source = read_source(study.source_root, labels=tasks, label_column="final_label")
    assert source.format == "label-studio"
    assert {row.image: row.label for row in source.rows if row.label} == final_labels
    samples = study.samples()
    assert [row.split for row in source.rows] == samples["split"].tolist()
    given = read_source(study.source_root, labels=tasks, label_column="given_label")
    assert [row.label for row in given.rows] == samples["given_label"].tolist()


def test_what_was_decided_is_annotated_and_nothing_else(study, tasks, final_labels):
    source = read_source(study.source_root, labels=tasks)
    found = {row.image: row.label for row in source.rows if row.label}
    verdicts = [task["data"]["verdict"] for task in json.loads(tasks.read_text()) if task["annotations"]]
    assert sorted(verdicts) == ["accept", "accept", "exclude", "exclude", "reject"]
    assert len(found) == 3
    assert found.items() <= final_labels.items()


def test_proposals_are_predictions_with_their_probability(study, tasks):
    found = {
        task["data"]["sample_id"]: (prediction["result"][0]["value"]["choices"], prediction["score"])
        for task in json.loads(tasks.read_text())
        for prediction in task["predictions"]
    }
    assert found == {
        row.sample_id: ([row.proposed_label], row.label_error_probability)
        for row in open_run(study).proposals().itertuples()
    }
    assert f'"model_version": "{RUN}"' in tasks.read_text()


def test_the_labelling_config_has_a_choice_for_every_class(tmp_path):
    sample = ReviewedSample("id", "a b&c/+.png", "", 'cat "big" <1>', "dog", is_changed=True)
    write_label_studio([sample], ['cat "big" <1>', "dog"], tmp_path / "tasks.json", origin=Origin())
    choices = ElementTree.parse(tmp_path / "tasks.xml").getroot().iter("Choice")
    assert [choice.get("value") for choice in choices] == ['cat "big" <1>', "dog"]
    image = json.loads((tmp_path / "tasks.json").read_text())[0]["data"]["image"]
    assert image == "/data/local-files/?d=a%20b%26c/%2B.png"
