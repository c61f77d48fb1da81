from collections import Counter

import pytest

from overread.errors import StudyError
from tests.core.conftest import write_image
from tests.core.importing import import_source, read_source

BREAST = "histology_slides/breast"


@pytest.fixture
def breakhis(tmp_path):
    for name in (
        "benign/SOB/adenosis/SOB_B_A_14-22549AB/40X/SOB_B_A-14-22549AB-40-001.png",
        "benign/SOB/adenosis/SOB_B_A_14-22549AB/100X/SOB_B_A-14-22549AB-100-001.png",
        "benign/SOB/tubular_adenoma/SOB_B_TA_14-3411F/40X/SOB_B_TA-14-3411F-40-001.png",
        "malignant/SOB/ductal_carcinoma/SOB_M_DC_14-2523/40X/SOB_M_DC-14-2523-40-001.png",
    ):
        write_image(tmp_path / BREAST / name)
    return tmp_path


def test_breakhis_has_two_classes_and_its_patients_in_the_names(breakhis):
    source = read_source(breakhis)
    assert Counter((row.label, row.patient) for row in source.rows) == {
        ("benign", "14-22549AB"): 2,
        ("benign", "14-3411F"): 1,
        ("malignant", "14-2523"): 1,
    }
    assert source.messages == (
        "the names are those of BreaKHis: 3 patients were taken from them; "
        "--label-folder 5 takes the tumour types as classes",
    )


def test_the_tumour_types_of_breakhis_can_be_the_classes(breakhis):
    source = read_source(breakhis, label_folder=5)
    assert {row.label for row in source.rows} == {"adenosis", "tubular_adenoma", "ductal_carcinoma"}
    assert {row.patient for row in source.rows} == {"14-22549AB", "14-3411F", "14-2523"}
    by_folder = read_source(breakhis, label_folder=5, patient_folder=6)
    assert {row.patient for row in by_folder.rows} == {"SOB_B_A_14-22549AB", "SOB_B_TA_14-3411F", "SOB_M_DC_14-2523"}


def test_an_update_that_forgets_the_folder_of_the_classes_is_refused(breakhis, tmp_path):
    study = tmp_path / "study"
    import_source(read_source(breakhis, label_folder=5), study, image_size_px=32)
    with pytest.raises(StudyError, match=r"adenosis, .*, and now benign, malignant were read; give .*--label-folder"):
        import_source(read_source(breakhis), study, update=True)
    assert import_source(read_source(breakhis, label_folder=5), study, update=True).num_samples == 4


@pytest.mark.parametrize(
    ("names", "patients"),
    [
        (("all/UID_1_1_1_all.bmp", "all/UID_1_2_1_all.bmp", "hem/UID_H12_3_1_hem.bmp"), ["1", "1", "H12"]),
        (("CNV/CNV-1016042-1.jpeg", "NORMAL/NORMAL-1384-7.jpeg"), ["1016042", "1384"]),
        (("ADI/ADI-AAAMHQMK.tif", "DEB/DEB-TCGA-AAICEMFN.tif"), ["", ""]),
        (("lung_aca/lungaca1.jpeg", "lung_n/lungn1.jpeg"), ["", ""]),
        (("all/UID_1_1_1_all.bmp", "hem/scan.bmp"), ["", ""]),
    ],
)
def test_patients_are_taken_from_names_of_known_datasets_only(tmp_path, names, patients):
    for name in names:
        write_image(tmp_path / name)
    assert [row.patient for row in read_source(tmp_path).rows] == patients
