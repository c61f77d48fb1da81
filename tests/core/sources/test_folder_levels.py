from pathlib import Path

import pytest

from overread.errors import SourceError
from overread.sources.folder_levels import FolderTree, Levels, find_levels
from overread.sources.folder_names import group_kind, split_of


def levels_of(*folders):
    """The levels of a source with three images in each of these folders."""
    files = [f"{folder}/{number}.png" for folder in folders for number in range(3)]
    return find_levels(FolderTree(files), Path("src"), "do this")


def below(tops, folders):
    return [f"{top}/{folder}" for top in tops for folder in folders]


@pytest.mark.parametrize(
    ("folders", "levels"),
    [
        (["cat", "dog"], Levels(0)),
        (["0", "1", "2"], Levels(0)),
        (["grade1", "grade2"], Levels(0)),
        (["bus", "car", "train"], Levels(0)),
        (["src/cat", "src/dog"], Levels(1)),
        (below(["train", "test_set"], ["cat", "dog"]), Levels(1, split=0)),
        (["training_set/training_set/cat", "test_set/test_set/dog"], Levels(2, split=0)),
        (below(["cat", "dog"], ["train", "val"]), Levels(0, split=1)),
        (below(["fold_0", "fold_1"], ["all", "hem"]), Levels(1, fold=0)),
        (below(["train/fold_0", "train/fold_1"], ["all", "hem"]), Levels(2, split=0, fold=1)),
        (below(["images_001", "images_002"], ["cat", "dog"]), Levels(1)),
        (below(["HAM10000_images_part_1", "HAM10000_images_part_2"], ["nv", "mel"]), Levels(1)),
        (["patient00001/cat", "patient00001/dog", "patient00002/cat"], Levels(1, patient=0)),
        (["10253/0", "10253/1", "8863/0"], Levels(1)),
        (["cat/patient1/study1", "cat/patient2/study1", "dog/patient3/study2"], Levels(0, patient=1)),
        (["benign/001", "benign/002", "malignant/001", "malignant/002"], Levels(0)),
        (["cat/p10000032", "cat/p10000980", "dog/p10001038"], Levels(0)),
        (below(["cat", "dog"], ["40X", "100X"]), Levels(0)),
        (below(["cat", "dog"], ["left", "right"]), Levels(0)),
        (["COVID/images", "Normal/images"], Levels(0)),
        (below(["NCT-CRC-HE-100K", "CRC-VAL-HE-7K"], ["ADI", "BACK", "DEB"]), Levels(1, place=0)),
        (below(["hospital A", "hospital B"], below(["train", "test"], ["cat", "dog"])), Levels(2, split=1, place=0)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_classes_are_searched_below_folders_that_are_none(folders, levels):
    assert levels_of(*folders) == levels


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        ([], "no folder per class in it; do this"),
        (["cat"], "cat is the only folder with images; for classes, at least two are needed: do this"),
        (["CheXpert-v1.0-small/train/patient1/study1", "CheXpert-v1.0-small/valid/patient2/study1"],
         "study1 is the only folder with images"),
        (["train/patient1/study1", "train/patient2/study2"],
         "study1, study2 are named as studies .* --label-folder 3$"),
        (["images_001/images", "images_002/images"], "images is the only folder with images"),
        (["p10/p10000032/s50414267", "p10/p10000980/s53189527"], "s50414267, s53189527 are named as numbers"),
        (["0001", "0002"], "are named as numbers and not as classes, .*do this, .*--label-folder 1$"),
        (["train", "test"], "are named as splits and not as classes"),
        (["train/cat", "train/dog", "val"], "train holds a folder per class, and val holds none"),
        (["train/cat", "train/dog", "extra/cat", "extra/eel"], "train are splits .*, and extra is none; move it out"),
        ([*below(["train", "test"], ["cat"]), *below(["copy"], ["train/cat", "test/cat"])],
         "test, train are splits .*, and copy holds them once more; move it out"),
        (["lung_image_sets/lung_aca", "lung_image_sets/lung_n", "colon_image_sets/colon_aca"],
         "--label-folder 1 for colon_image_sets, lung_image_sets; or --label-folder 2 for colon_aca, lung_aca, lung_n"),
        (["src/lung/aca", "src/lung/n", "src/colon/aca"], "--label-folder 2 for colon, lung; or --label-folder 3 for"),
        (["Normal", "Pneumonia/virus", "Pneumonia/bacteria"], "--label-folder 1 for Normal, Pneumonia; or"),
        (below(["benign", "malignant"], ["dense", "fatty"]), "--label-folder 1 for benign, malignant; or"),
        (below(["A", "B"], below(["patient1", "patient2"], ["one", "two"])),
         "--label-folder 1 for A, B; or --label-folder 3 for"),
        (["cat", "dog", "test"], "test is named as a split, beside cat, dog; move it out .* give --label-folder 1$"),
        (below(["reader1", "reader2"], ["cat", "dog"]), "reader1, reader2 are named for readers"),
        (["Hospital_A", "Hospital_B"], "named for how images were made or stored"),
        (["all", "cat", "dog", "to_sort"], "not sorted into classes: all, to_sort; move them"),
        (["imagesTr", "labelsTr"], "named for how images were made or stored"),
        (["left", "right"], "left, right are named for how images were made or stored .* give --label-folder 1$"),
        (["cat", "cat - Copy", "dog", "dog (1)"], r"copies of other folders: cat - Copy, dog \(1\); move"),
        (["no", "yes", "all/no", "all/yes"], "no, yes are folders of images, and all holds them once more; move it"),
        (["up/a/cat", "up/b/dog", "low/a/eel"], "1 for low, up; or --label-folder 2 for a, b; .* 3 for cat, dog, eel"),
        (below(["A", "B"], ["001", "002"]), "--label-folder 1 for A, B; or --label-folder 2 for 001, 002"),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value[:2]),
)  # fmt: skip
def test_where_no_folders_are_surely_the_classes_the_import_asks(folders, said):
    with pytest.raises(SourceError, match=f"^src: .*{said}"):
        levels_of(*folders)


def test_the_question_has_the_levels_as_answers_with_their_numbers_of_images():
    with pytest.raises(SourceError) as error:
        levels_of("Normal", "Pneumonia/virus", "Pneumonia/bacteria")
    assert error.value.question.field == "label_folder"
    assert error.value.question.choices == (("1", 9), ("2", 6))
    assert "Pneumonia" not in error.value.public


def test_a_few_files_beside_folders_do_not_make_a_folder_a_class():
    files = [f"{part}/{name}/{n}.png" for part in ("fold_0", "fold_1") for name in ("all", "hem") for n in range(3)]
    assert find_levels(FolderTree([*files, "fold_0/legend.png"]), Path("src"), "").label == 1


@pytest.mark.parametrize(
    ("folder", "split"),
    [("Train", "train"), ("test_set", "test"), ("train_images_2", "train"), ("Validation", "val"),
     ("CRC-VAL-HE-7K", ""), ("train_test", ""), ("set 1", ""), ("trained", "")],
)  # fmt: skip
def test_a_folder_is_named_for_a_split_in_several_ways(folder, split):
    assert split_of(folder) == split


@pytest.mark.parametrize("folders", [["covid-19", "sars"], ["grade_1", "grade_2"], ["BI-RADS 4", "BI-RADS 5"], ["T1a"]])
def test_classes_with_numbers_are_no_groups(folders):
    assert group_kind(folders) == ""
