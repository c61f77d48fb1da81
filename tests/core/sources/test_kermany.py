import pytest

from overread.benchmark.corrupt import corrupt_study
from overread.errors import SourceError
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

PATIENTS = {
    "NORMAL/IM-0115-0001.jpeg": "IM-0115",
    "NORMAL/IM-0033-0001-0002.jpeg": "IM-0033",
    "NORMAL/NORMAL2-IM-1427-0001.jpeg": "NORMAL2-IM-1427",
    "PNEUMONIA/person447_virus_921_1.jpeg": "person447",
    "PNEUMONIA/person99_bacteria_473.jpeg": "person99",
    "PNEUMONIA/person99_bacteria_474.jpeg": "person99",
}


@pytest.fixture
def chest_xray(tmp_path):
    for name in PATIENTS:
        write_image(tmp_path / "chest" / name)
    return tmp_path / "chest"


def test_the_patient_is_read_from_the_name(chest_xray):
    source = read_source(chest_xray)
    assert source.format == "kermany"
    assert {row.image: row.patient for row in source.rows} == PATIENTS
    assert [row.label for row in source.rows] == ["NORMAL"] * 3 + ["PNEUMONIA"] * 3
    assert source.messages == (
        "the names are those of Kermany's chest X-rays: 5 patients were taken from them; "
        "the cause they tell as well (2 bacteria, 1 virus) is not used",
    )


def test_the_folders_of_the_release_are_splits_and_a_tiny_val_is_told_of(tmp_path):
    for split in ("train", "val", "test"):
        for name in PATIENTS:
            write_image(tmp_path / split / name)
    write_image(tmp_path / "__MACOSX" / "train" / "._IM-0115-0001.jpeg")
    source = read_source(tmp_path)
    assert {(row.split, row.label) for row in source.rows} == {
        (split, label) for split in ("train", "val", "test") for label in ("NORMAL", "PNEUMONIA")
    }
    assert source.messages[-1] == "the val split of 6 images is too small to measure anything"


def test_a_copy_beside_the_splits_must_be_moved(tmp_path):
    for folder in ("train", "test", "chest_xray/train"):
        for name in PATIENTS:
            write_image(tmp_path / folder / name)
    with pytest.raises(SourceError, match="test, train are splits with classes in them, and chest_xray is none"):
        read_source(tmp_path)


def test_folders_with_other_names_are_not_taken_for_it(class_folders, chest_xray):
    assert read_source(class_folders).format == "folder"
    write_image(chest_xray / "NORMAL" / "scan.jpeg")
    assert read_source(chest_xray).format == "folder"
    asked = read_source(chest_xray, format="kermany")
    assert [row.patient for row in asked.rows if row.image == "NORMAL/scan.jpeg"] == [""]
    assert asked.messages[-1] == "1 files have other names, and no patient"


def test_a_folder_asked_for_stays_a_folder(chest_xray):
    source = read_source(chest_xray, format="folder")
    assert (source.format, {row.patient for row in source.rows}) == ("folder", {""})


def test_asking_for_it_where_no_name_fits_is_refused(class_folders):
    with pytest.raises(SourceError, match="no file is named as Kermany's are"):
        read_source(class_folders, format="kermany")


def test_a_corrupted_study_is_a_plain_folder_of_noisy_classes(tmp_path):
    for seed in range(20):
        label, name = ("NORMAL", "IM-{}-0001") if seed % 2 else ("PNEUMONIA", "person{}_virus_1")
        write_image(tmp_path / "chest" / label / f"{name.format(seed)}.jpeg", seed)
    import_source(read_source(tmp_path / "chest"), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    options = {"noise": "symmetric", "rate": 0.3, "seed": 0, "truth": tmp_path / "truth.csv"}
    noisy = corrupt_study(study, out=tmp_path / "noisy", **options)
    source = read_source(noisy.source_root)
    assert source.format == noisy.source_format == "folder"
    assert {row.image: row.label for row in source.rows} == dict(
        zip(noisy.samples()["image"], noisy.samples()["given_label"], strict=True)
    )
    assert noisy.samples()["patient"].nunique() == 20
