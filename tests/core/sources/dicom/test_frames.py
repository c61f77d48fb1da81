"""Files with several frames, from the file to the fold."""

import csv
from pathlib import Path

import numpy as np
import pytest

from overread.errors import ConfigError
from overread.images.cache.pixel_cache import open_cache
from overread.sources.dicom.frames import MAX_FRAMES
from overread.studies.sample_groups import sample_groups
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.images.made_dicom import write_dicom
from tests.core.importing import read_source

NUM_FRAMES = 3


def write_scan(path: Path, grey: int, num_frames: int, **attributes: str) -> None:
    """Every frame is of one grey: the first `grey`, each further one 10 more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.stack([np.full((16, 16), grey + 10 * frame, dtype=np.uint8) for frame in range(num_frames)])
    write_dicom(path, frames if num_frames > 1 else frames[0], **attributes)


@pytest.fixture
def scans(tmp_path):
    """A folder per class: a scan of three frames and a single image each; no patient is named."""
    root = tmp_path / "scans"
    for number, name in enumerate(("cat", "dog")):
        write_scan(root / name / "scan.dcm", 50 * number, NUM_FRAMES)
        write_scan(root / name / "single.dcm", 200 + number, 1)
    return root


def imported(root, study, *flags):
    ended = run_command("import", root, "--study", study, "--image-size", 32, *flags)
    assert ended.status == 0, ended.err
    return open_study(study), ended.out


def test_every_frame_is_a_sample_with_its_own_pixels(scans, tmp_path):
    study, out = imported(scans, tmp_path / "study", "--frames", "all")
    assert "2 files have several frames, and stand once for each of them" in out
    images = [
        f"{name}/{file}" for name in ("cat", "dog") for file in ("scan.dcm#1", "scan.dcm#2", "scan.dcm#3", "single.dcm")
    ]
    assert list(study.samples()["image"]) == images
    assert list(study.source_table()["image"]) == images
    pixels = open_cache(study.pixels_path).pixels
    assert [int(image.max()) for image in pixels] == [0, 10, 20, 200, 50, 60, 70, 201]
    assert (pixels == pixels[:, :1, :1]).all()


def test_without_the_flag_the_middle_frame_is_the_sample(scans, tmp_path):
    study, _ = imported(scans, tmp_path / "study")
    assert list(study.samples()["image"]) == ["cat/scan.dcm", "cat/single.dcm", "dog/scan.dcm", "dog/single.dcm"]
    assert int(open_cache(study.pixels_path).pixels[0].max()) == 10


def test_frames_of_a_file_without_a_patient_are_one_group(scans, tmp_path):
    study, _ = imported(scans, tmp_path / "study", "--frames", "all")
    groups = sample_groups(study.samples())
    assert len(set(groups[:3])) == len(set(groups[4:7])) == 1
    assert len(set(groups)) == 4
    assert "scan" not in "".join(study.samples()["slide"])


def test_frames_of_a_patient_are_of_the_patient_s_group(tmp_path):
    root = tmp_path / "tree"
    for number in range(4):
        patient = {"PatientID": f"p{number // 2}"} if number < 3 else {}
        write_scan(root / f"{number}.dcm", 0, 2, BodyPartExamined=("CHEST", "HAND")[number % 2], **patient)
    source = read_source(root, label_tag="BodyPartExamined", frames="all")
    assert [(row.image, row.patient, row.slide) for row in source.rows] == [
        ("0.dcm#1", "p0", ""),
        ("0.dcm#2", "p0", ""),
        ("1.dcm#1", "p0", ""),
        ("1.dcm#2", "p0", ""),
        ("2.dcm#1", "p1", ""),
        ("2.dcm#2", "p1", ""),
        ("3.dcm#1", "", "3.dcm"),
        ("3.dcm#2", "", "3.dcm"),
    ]


def write_labels(root, rows):
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])


def test_a_labels_file_may_name_frames_itself(scans, tmp_path):
    rows = [("cat/scan.dcm#3", "x"), ("cat/scan.dcm#1", "y"), ("dog/single.dcm", "y"), ("cat/scan.dcm#4", "x")]
    write_labels(scans, rows)
    study, out = imported(scans, tmp_path / "study", "--labels", "labels.csv", "--frames", "all")
    samples = study.samples()
    assert list(samples["image"]) == ["cat/scan.dcm#3", "cat/scan.dcm#1", "dog/single.dcm"]
    assert samples["slide"][0] == samples["slide"][1] != samples["slide"][2] == ""
    assert study.quarantine()["reason"].tolist() == ["there is no frame 4: the file has 3"]
    assert [int(image.max()) for image in open_cache(study.pixels_path).pixels] == [20, 0, 201]
    assert "kept together as those of one slide" in out


def test_a_labels_file_keeps_its_cells_where_its_files_are_taken_apart(scans):
    write_labels(scans, [("cat/scan.dcm", "x"), ("dog/single.dcm", "y")])
    source = read_source(scans, labels="labels.csv", frames="all")
    assert (source.columns, source.image_column) == (("image", "label", "frame"), "frame")
    assert source.cells == (
        ("cat/scan.dcm", "x", "cat/scan.dcm#1"),
        ("cat/scan.dcm", "x", "cat/scan.dcm#2"),
        ("cat/scan.dcm", "x", "cat/scan.dcm#3"),
        ("dog/single.dcm", "y", "dog/single.dcm"),
    )
    assert [row.row for row in source.rows] == [2, 2, 2, 3]


def test_files_that_are_found_by_a_key_are_taken_apart_too(scans):
    (scans / "labels.csv").write_text("ImageId,class\nscan,x\nsingle,y\n")
    source = read_source(scans, labels="labels.csv", key="name", label_column="class", frames="all")
    assert [row.image for row in source.rows if row.label == "x"] == [
        f"{name}/scan.dcm#{number}" for name in ("cat", "dog") for number in (1, 2, 3)
    ]
    assert source.columns == ("ImageId", "class", "file")


def test_a_key_may_be_followed_by_a_frame(scans):
    (scans / "labels.csv").write_text("ImageId,class\nscan.dcm#2,x\nscan#3,y\nsingle,y\nscan#x,y\n")
    source = read_source(scans, labels="labels.csv", key="name", label_column="class")
    assert [(row.image, row.label) for row in source.rows] == [
        ("cat/scan.dcm#2", "x"),
        ("dog/scan.dcm#2", "x"),
        ("cat/scan.dcm#3", "y"),
        ("dog/scan.dcm#3", "y"),
        ("cat/single.dcm", "y"),
        ("dog/single.dcm", "y"),
        ("", "y"),
    ]
    assert source.rows[-1].fault == "no file has this name"


def test_a_number_of_frames_that_cannot_be_is_a_fault_of_its_row(scans):
    write_dicom(scans / "cat" / "b.dcm", np.zeros((16, 16), dtype=np.uint8), NumberOfFrames=2**31 - 1)
    source = read_source(scans, frames="all")
    (fault,) = {row.fault for row in source.rows if row.fault}
    assert fault == f"more than {MAX_FRAMES:,} frames"
    assert len(source.rows) == 9


def test_frames_that_are_neither_are_refused(scans):
    with pytest.raises(ConfigError, match="--frames first: unknown value; choose from middle, all"):
        read_source(scans, frames="first")
