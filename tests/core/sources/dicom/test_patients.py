import numpy as np
import pytest

from tests.core.images.made_dicom import write_dicom
from tests.core.importing import read_source


@pytest.fixture
def scans(tmp_path):
    """A folder per class, two scans in each; the second ones are of one patient."""
    root = tmp_path / "scans"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        write_dicom(root / name / "0.dcm", np.zeros((16, 16), dtype=np.uint8), PatientID=f"of {name}")
        write_dicom(root / name / "1.dcm", np.zeros((16, 16), dtype=np.uint8), PatientID="of both")
    return root


def patients(source):
    return [row.patient for row in source.rows]


def test_dicom_files_in_a_folder_per_class_tell_their_patients(scans):
    (scans / "cat" / "2.png").write_bytes(b"no DICOM")
    source = read_source(scans)
    assert patients(source) == ["of cat", "of both", "", "of dog", "of both"]
    assert source.messages == ("patients were taken from the tag PatientID",)


def test_dicom_files_and_frames_that_a_table_names_by_path_tell_their_patients(scans):
    table = scans / "labels.csv"
    table.write_text("image,label,owner\ncat/0.dcm#1,yes,me\ndog/1.dcm,no,you\n../other.dcm,no,you\n")
    assert patients(read_source(table)) == ["of cat", "of both", ""]
    assert patients(read_source(table, patient_column="owner")) == ["me", "you", "you"]


def test_frames_of_a_known_patient_are_of_no_slide(scans):
    write_dicom(scans / "cat" / "0.dcm", np.zeros((2, 16, 16), dtype=np.uint8), PatientID="of cat")
    frame = read_source(scans, frames="all").rows[1]
    assert (frame.image, frame.patient, frame.slide) == ("cat/0.dcm#2", "of cat", "")


def test_other_images_have_no_patient(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"no DICOM")
    source = read_source(tmp_path)
    assert (patients(source), source.messages) == (["", ""], ())
