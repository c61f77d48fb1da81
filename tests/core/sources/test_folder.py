import zipfile

import pytest

from overread.errors import ConfigError, SourceError
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


def test_files_outside_class_folders_and_files_that_are_no_images_are_counted(class_folders):
    (class_folders / "README.txt").write_text("read me")
    write_image(class_folders / "legend.png")
    source = read_folder(class_folders)
    assert len(source.rows) == 5
    assert source.messages == (
        "1 file is outside the class folders and left out: legend.png",
        "left out: 1 note, table or system file (README.txt)",
    )


def test_a_source_whose_images_are_mostly_outside_its_class_folders_is_refused(class_folders):
    for number in range(6):
        write_image(class_folders / f"{number}.png")
    refused = r"6 files are outside the class folders, and only 5 in them: 0\.png"
    with pytest.raises(SourceError, match=rf"{refused}; .*--label-folder"):
        read_folder(class_folders)
    assert len(read_source(class_folders, label_folder=1).rows) == 5
    (class_folders / "meta.xlsx").touch()
    with pytest.raises(SourceError, match=rf"{refused}; if meta\.xlsx has the labels, give it with --lab"):
        read_folder(class_folders)


def test_files_without_class_folders_are_refused_with_their_names_or_the_table_that_lies_there(tmp_path):
    for number in range(8):
        write_image(tmp_path / f"NORMAL-{number}.png")
    with pytest.raises(
        SourceError, match=r"its 8 files are named like NORMAL-0\.png, .*; make a folder for each class"
    ):
        read_folder(tmp_path)
    (tmp_path / "meta.xlsx").touch()
    with pytest.raises(
        SourceError, match=r"no folder per class in it; if meta\.xlsx has the labels, give it with --lab"
    ):
        read_folder(tmp_path)


def test_archives_and_volumes_without_class_folders_are_called_what_they_are(tmp_path):
    with zipfile.ZipFile(tmp_path / "dataset.zip", "w") as archive:
        archive.writestr("cat/a.png", b"")
    with pytest.raises(SourceError, match=r"; dataset\.zip is a zip archive: unpack"):
        read_folder(tmp_path)


def test_masks_are_left_out_unless_they_are_asked_for(class_folders):
    write_image(class_folders / "cat" / "a_mask.png")
    assert len(read_source(class_folders).rows) == 5
    assert len(read_source(class_folders, keep_masks=True).rows) == 6


def test_folds_are_kept_as_a_column_and_a_split(tmp_path):
    for name in ("fold_0/all/a.png", "fold_0/hem/b.png", "fold_1/all/c.png"):
        write_image(tmp_path / name)
    source = read_source(tmp_path)
    assert source.columns == ("image", "label", "fold")
    assert source.cells[1] == ("fold_0/hem/b.png", "hem", "fold_0")
    assert [(row.label, row.split) for row in source.rows] == [("all", "fold_0"), ("hem", "fold_0"), ("all", "fold_1")]


def test_folders_that_hold_the_same_classes_are_kept_as_a_column_and_told_of(tmp_path):
    for name in ("NCT/ADI/a.png", "NCT/DEB/b.png", "CRC/ADI/c.png", "CRC/DEB/d.png"):
        write_image(tmp_path / name)
    source = read_source(tmp_path)
    assert source.columns == ("image", "label", "folder")
    assert source.cells[0] == ("CRC/ADI/c.png", "ADI", "CRC")
    assert source.messages == (
        "the folders CRC, NCT hold the same folders, which were taken as classes; "
        "if they are the classes themselves, give --label-folder 1",
    )
    assert {row.label for row in read_source(tmp_path, label_folder=1).rows} == {"CRC", "NCT"}


def test_the_folders_of_the_class_and_of_the_patient_can_be_named(tmp_path):
    for name in ("train/lung/aca/Ann/1.png", "train/lung/n/Bob/2.png", "test/colon/aca/Cy/3.png", "test/colon/4.png"):
        write_image(tmp_path / name)
    source = read_source(tmp_path, label_folder=3, patient_folder=4)
    assert [(row.label, row.patient, row.split) for row in source.rows] == [
        ("aca", "Cy", "test"),
        ("aca", "Ann", "train"),
        ("n", "Bob", "train"),
    ]
    assert source.messages[0] == "1 file is outside the class folders and left out: test/colon/4.png"
    assert {row.label for row in read_source(tmp_path, label_folder=2).rows} == {"lung", "colon"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"label_folder": 3}, "--label-folder 3: no image is that deep"),
        ({"patient_folder": 2, "label_folder": 2}, "--patient-folder 2: is the folder of the class"),
        ({"patient_folder": 1}, "--patient-folder 1: is the folder of the class"),
    ],
)
def test_folders_that_cannot_be_the_class_or_the_patient_are_refused(class_folders, asked, said):
    with pytest.raises(ConfigError, match=said):
        read_source(class_folders, **asked)


def test_a_folder_of_patients_is_refused_where_a_table_has_the_labels(make_table):
    root = make_table([("image", "label"), ("p1/a.png", "cat"), ("p2/b.png", "dog")])
    with pytest.raises(ConfigError, match=r"--patient-folder 1: is for a folder per class .*; for a table, use --pat"):
        read_source(root, patient_folder=1)


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
        ("cat/self.png", "dog/fro", "dog/to"), "the link leads to no file"
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


@pytest.mark.parametrize(
    ("folders", "rows"),
    [
        (("train_cat", "train_dog", "Test-cat", "Test-dog"), [("cat", "test"), ("dog", "test"), ("cat", "train"),
                                                              ("dog", "train")]),
        (("cat train", "cat valid", "dog train", "dog valid"), [("cat", "train"), ("cat", "val"), ("dog", "train"),
                                                                ("dog", "val")]),
        (("test_negative", "test_positive"), [("test_negative", ""), ("test_positive", "")]),
        (("train_cat", "test_cat", "dog"), [("dog", ""), ("test_cat", ""), ("train_cat", "")]),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)  # fmt: skip
def test_folders_may_name_a_split_and_a_class(tmp_path, folders, rows):
    for folder in folders:
        write_image(tmp_path / folder / "a.png")
    assert [(row.label, row.split) for row in read_folder(tmp_path).rows] == rows


def test_studies_of_several_findings_are_classes_where_the_user_says_so(tmp_path):
    # MURA's layout
    for part in ("XR_HAND", "XR_WRIST"):
        for study in ("patient00001/study1_negative", "patient00001/study2_positive", "patient00002/study1_positive"):
            write_image(tmp_path / "train" / part / study / "image1.png")
    source = read_source(tmp_path, label_folder=4)
    assert [row.label for row in source.rows] == ["negative", "positive", "positive"] * 2
    assert [row.patient for row in source.rows] == ["patient00001", "patient00001", "patient00002"] * 2
    assert any("study2_positive as positive" in message for message in source.messages)


def test_a_folder_of_unlabelled_images_is_no_class(class_folders):
    write_image(class_folders / "unlabeled" / "a.png")
    source = read_source(class_folders)
    assert {row.label for row in source.rows} == {"cat", "dog", ""}
    assert "the label is missing where it is 'unlabeled' (1 rows)" in source.messages
