import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from overread.checks.shortcuts import check_headers, check_shortcuts, predictability, shortcut_features
from overread.images.file_header import FileHeader, read_headers
from overread.images.location import Location
from tests.core.checks.samples import made_samples
from tests.core.images.made_dicom import write_dicom

RNG = np.random.default_rng(0)
NUM = 120
LABELS = [("cat", "dog")[i] for i in RNG.integers(0, 2, NUM)]
NAMES = [f"{number:06x}.png" for number in RNG.choice(1 << 24, NUM, replace=False)]


def header(**fields):
    return FileHeader(
        **{"num_bytes": 9000, "format": "PNG", "width_px": 64, "height_px": 64, "channels": 1, "bits": 8} | fields
    )


def found(headers, names=NAMES, labels=LABELS, groups=None):
    samples = made_samples(names, labels)
    groups = np.arange(len(samples)) if groups is None else groups
    return {f.kind: f for f in check_shortcuts(samples, shortcut_features(samples, headers), groups)}


def test_random_names_and_equal_headers_are_no_shortcut():
    assert found([header()] * NUM) == {}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("size", {"width_px": 80}),
        ("depth", {"channels": 3}),
        ("file_size", {"num_bytes": 12_000}),
        ("format", {"format": "JPEG"}),
        ("metadata", {"entries": frozenset({"PatientSex"})}),
    ],
)
def test_what_only_one_class_s_files_have_is_a_shortcut(kind, fields):
    findings = found([header(**fields) if label == "dog" else header() for label in LABELS])
    assert f"shortcut_{kind}" in findings
    assert findings[f"shortcut_{kind}"].severity == ("info" if kind == "file_size" else "error")
    assert "PatientSex" not in findings[f"shortcut_{kind}"].message


def test_a_piece_of_the_name_is_a_shortcut_wherever_it_stands_and_is_not_told():
    names = [
        f"{name[:3]}{'zq' if label == 'dog' else 'vx'}{name[3:]}" for name, label in zip(NAMES, LABELS, strict=True)
    ]
    findings = found([header()] * NUM, names)
    assert list(findings) == ["shortcut_name"]
    assert "zq" not in findings["shortcut_name"].message


def test_a_source_sorted_by_class_is_a_shortcut_of_its_order():
    assert list(found([header()] * NUM, labels=sorted(LABELS))) == ["shortcut_order"]


@pytest.mark.slow
def test_a_patient_s_size_is_no_shortcut_where_patients_are_kept_together():
    """Each patient has images of one size and one label: only a model that knows the patient can guess."""
    patients = np.repeat(np.arange(NUM // 4), 4)
    labels = [("cat", "dog")[i] for i in np.random.default_rng(1).integers(0, 2, NUM // 4)[patients]]
    sizes = np.random.default_rng(2).choice(np.arange(64, 640), NUM // 4, replace=False)[patients]
    headers = [header(width_px=int(size)) for size in sizes]
    assert "shortcut_size" in found(headers, labels=labels)
    assert "shortcut_size" not in found(headers, labels=labels, groups=patients)


def test_the_auroc_is_that_of_the_feature_where_it_ranks_the_classes():
    labels = np.arange(400) % 2
    rng = np.random.default_rng(3)
    feature = labels + rng.normal(0, 1.0, 400)
    auroc, accuracy = predictability(feature[:, None], labels, np.arange(400))
    assert auroc == pytest.approx(roc_auc_score(labels, feature), abs=0.1)
    assert accuracy == pytest.approx(0.69, abs=0.07)  # of the best threshold: the normal distribution at 0.5


def test_a_class_in_too_few_groups_is_left_out():
    headers = [header(width_px=80 if label == "dog" else 64) for label in LABELS]
    labels = ["eel" if i < 3 else label for i, label in enumerate(LABELS)]
    assert found(headers, labels=labels)["shortcut_size"].count == NUM - 3


def test_images_of_another_size_or_depth_are_named():
    headers = [header() for _ in range(20)]
    headers[3] = header(width_px=400, height_px=400)
    headers[7] = header(bits=16)
    headers[9] = FileHeader()  # not read: neither
    findings = {f.kind: f.samples for f in check_headers(made_samples(NAMES[:20], LABELS[:20]), headers)}
    assert findings == {"resolution_outlier": ("id3",), "depth_outlier": ("id7",)}


def test_burned_in_text_is_named_and_so_is_silence_on_it():
    headers = [header(format="DICOM", burned_in=value) for value in ("NO", "YES", "", "NO")]
    findings = {f.kind: (f.severity, f.samples) for f in check_headers(made_samples(list("abcd"), LABELS[:4]), headers)}
    assert findings == {"burned_in": ("error", ("id1",)), "burned_in_unknown": ("warning", ("id2",))}


def test_a_header_tells_size_depth_and_which_entries_are_there(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a", "JPEG", dpi=(72, 72))
    jpeg = read_headers([Location.of(tmp_path / "a")])[0]
    assert (jpeg.format, jpeg.width_px, jpeg.height_px, jpeg.channels, jpeg.bits) == ("JPEG", 30, 20, 3, 8)
    assert "dpi" in jpeg.entries
    assert jpeg.num_bytes == (tmp_path / "a").stat().st_size
    Image.fromarray(np.zeros((9, 8), np.uint16)).save(tmp_path / "b", "PNG")
    assert read_headers([Location.of(tmp_path / "b")])[0].bits == 16
    (tmp_path / "c").write_text("nothing")
    no_image, no_file = (Location.of(tmp_path / name) for name in "cd")
    assert read_headers([no_image, no_file]) == [FileHeader(), FileHeader()]


def test_a_dicom_header_names_entries_but_never_their_values(tmp_path):
    write_dicom(tmp_path / "x.dcm", np.zeros((12, 10), np.uint16), PatientName="Zimt^Anna", BurnedInAnnotation="YES")
    found = read_headers([Location.of(tmp_path / "x.dcm")])[0]
    assert (found.format, found.width_px, found.height_px, found.burned_in) == ("DICOM", 10, 12, "YES")
    assert "PatientName" in found.entries
    assert "Zimt" not in repr(found)
