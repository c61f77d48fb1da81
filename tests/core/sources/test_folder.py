import pytest

from overread.errors import SourceError
from overread.sources.folder import read_folder
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source


def test_any_visible_file_is_a_row_and_hidden_ones_are_not(class_folders):
    (class_folders / "cat" / "notes.dcm").write_text("no picture")
    for hidden in (".DS_Store", "cat/.a.png", ".git/config", "cat/.thumbs/a.png"):
        (class_folders / hidden).parent.mkdir(exist_ok=True)
        (class_folders / hidden).write_text("hidden")
    images = [row.image for row in read_folder(class_folders).rows]
    assert images == ["cat/a.png", "cat/b.jpg", "cat/deep/c.png", "cat/notes.dcm", "dog/a.png", "dog/z.tif"]


def test_cells_are_the_path_and_the_folder_as_written(class_folders):
    write_image(class_folders / " bird, grey" / "a.png")
    source = read_folder(class_folders)
    assert source.columns == ("image", "label")
    assert source.cells[0] == (" bird, grey/a.png", " bird, grey")
    assert source.rows[0].label == "bird, grey"


def test_files_outside_class_folders_are_counted(class_folders):
    (class_folders / "README.txt").write_text("read me")
    source = read_folder(class_folders)
    assert len(source.rows) == 5
    assert source.messages == ("1 files are outside the class folders and were left out",)


def test_a_folder_with_files_only_is_refused(tmp_path):
    write_image(tmp_path / "a.png")
    with pytest.raises(SourceError, match="no folder per class in it"):
        read_folder(tmp_path)


def test_folders_named_for_splits_hold_the_classes(tmp_path):
    for name in ("train/cat/a.png", "train/dog/a.png", "Testing/cat/b.png"):
        write_image(tmp_path / name)
    rows = read_folder(tmp_path).rows
    assert [(row.image, row.label, row.split) for row in rows] == [
        ("Testing/cat/b.png", "cat", "test"),
        ("train/cat/a.png", "cat", "train"),
        ("train/dog/a.png", "dog", "train"),
    ]


def test_a_link_back_to_a_parent_ends(class_folders):
    (class_folders / "cat" / "loop").symlink_to(class_folders)
    source = read_folder(class_folders)
    assert [row.image for row in source.rows if "loop" in row.image] == []
    assert source.messages == ("links to a folder that contains them were not followed: 1",)


def test_a_link_that_leads_round_to_itself_ends_in_the_quarantine(class_folders, tmp_path):
    for link, target in (("cat/self.png", "self.png"), ("dog/to", "fro"), ("dog/fro", "to"), ("around", "around")):
        (class_folders / link).symlink_to(target)
    study = import_source(read_folder(class_folders), tmp_path / "study", image_size_px=32)
    quarantined = open_study(tmp_path / "study").quarantine()
    assert study.num_quarantined == 3
    assert dict(zip(quarantined["image"], quarantined["reason"], strict=True)) == dict.fromkeys(
        ("cat/self.png", "dog/fro", "dog/to"), "the file is missing"
    )


def test_a_labels_file_that_names_a_link_round_to_itself_quarantines_that_row(class_folders, tmp_path):
    (class_folders / "around").symlink_to("around")
    rows = ("cat/a.png,cat", "cat/b.jpg,cat", "dog/a.png,dog", "dog/z.tif,dog", "around,dog", "around/x.png,cat")
    (class_folders / "labels.csv").write_text("\n".join(("image,label", *rows)))
    summary = import_source(read_source(class_folders), tmp_path / "study", image_size_px=32)
    assert (summary.num_samples, summary.num_quarantined) == (4, 2)


def test_a_study_inside_the_source_is_no_class(class_folders):
    study = class_folders / "study"
    (study / "pixels").mkdir(parents=True)
    (study / "study.json").write_text("{}")
    assert {row.label for row in read_folder(class_folders).rows} == {"cat", "dog"}


def test_a_split_without_class_folders_beside_one_with_them_is_refused(tmp_path):
    for folder in ("train/cat", "train/dog", "test"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    with pytest.raises(
        SourceError, match=r"train holds a folder per class, and test holds none; .* import .*train alone"
    ):
        read_folder(tmp_path)
