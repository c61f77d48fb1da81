from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from overread.demo.chest import chest_pixels, plan_chest
from overread.demo.image_sets import chest_truth, write_chest

NUM_IMAGES = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chest")
    write_chest(path, num_images=NUM_IMAGES, seed=5)
    return path


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)


def test_labels_file_names_every_image_and_nothing_else(folder: Path, table: pd.DataFrame) -> None:
    assert table.columns.tolist() == ["image", "label", "patient"]
    assert set(table["label"]) == {"NORMAL", "PNEUMONIA"}
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {*table["image"], "labels.csv"}
    assert table["patient"].value_counts().max() == 2


def test_files_are_valid_dicom_half_of_them_monochrome1(folder: Path, table: pd.DataFrame) -> None:
    interpretations = []
    for image, patient in zip(table["image"], table["patient"], strict=True):
        file = pydicom.dcmread(folder / image)
        assert file.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert (file.BitsAllocated, file.BitsStored, file.HighBit) == (16, 12, 11)
        assert (file.Modality, file.BurnedInAnnotation, file.PatientID) == ("CR", "NO", patient)
        assert file.SOPInstanceUID.is_valid
        pixels = file.pixel_array
        assert pixels.dtype == np.uint16
        assert pixels.max() <= 4095
        assert np.unique(pixels).size > 500, "more than 8 bits are used"
        interpretations.append(file.PhotometricInterpretation)
    assert sorted(interpretations) == ["MONOCHROME1"] * 8 + ["MONOCHROME2"] * 8


def test_both_interpretations_show_dense_tissue_bright_through_their_window(folder: Path, table: pd.DataFrame) -> None:
    for image in table["image"]:
        file = pydicom.dcmread(folder / image)
        stored = file.pixel_array.astype(float)
        shown = np.clip((stored - float(file.WindowCenter)) / float(file.WindowWidth) + 0.5, 0, 1)
        if file.PhotometricInterpretation == "MONOCHROME1":
            shown = 1 - shown
        height, width = shown.shape
        spine = shown[int(0.5 * height) : int(0.7 * height), int(0.48 * width) : int(0.52 * width)].mean()
        air_above_the_shoulder = shown[: int(0.03 * height), : int(0.05 * width)].mean()
        assert spine > 0.75
        assert air_above_the_shoulder < 0.25


def test_same_seed_gives_the_same_bytes(folder: Path, table: pd.DataFrame, tmp_path: Path) -> None:
    write_chest(tmp_path, num_images=NUM_IMAGES, seed=5)
    for name in [*table["image"], "labels.csv"]:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    uids = {pydicom.dcmread(folder / image).SOPInstanceUID for image in table["image"]}
    assert len(uids) == NUM_IMAGES


def test_no_file_tells_the_truth(folder: Path, table: pd.DataFrame) -> None:
    truth = chest_truth(NUM_IMAGES, seed=5).set_index("image")["true_label"]
    assert truth.index.tolist() == table["image"].tolist()
    assert (truth.to_numpy() != table["label"].to_numpy()).sum() == round(0.135 * NUM_IMAGES)
    for image in table["image"]:
        header = str(pydicom.dcmread(folder / image, stop_before_pixels=True)).upper()
        assert not any(word in header + image.upper() for word in ("NORMAL", "PNEUMONIA", "SEVERITY", "OPACITY"))


def test_given_labels_are_wrong_mostly_where_findings_are_subtle() -> None:
    plan = plan_chest(600, seed=0)
    is_wrong = np.array([item.given_label != item.true_label for item in plan])
    ambiguity = np.array([item.ambiguity for item in plan])
    assert 0.12 <= is_wrong.mean() <= 0.15
    assert is_wrong[ambiguity > 0.6].mean() > 3 * is_wrong[ambiguity < 0.3].mean()
    assert all((item.severity > 0.5) == (item.true_label == "PNEUMONIA") for item in plan)


def test_an_opacity_makes_the_lungs_denser_the_more_severe_it_is() -> None:
    plan = plan_chest(600, seed=0)
    clear = next(index for index, item in enumerate(plan) if item.severity < 0.1)
    severe = next(index for index, item in enumerate(plan) if item.severity > 0.85 and item.kind == "diffuse")

    def lung_against_spine(index: int) -> float:
        pixels = chest_pixels(plan[index], index, seed=0).astype(float)
        height, width = pixels.shape
        rows = slice(int(0.45 * height), int(0.65 * height))
        return pixels[rows, int(0.2 * width) : int(0.3 * width)].mean() / pixels[rows, width // 2].mean()

    assert lung_against_spine(severe) > 1.2 * lung_against_spine(clear)
