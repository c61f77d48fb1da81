import json
import shutil

import pytest

from core.datasets.chaoyang import CLASSES, read_chaoyang
from core.errors import ManifestError, SourceError


def test_codes_become_names_and_names_give_back_the_codes(chaoyang_release):
    source = read_chaoyang(chaoyang_release)
    assert [row.label for row in source.rows[:4]] == ["normal", "serrated", "adenocarcinoma", "adenoma"]
    assert source.classes == CLASSES
    assert [source.written_labels[row.label] for row in source.rows] == [cells[1] for cells in source.cells]


def test_raters_slides_and_splits_are_read(chaoyang_release):
    source = read_chaoyang(chaoyang_release)
    assert source.rater_names == ("rater_A", "rater_B", "rater_C")
    assert source.rows[2].raters == ("serrated", "adenocarcinoma", "adenoma")
    assert source.rows[2].slide == "353042_4"
    assert [row.split for row in source.rows] == ["train"] * 4 + ["test"] * 2
    assert source.rows[5].raters == ("", "", "")


def test_cells_are_those_of_the_json(chaoyang_release):
    source = read_chaoyang(chaoyang_release)
    assert source.columns == ("name", "label", "label_A", "label_B", "label_C")
    assert source.cells[1] == ("train/353041_4-IMG005x014-1.JPG", "1", "1", "1", "3")
    assert source.cells[4] == ("test/353040_4-IMG001x001-0.JPG", "0", "", "", "")


def test_without_the_raters_file_train_json_is_read(chaoyang_release):
    (chaoyang_release / "train_label.json").unlink()
    source = read_chaoyang(chaoyang_release)
    assert source.columns == ("name", "label")
    assert len(source.rows) == 6


def test_a_missing_test_part_is_a_message(chaoyang_release):
    (chaoyang_release / "test.json").unlink()
    source = read_chaoyang(chaoyang_release)
    assert len(source.rows) == 4
    assert "there is no test part" in source.messages[0]


def test_missing_images_are_asked_for(chaoyang_release):
    shutil.rmtree(chaoyang_release / "train")
    with pytest.raises(SourceError, match=r"train: the images are absent; put the release's folders train/ and test/"):
        read_chaoyang(chaoyang_release)


def test_two_files_that_differ_are_told_of(chaoyang_release):
    entries = json.loads((chaoyang_release / "train.json").read_text())
    entries[0]["label"] = 3
    (chaoyang_release / "train.json").write_text(json.dumps(entries))
    source = read_chaoyang(chaoyang_release)
    assert source.rows[0].label == "normal"
    assert "differ in some images or labels; train_label.json was used" in source.messages[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"name": "train/a.JPG", "label": 7}]', "train.json entry 1: label '7' is not one of 0 .normal., 1"),
        ('[{"label": 1}]', "train.json entry 1: has no name"),
        ('["train/a.JPG"]', "train.json entry 1: is not"),
        ('{"train/a.JPG": 1}', "train.json: is no list"),
        ('[{"name":', "train.json: is no valid JSON"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(tmp_path, content, message):
    (tmp_path / "train").mkdir()
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(ManifestError, match=message):
        read_chaoyang(tmp_path)


def test_a_name_without_the_mark_of_a_slide_has_none(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train.json").write_text('[{"name": "train/353042_4.JPG", "label": 1}]')
    assert read_chaoyang(tmp_path).rows[0].slide == ""
