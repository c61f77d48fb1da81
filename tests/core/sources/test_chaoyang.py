import json
import shutil

import pytest

from overread.errors import ConfigError, ManifestError, SourceError
from overread.sources.chaoyang import CLASSES, read_chaoyang
from tests.core.conftest import write_image


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


@pytest.mark.parametrize("is_folder_there", [True, False])
def test_missing_images_are_asked_for(chaoyang_release, is_folder_there):
    shutil.rmtree(chaoyang_release / "train")
    if is_folder_there:
        (chaoyang_release / "train").mkdir()
    with pytest.raises(SourceError) as error:
        read_chaoyang(chaoyang_release)
    message = str(error.value)
    assert message.startswith(f"{chaoyang_release / 'train'}: the images are missing; ask the dataset's authors")
    assert "Hard sample aware noise robust learning for histopathology image classification" in message
    assert message.endswith(
        f"put the release's folders train/ and test/ into {chaoyang_release}, beside train_label.json"
    )


def test_an_empty_folder_is_told_what_to_put_into_it(tmp_path):
    with pytest.raises(
        SourceError, match=r"neither train\.json nor train_label\.json is there; ask the dataset's auth"
    ):
        read_chaoyang(tmp_path)


def test_one_pathologist_is_audited_with_the_others_as_raters(chaoyang_release):
    source = read_chaoyang(chaoyang_release, given_label="label_B")
    assert source.label_column == "label_B"
    assert [row.label for row in source.rows] == ["normal", "serrated", "adenocarcinoma", "adenoma"]
    assert source.rater_names == ("rater_A", "rater_C", "rater_released")
    assert source.rows[2].raters == ("serrated", "adenoma", "adenocarcinoma")
    assert source.columns == ("name", "label", "label_A", "label_B", "label_C")
    assert source.cells[2] == ("train/353042_4-IMG005x014-2.JPG", "2", "1", "2", "3")


def test_the_test_part_knows_no_single_pathologist_and_is_counted(chaoyang_release):
    source = read_chaoyang(chaoyang_release, given_label="label_B")
    assert source.messages == ("test.json has no label_B: its 2 images are left out",)


def test_a_pathologist_whose_labels_are_not_there_is_named(chaoyang_release):
    with pytest.raises(ConfigError, match=r"label_D: train_label.json has no such label; give one of label, label_A"):
        read_chaoyang(chaoyang_release, given_label="label_D")
    (chaoyang_release / "train_label.json").unlink()
    with pytest.raises(ConfigError, match=r"train.json has no such label; put the release's train_label.json beside"):
        read_chaoyang(chaoyang_release, given_label="label_A")


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
        ('[{"label": 1}]', 'train.json: no entry has a "name"'),
        ('[{"name": "train/a.JPG"}]', 'train.json: no entry has a "label"'),
        ('[{"name": "train/a.JPG", "label": 1, "label": 2}]', "train.json: .*key 'label' appears twice"),
        ('["train/a.JPG"]', "train.json entry 1: is not"),
        ('{"train/a.JPG": 1}', "train.json: is not a list"),
        ('[{"name":', "train.json: is not valid JSON"),
    ],
)
def test_an_entry_that_does_not_fit_is_named(tmp_path, content, message):
    write_image(tmp_path / "train" / "a.png")
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(ManifestError, match=message):
        read_chaoyang(tmp_path)


def test_an_entry_without_a_name_or_a_label_is_a_row_without_it(tmp_path):
    write_image(tmp_path / "train" / "a.png")
    (tmp_path / "train.json").write_text('[{"name": "a"}, {"label": 2}, {"name": "b", "label": null}]')
    rows = read_chaoyang(tmp_path).rows
    assert [(row.image, row.label) for row in rows] == [("a", ""), ("", "adenocarcinoma"), ("b", "")]


def test_a_name_without_the_mark_of_a_slide_has_none(tmp_path):
    write_image(tmp_path / "train" / "a.png")
    (tmp_path / "train.json").write_text('[{"name": "train/353042_4.JPG", "label": 1}]')
    assert read_chaoyang(tmp_path).rows[0].slide == ""
