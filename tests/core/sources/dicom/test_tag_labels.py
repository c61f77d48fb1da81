"""Labels from a tag of the DICOM files themselves; the expected ones are what pydicom wrote there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from overread.errors import ConfigError, ManifestError, SourceError
from overread.sources.dicom.tags import tag_name, tag_number
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.images.made_dicom import write_dicom
from tests.core.importing import read_source

PARTS = ("CHEST", "HAND", "CHEST", "", "HAND")


def write_tree(root: Path, values: tuple[Any, ...], name: str, **attributes: Any) -> Path:
    """A file of noise for each value, of two patients; an empty value is a tag that is not there."""
    rng = np.random.default_rng(0)
    root.mkdir(exist_ok=True)
    for number, value in enumerate(values):
        pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
        tag = {name: value} if value else {}
        write_dicom(root / f"{number}.dcm", pixels, PatientID=f"p{number % 2}", **tag, **attributes)
    return root


def code(meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-1", "SRT", meaning
    return Sequence([item])


def labels_of(root: Path, tag: str) -> list[str]:
    return [row.label for row in read_source(root, label_tag=tag).rows]


def test_links_that_lead_in_circles_are_no_files_of_the_tree(tmp_path):
    root = write_tree(tmp_path / "tree", PARTS, "BodyPartExamined")
    (root / "self.dcm").symlink_to("self.dcm")
    (root / "back").symlink_to("..")
    source = read_source(root, label_tag="BodyPartExamined")
    assert [row.label for row in source.rows] == list(PARTS)
    assert "1 files are not DICOM files and were left out" in source.messages


def test_the_tag_gives_labels_and_a_file_without_it_is_quarantined(tmp_path):
    root = write_tree(tmp_path / "tree", PARTS, "BodyPartExamined")
    (root / "labels.csv").write_text("no,matter\n")
    ended = run_command(
        "import", root, "--format", "dicom", "--label-tag", "BodyPartExamined", "--study", tmp_path / "s",
        "--image-size", 32,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    study = open_study(tmp_path / "s")
    samples = study.samples()
    assert list(samples["given_label"]) == [part for part in PARTS if part]
    assert list(samples["image"]) == ["0.dcm", "1.dcm", "2.dcm", "4.dcm"]
    assert samples["patient"].nunique() == 2
    assert study.quarantine().values.tolist() == [["4", "3.dcm", "the label is missing"]]
    assert study.source_table()["BodyPartExamined"].tolist() == list(PARTS)
    again = run_command("import", root, "--label-tag", "(0018,0015)", "--study", tmp_path / "s", "--update")
    assert again.status == 0, again.err
    other = run_command("import", root, "--label-tag", "PatientID", "--study", tmp_path / "s", "--update")
    assert other.status == 2
    assert "this study reads 'BodyPartExamined'" in other.err


def test_a_sequence_gives_the_meaning_of_its_first_code(tmp_path):
    meanings = ("Postero-anterior", "Lateral", "Lateral")
    root = write_tree(tmp_path / "tree", tuple(map(code, meanings)), "ViewCodeSequence")
    assert labels_of(root, "ViewCodeSequence") == list(meanings)


def test_several_values_of_a_tag_are_one_label(tmp_path):
    values = (["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"])
    assert labels_of(write_tree(tmp_path / "tree", values, "ImageType"), "0008,0008") == [
        "ORIGINAL\\PRIMARY",
        "DERIVED\\SECONDARY",
    ]


@pytest.mark.parametrize("is_implicit", [True, False])
def test_a_private_tag_is_named_by_its_number(tmp_path, is_implicit):
    for number, value in enumerate(("benign", "malignant")):
        dataset = write_dicom(tmp_path / "a", np.zeros((16, 16), dtype=np.uint8))
        dataset.private_block(0x0019, "OVERREAD", create=True).add_new(0x10, "LO", value)
        if is_implicit:
            del dataset.file_meta.TransferSyntaxUID
            dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
        dataset.save_as(tmp_path / f"{number}.dcm", implicit_vr=is_implicit, little_endian=True)
    (tmp_path / "a").unlink()
    source = read_source(tmp_path, label_tag="(0019,1010)")
    assert [row.label for row in source.rows] == ["benign", "malignant"]
    assert source.label_column == "(0019,1010)"


def test_a_label_beyond_the_first_kilobytes_and_in_another_alphabet_is_found(tmp_path):
    root = write_tree(
        tmp_path / "tree", ("Lunge", "Schädel"), "RequestedProcedureDescription",
        SpecificCharacterSet="ISO_IR 100", ImageComments="x" * 10_000,
    )  # fmt: skip
    assert labels_of(root, "RequestedProcedureDescription") == ["Lunge", "Schädel"]


def test_what_is_no_dicom_and_directories_of_discs_are_left_out(tmp_path):
    root = write_tree(tmp_path / "tree", PARTS, "BodyPartExamined")
    (root / "notes.txt").write_text("notes")
    (root / "DICOMDIR").write_bytes((root / "0.dcm").read_bytes())
    source = read_source(root, label_tag="BodyPartExamined")
    assert len(source.rows) == len(PARTS)
    assert source.messages[-1] == "1 files are not DICOM files and were left out"


@pytest.mark.parametrize(
    ("tag", "what"),
    [("Laterality", "has a value in no file"), ("Modality", "has but one value")],
)
def test_a_tag_that_tells_nothing_apart_names_those_that_would(tmp_path, tag, what):
    root = write_tree(
        tmp_path / "tree", PARTS, "BodyPartExamined", Modality="CR", ViewCodeSequence=code("Lateral")
    )  # fmt: skip
    write_dicom(root / "6.dcm", np.zeros((16, 16), dtype=np.uint8), Modality="CR", ViewCodeSequence=code("x"))
    (root / "7.dcm").write_bytes((root / "6.dcm").read_bytes().replace(b"CS\x02\0CR", b"US\x01\0C"))
    with pytest.raises(ManifestError) as raised:
        read_source(root, label_tag=tag)
    assert str(raised.value) == (
        f"{root}: the tag {tag} {what}; tags that have 2 to 50 values: ViewCodeSequence, BodyPartExamined"
    )


def test_a_tree_without_any_telling_tag_asks_for_a_labels_file(tmp_path):
    root = write_tree(tmp_path / "tree", ("CHEST", "CHEST"), "BodyPartExamined")
    with pytest.raises(ManifestError, match=r"no tag has several; give a labels file, --labels FILE$"):
        read_source(root, label_tag="BodyPartExamined")


def test_tags_that_are_none_and_flags_that_do_not_fit_are_refused(tmp_path, class_folders):
    for name in ("BodyPart", "0018", "(7FE0,0010)", "(0002,0010)", "PixelData"):
        with pytest.raises(ConfigError, match=r"is no DICOM keyword|holds no label"):
            read_source(tmp_path, label_tag=name)
    with pytest.raises(SourceError, match="it contains no DICOM files"):
        read_source(class_folders, label_tag="BodyPartExamined")
    with pytest.raises(
        ConfigError, match="--label-tag BodyPartExamined: reads labels and patients only from DICOM files"
    ):
        read_source(class_folders, format="folder", label_tag="BodyPartExamined")
    with pytest.raises(SourceError, match="or name the DICOM tag that holds them with --label-tag"):
        read_source(class_folders, format="dicom")


def test_a_tag_is_named_by_its_keyword_or_its_number():
    for name in ("BodyPartExamined", "(0018,0015)", "0018,0015", "00180015", " (0018, 0015) "):
        assert tag_name(tag_number(name)) == "BodyPartExamined"
