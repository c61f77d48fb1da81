"""What layouts and releases do besides what the commands in core/docs/formats.md show."""

import gzip
import shutil

import pytest

from overread.errors import ConfigError, ManifestError, SourceError
from tests.core.importing import read_source
from tests.core.sources.layouts.chest_sets import CHEST
from tests.core.sources.layouts.made_dataset import PublicDataset
from tests.core.sources.layouts.skin_sets import RETINOPATHY, SKIN_AND_RETINA
from tests.core.sources.layouts.tissue_sets import TISSUE

DATASETS = {dataset.name: dataset for dataset in (*CHEST, *SKIN_AND_RETINA, *TISSUE)}


@pytest.fixture
def make(tmp_path):
    def made(name: str):
        dataset: PublicDataset = DATASETS[name]
        dataset.make(tmp_path)
        return tmp_path

    return made


def test_codes_of_a_layout_are_classes_in_their_order_and_are_written_back(make):
    source = read_source(make("APTOS"))
    assert source.classes == RETINOPATHY
    assert source.written_labels == {name: str(code) for code, name in enumerate(RETINOPATHY)}
    assert "train.csv: was read as the table of APTOS 2019" in source.messages


def test_the_user_s_names_of_codes_go_before_the_layout_s(make):
    source = read_source(make("APTOS"), classes=("0=none", "1=a", "2=b", "3=c", "4=d"))
    assert {row.label for row in source.rows} == {"none", "a", "b", "c", "d"}


def test_a_column_that_the_user_names_goes_before_the_layout_s(make):
    source = read_source(make("HAM10000"), label_column="dx", patient_column="image_id")
    assert {row.patient for row in source.rows} == {cells[source.columns.index("image_id")] for cells in source.cells}


def test_patients_are_left_open_where_their_table_is_missing(make):
    root = make("ISIC 2019")
    (root / "ISIC_2019_Training_Metadata.csv").unlink()
    assert {row.patient for row in read_source(root).rows} == {""}


def test_mimic_s_labels_can_be_those_of_another_labeller(make):
    root = make("MIMIC-CXR-JPG")
    path = root / "mimic-cxr-2.0.0-negbio.csv"
    path.write_text(path.read_text().replace("1.0", "0.0").replace("-0.0", "1.0"))
    source = read_source(root, labels=path.name, finding="pneumonia")
    assert sorted(row.label for row in source.rows) == [""] * 2 + ["absent"] * 8 + ["present"] * 2


def test_mimic_s_tables_may_be_packed_as_they_are_released(make):
    root = make("MIMIC-CXR-JPG")
    plain = read_source(root, finding="Pneumonia")
    for path in root.glob("*.csv"):
        with path.open("rb") as table, gzip.open(f"{path}.gz", "wb") as packed:
            shutil.copyfileobj(table, packed)
        path.unlink()
    assert read_source(root, finding="Pneumonia").rows == plain.rows


def test_mimic_without_its_table_of_images_is_refused_by_name(make):
    root = make("MIMIC-CXR-JPG")
    (root / "mimic-cxr-2.0.0-metadata.csv").unlink()
    with pytest.raises(SourceError, match=r"no mimic-cxr-2\.0\.0-metadata\.csv in it"):
        read_source(root, format="mimic-cxr-jpg", finding="Pneumonia")


@pytest.mark.parametrize("name", ["MIMIC-CXR-JPG", "VinDr-CXR", "RSNA haemorrhage"])
def test_a_finding_that_is_no_column_is_answered_with_the_columns(make, name):
    with pytest.raises(ConfigError, match=r"--finding measles: .* has no such column; choose from "):
        read_source(make(name), finding="measles")


def test_a_question_counts_images_not_rows(make):
    with pytest.raises(ManifestError, match=r"Pleural effusion \(6\)"):
        read_source(make("VinDr-CXR"))


def test_a_film_of_mini_mias_with_several_lines_is_as_bad_as_the_worst(make):
    root = make("mini-MIAS")
    with (root / "Info.txt").open("a") as file:
        file.write("mdb004 D CIRC B 1 2 3\nmdb004 D CALC M 4 5 6\n")
    source = read_source(root)
    assert next(row.label for row in source.rows if row.image == "mdb004.pgm") == "malignant"
    assert source.messages[-1] == "1 films have lines that differ; the most severe one was taken"


def test_mini_mias_s_other_columns_can_be_audited(make):
    root = make("mini-MIAS")
    assert {row.label for row in read_source(root, label_column="BG").rows} == {"F", "G", "D"}
    with pytest.raises(ConfigError, match="choose one of these"):
        read_source(root, label_column="X")


def test_a_line_of_a_list_that_is_not_covidx_s_is_named(make):
    root = make("COVIDx")
    with (root / "val.txt").open("a") as file:
        file.write("\nval9 picture.png\n")
    with pytest.raises(SourceError, match=r"val\.txt line 6: is not patient, file, class and origin"):
        read_source(root)


def test_a_list_of_files_and_labels_alone_is_not_covidx_s(tmp_path):
    (tmp_path / "train.txt").write_text("a.png NORMAL\nb.png PNEUMONIA\n")
    with pytest.raises(SourceError, match="is not patient, file, class and origin"):
        read_source(tmp_path, format="covidx", labels="train.txt")
