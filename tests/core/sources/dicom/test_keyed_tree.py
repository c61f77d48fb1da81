import csv
import json
import shutil
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ComputedRadiographyImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from overread.errors import ConfigError, ManifestError, SourceError
from overread.review.cleaned_csv import Origin, cleaned_table
from overread.review.reviewed import reviewed_samples
from overread.sources.dicom.headers import Header, read_headers
from overread.sources.dicom.keyed_tree import KEYS
from overread.studies.study import open_study
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

TREE = (  # file, SOPInstanceUID, AccessionNumber, PatientID
    ("p1/s1/one.dcm", "1.2.3", "A1", "p1"),
    ("p1/s1/two", "1.2.31", "A1", "p1"),
    ("p2/s1/three.dcm", "1.2.4", "A2", "p2"),
)


def write_dicom(
    path: Path, uid: str, accession: str, patient: str, seed: int = 0, *, has_preamble: bool = True
) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.AccessionNumber, dataset.PatientID = accession, patient
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
    dataset.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if has_preamble:
        dataset.save_as(path, enforce_file_format=True)
    else:
        dataset.save_as(path, implicit_vr=False, little_endian=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for seed, (file, *tags) in enumerate(TREE):
        write_dicom(root / file, *tags, seed)
    (root / "README.txt").write_text("read me")
    return root


def write_labels(root: Path, *rows: tuple[str, ...]) -> Path:
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return root / "labels.csv"


def files_of(source):
    return [(row.image, row.label, row.patient) for row in source.rows]


def test_images_are_found_by_the_tag_that_the_user_names(tree):
    write_labels(tree, ("uid", "label"), ("1.2.31", "cat"), (" 1.2.4 ", "dog"))
    source = read_source(tree, key="SOPInstanceUID", image_column="uid")
    assert source.format == "dicom"
    assert files_of(source) == [("p1/s1/two", "cat", "p1"), ("p2/s1/three.dcm", "dog", "p2")]
    assert (source.columns, source.image_column) == (("uid", "label", "file"), "file")
    assert source.cells == (("1.2.31", "cat", "p1/s1/two"), (" 1.2.4 ", "dog", "p2/s1/three.dcm"))
    assert source.messages[1:] == (
        "patients were taken from the tag PatientID",
        "1 images are not named in any row and were left out",
        "1 files are not DICOM files with a SOPInstanceUID and were left out",
    )


def test_a_file_without_a_preamble_is_found(tree):
    write_dicom(tree / "bare.dcm", "1.2.5", "A3", "p3", has_preamble=False)
    write_labels(tree, ("SOPInstanceUID", "label"), ("1.2.5", "cat"), ("1.2.4", "dog"))
    assert [row.image for row in read_source(tree, format="dicom").rows] == ["bare.dcm", "p2/s1/three.dcm"]


def test_a_key_of_several_images_makes_a_row_of_each(tree):
    write_labels(tree, ("accession_number", "finding"), ("A1", "cat"), ("A2", "dog"))
    source = read_source(tree, key="AccessionNumber", label_column="finding")
    assert files_of(source) == [
        ("p1/s1/one.dcm", "cat", "p1"),
        ("p1/s1/two", "cat", "p1"),
        ("p2/s1/three.dcm", "dog", "p2"),
    ]
    assert [row.row for row in source.rows] == [2, 2, 3]
    assert "1 rows match several images each, and are repeated for each of them" in source.messages


def test_rsna_labels_are_recognised_and_boxes_of_one_image_agree(tree, tmp_path):
    rows = [
        ("patientId", "x", "y", "width", "height", "Target"),
        ("one", "1.0", "2.0", "8.0", "9.0", "1"),
        ("one", "4.0", "2.0", "8.0", "9.0", "1"),
        ("two", "", "", "", "", "0"),
        ("gone", "", "", "", "", "0"),
        ("", "", "", "", "", "0"),
    ]
    write_labels(tree, *rows)
    summary = import_source(read_source(tree), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    assert list(study.samples()["image"]) == ["p1/s1/one.dcm", "p1/s1/two"]
    assert [(row.row, row.reason) for row in study.quarantine().itertuples()] == [
        ("5", "no file has this name"),
        ("6", "no name is given"),
    ]
    assert (summary.num_samples, summary.num_quarantined) == (2, 2)
    table = cleaned_table(
        study.source_table(),
        reviewed_samples(study.samples(), {}),
        image_column=study.image_column,
        label_column=study.label_column,
        origin=Origin(),
        written_labels=study.written_labels,
    )
    assert [tuple(row) for row in table[list(rows[0])].values.tolist()] == rows[1:]
    assert list(table["final_label"]) == ["1", "1", "0", "0", "0"]
    assert list(table["verdict"]) == ["", "", "", "quarantined", "quarantined"]


def test_rsna_with_two_label_files_asks_which_one(tree):
    write_labels(tree, ("patientId", "Target"), ("one", "1"), ("two", "0"))
    (tree / "classes.csv").write_text("patientId,class\none,Lung Opacity\ntwo,Normal\n")
    with pytest.raises(SourceError, match=r"Specify it with --labels FILE \(found: classes\.csv, labels\.csv\)"):
        read_source(tree)
    assert [row.label for row in read_source(tree, labels="classes.csv").rows] == ["Lung Opacity", "Normal"]


def test_rsna_rows_that_disagree_are_named(tree):
    write_labels(tree, ("patientId", "Target"), ("one", "1"), ("one", "0"), ("two", "0"))
    with pytest.raises(ManifestError, match=r"labels\.csv rows 2 and 3: .* has two labels, '1' and '0'"):
        read_source(tree)


def test_a_csv_with_paths_beside_patients_and_targets_stays_a_csv(make_table):
    root = make_table([("image", "patientId", "Target", "class"), ("a.png", "p1", "1", "x"), ("b.png", "p2", "0", "y")])
    assert read_source(root, label_column="Target").format == "csv"


def test_siim_outlines_become_two_classes(tree):
    write_labels(tree, ("ImageId", " EncodedPixels"), ("one", " -1"), ("three", " 12 3 4 5"), ("three", "1 2"))
    source = read_source(tree)
    assert files_of(source) == [
        ("p1/s1/one.dcm", "no pneumothorax", "p1"),
        ("p2/s1/three.dcm", "pneumothorax", "p2"),
        ("p2/s1/three.dcm", "pneumothorax", "p2"),
    ]
    assert source.columns == ("ImageId", " EncodedPixels", "label", "file")
    assert source.cells[0] == ("one", " -1", "no pneumothorax", "p1/s1/one.dcm")


def test_names_find_images_of_any_kind_with_or_without_a_suffix(tmp_path):
    write_image(tmp_path / "x" / "1.2.3.png", 1)
    write_image(tmp_path / "x" / "b.png", 2)
    write_labels(tmp_path, ("id", "label"), ("1.2.3", "cat"), ("folder/b.dcm", "dog"))
    assert [row.image for row in read_source(tmp_path, key="name").rows] == ["x/1.2.3.png", "x/b.png"]


def test_an_added_column_takes_a_name_of_its_own(tree):
    write_labels(tree, ("file", "label"), ("one", "cat"), ("three", "dog"))
    source = read_source(tree, key="name")
    assert (source.columns, source.image_column) == (("file", "label", "file_2"), "file_2")


def test_a_damaged_header_is_a_file_without_a_key(tree):
    (tree / "p1" / "cut.dcm").write_bytes((tree / "p1" / "s1" / "one.dcm").read_bytes()[:150])
    (tree / "p1" / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)))
    write_labels(tree, ("SOPInstanceUID", "label"), ("1.2.3", "cat"), ("1.2.4", "dog"))
    assert len(read_source(tree, key="SOPInstanceUID").rows) == 2


