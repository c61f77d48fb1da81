import json

import pytest

from overread.errors import ConfigError
from overread.pipeline.exporting import export_study, export_table
from overread.review.cleaned_csv import Origin
from overread.review.exports.fiftyone_labels import write_fiftyone
from overread.review.reviewed import ReviewedSample
from overread.studies.run import open_run
from tests.core.importing import read_source


@pytest.fixture
def export(study, tmp_path):
    export_study(study, tmp_path / "labels", format="fiftyone")
    return tmp_path / "labels"


def test_what_is_exported_reads_back_with_the_same_labels(study, export, final_labels):
    source = read_source(study.source_root, labels=export / "labels.json")
    assert source.format == "fiftyone"
    assert {row.image: row.label for row in source.rows} == final_labels
    given = read_source(study.source_root, labels=export / "given_labels.json")
    samples = study.samples()
    assert [(row.image, row.label) for row in given.rows] == list(
        zip(samples["image"], samples["given_label"], strict=True)
    )


def test_a_decided_label_says_how_its_readers_were_identified(study, export):
    labels = json.loads((export / "labels.json").read_text())["labels"]
    table, _ = export_table(study)
    told = {
        row.image.removesuffix(".png"): row.reader_identity
        for row in table.itertuples()
        if row.reader_identity and row.final_label
    }
    found = {name: target["attributes"] for name, target in labels.items() if isinstance(target, dict)}
    assert found == {name: {"reader_identity": identity} for name, identity in told.items()}
    assert set(told.values()) == {"self-declared"}


def test_proposals_have_their_probability_as_confidence(study, export):
    content = json.loads((export / "proposals.json").read_text())
    images = dict(zip(study.samples()["sample_id"], study.samples()["image"], strict=True))
    expected = {
        images[row.sample_id].removesuffix(".png"): (row.proposed_label, row.label_error_probability)
        for row in open_run(study).proposals().itertuples()
    }
    found = {
        name: (content["classes"][target["label"]], target["confidence"]) for name, target in content["labels"].items()
    }
    assert found == expected


def test_images_of_one_name_cannot_be_told_apart(tmp_path):
    images = {"id1": "a/x.png", "id2": "a/x.jpg"}
    samples = [ReviewedSample(key, image, "", "cat", "cat", is_changed=False) for key, image in images.items()]
    with pytest.raises(ConfigError, match="samples id1 and id2: their file names differ only in the suffix"):
        write_fiftyone(samples, ["cat"], tmp_path, origin=Origin())


def test_a_file_is_no_folder(study, tmp_path):
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        export_study(study, tmp_path / "labels.json", format="fiftyone")