def test_headers_are_what_pydicom_reads_of_its_own_files():
    root = Path(pydicom.__file__).parent / "data" / "test_files"
    files = sorted(path.name for path in root.glob("*.dcm"))
    tags = KEYS[1:]
    headers = read_headers(root, files, tags)
    num_found = 0
    for place, file in enumerate(files):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(root / file, stop_before_pixels=True)
        except (InvalidDicomError, EOFError):
            continue
        expected = tuple(str(dataset.get(tag) or "").strip(" \0") for tag in tags)
        assert headers[place] == Header(file, expected)
        num_found += sum(map(bool, expected))
    assert num_found > 100


def test_a_deflated_bomb_is_read_no_further_than_the_tags(tree, tmp_path):
    dataset = pydicom.dcmread(tree / "p1" / "s1" / "one.dcm")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.Rows = dataset.Columns = 8192
    dataset.PixelData = bytes(8192 * 8192)
    dataset.save_as(tree / "bomb.dcm")
    tracemalloc.start()
    header = read_headers(tree, ["bomb.dcm"], ("SOPInstanceUID", "PatientID"))[0]
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.values == ("1.2.3", "p1")
    assert peak_bytes < 2**24


def test_keys_that_no_file_has_name_the_column_and_the_mend(tree):
    write_labels(tree, ("SOPInstanceUID", "label"), ("9.9", "cat"), ("9.8", "dog"))
    with pytest.raises(
        ManifestError, match=r"labels\.csv: column 'SOPInstanceUID' holds no SOPInstanceUID of a file in"
    ):
        read_source(tree, key="SOPInstanceUID")


def test_a_tree_without_dicom_an_unknown_key_and_a_key_of_a_folder_are_refused(tree, class_folders):
    write_labels(tree, ("SOPInstanceUID", "label"), ("1.2.3", "cat"))
    with pytest.raises(ConfigError, match="--key Sex: unknown value; choose from name, SOPInstanceUID"):
        read_source(tree, key="Sex")
    with pytest.raises(ConfigError, match="--key name: a source of format folder has no keys"):
        read_source(class_folders, format="folder", key="name")
    for folder in ("p1", "p2"):
        shutil.rmtree(tree / folder)
    with pytest.raises(SourceError, match="no DICOM file in it has the tag SOPInstanceUID"):
        read_source(tree, key="SOPInstanceUID")


def test_no_tag_stands_in_what_the_study_s_samples_say(tree, tmp_path):
    write_labels(tree, ("AccessionNumber", "label"), ("A1", "cat"), ("A2", "dog"))
    import_source(read_source(tree, key="AccessionNumber"), tmp_path / "study", image_size_px=32)
    study = open_study(tmp_path / "study")
    assert set(study.samples()["patient"]).isdisjoint({"p1", "p2"})
    assert study.samples()["patient"].nunique() == 2
    assert "A1" not in json.dumps(study.samples().values.tolist())
