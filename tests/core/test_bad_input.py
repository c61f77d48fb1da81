"""What only the user can decide: one line that says what to mend, exit status 2, and nothing lost."""

import io
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from overread.studies.run import training_lock
from overread.studies.study import SCHEMA_VERSION, open_study
from tests.core.commands import TINY, import_arguments, import_source, run_command
from tests.core.images.made_dicom import write_dicom


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A source and its study, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    import_source(folder)
    return folder


@pytest.fixture
def source(ready, tmp_path):
    return shutil.copytree(ready / "source", tmp_path / "source")


@pytest.fixture
def study(ready, tmp_path):
    return shutil.copytree(ready / "study", tmp_path / "study")


def contents_of(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".training.lock"]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def refused(folder, *arguments):
    """Run a command that must refuse, leaving everything in `folder` as it is; its message."""
    before = contents_of(folder)
    ended = run_command(*arguments)
    assert contents_of(folder) == before
    assert (ended.status, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    return line


def edit_labels(source, change):
    path = source / "labels-of-the-clinic.csv"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_a_source_that_is_not_there(tmp_path):
    line = refused(tmp_path, "import", tmp_path / "nowhere", "--study", tmp_path / "study")
    assert "nowhere" in line


def test_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    line = refused(tmp_path, "import", tmp_path / "empty", "--study", tmp_path / "study")
    assert "the folder is empty" in line


def test_a_column_that_is_not_there(source, tmp_path):
    arguments = [part if part != "finding" else "diagnosis" for part in import_arguments(source, tmp_path / "new")]
    line = refused(tmp_path, *arguments)
    assert "labels-of-the-clinic.csv row 1: no column 'diagnosis'" in line
    assert "--label-column" in line
    assert "scan, finding, patient" in line


def test_a_label_that_is_not_allowed(source, tmp_path):
    line = refused(tmp_path, *import_arguments(source, tmp_path / "new"), "--classes", "cat,dog")
    assert "labels-of-the-clinic.csv row 4: label 'eel' is not one of cat, dog; fix the row or pass --classes" in line


def test_one_image_under_two_labels(source, tmp_path):
    edit_labels(source, lambda text: text + "scans/doe-4711_000.png,dog,,train,\n")
    line = refused(tmp_path, *import_arguments(source, tmp_path / "new"))
    assert "labels-of-the-clinic.csv rows 2 and 75: one image has two labels, 'cat' and 'dog'" in line


def test_one_class(source, tmp_path):
    edit_labels(source, lambda text: text.replace(",dog,", ",cat,").replace(",eel,", ",cat,"))
    line = refused(tmp_path, *import_arguments(source, tmp_path / "new"))
    assert "only the class 'cat'" in line


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((10**10, 28, 28), "x.npz: "),
        ((2, 200_000, 200_000), "up to 2048 px a side"),
        ((2, 28, 28), "not an intact MedMNIST .npz file"),
    ],
)
def test_an_npz_that_promises_more_than_it_holds(tmp_path, shape, message):
    """Headers of arrays that no memory holds, and a megabyte of zeros, which a zip keeps as a thousand bytes."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, of_array in (("train_images", shape), ("train_labels", (shape[0], 1))):
            header = io.BytesIO()
            fields = {"descr": "|u1", "fortran_order": False, "shape": of_array}
            np.lib.format.write_array_header_1_0(header, fields)
            content = b"" if name == "train_images" and shape == (2, 28, 28) else bytes([0, 1]) * 500_000
            archive.writestr(f"{name}.npy", header.getvalue() + content)
    assert message in refused(tmp_path, "import", tmp_path / "x.npz", "--study", tmp_path / "study")


def test_rows_that_name_what_is_no_image_of_the_source_are_left_out_and_the_rest_goes_on(source, tmp_path):
    scans = source / "scans"
    Image.new("L", (30, 30)).save(tmp_path / "outside.png")
    (scans / "link.png").symlink_to(tmp_path / "outside.png")
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)), (b"IDAT", b"x"), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (scans / "bomb.png").write_bytes(png)
    write_dicom(scans / "empty.dcm", np.zeros((12, 12), np.uint16))
    dataset = dcmread(scans / "empty.dcm")
    del dataset.PixelData
    dataset.save_as(scans / "empty.dcm")
    reasons = {
        "../outside.png": "the path leads out of the source",
        str(tmp_path / "outside.png"): "the path is not relative to the source",
        "scans/link.png": "a link leads out of the source; --follow-links reads it",
        "scans/bomb.png": "too large (over 150 megapixels)",
        "scans/empty.dcm": "a DICOM file without pixel data",
        "scans": "the file is missing",
    }
    edit_labels(source, lambda text: text + "".join(f"{image},cat,,train,\n" for image in reasons))
    ended = run_command(*import_arguments(source, tmp_path / "new"))
    assert ended.status == 0, ended.err
    quarantine = open_study(tmp_path / "new").quarantine()
    assert dict(zip(quarantine["image"], quarantine["reason"], strict=True)).items() >= reasons.items()
    assert len(open_study(tmp_path / "new").samples()) == 72


def test_a_study_that_is_there_already(source, study, tmp_path):
    line = refused(tmp_path, *import_arguments(source, study))
    assert "--update" in line


COMMANDS = {
    "check": (),
    "agreement": (),
    "train": (),
    "evaluate": ("--truth", "truth.csv"),
    "proposals": ("--out", "p.csv"),
    "export": ("--out", "e.csv"),
    "corrupt": ("--noise", "pair", "--rate", 0.2, "--out", "noisy", "--truth", "truth.csv"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_study_of_a_newer_version(study, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    fields = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**fields, "schema_version": SCHEMA_VERSION + 1}))
    assert "written by a newer Overread" in refused(tmp_path, command, study, *COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_study_that_is_not_there(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert "no such study" in refused(tmp_path, command, tmp_path / "nowhere", *COMMANDS[command])


def test_a_newer_study_is_not_read_again_either(source, study, tmp_path):
    fields = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**fields, "schema_version": SCHEMA_VERSION + 1}))
    assert "written by a newer Overread" in refused(tmp_path, *import_arguments(source, study), "--update")


@pytest.mark.parametrize("is_update", [False, True])
def test_a_disk_without_room_for_the_cache(source, study, tmp_path, monkeypatch, is_update):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 500, 500))
    arguments = import_arguments(source, study if is_update else tmp_path / "new")
    assert "not enough disk space" in refused(tmp_path, *arguments, *(["--update"] if is_update else []))


def test_a_disk_that_fills_up_on_the_way(study, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "disk" in refused(
        tmp_path, "corrupt", study, *COMMANDS["corrupt"][:4], "--out", tmp_path / "noisy", "--truth", tmp_path / "t.csv"
    )


def test_a_second_training_at_the_same_time(study, tmp_path):
    with training_lock(open_study(study), "20260101T000000-quick-0"):
        line = refused(tmp_path, "train", study, *TINY)
    assert "this study is already being trained" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "best"), "--preset: 'best' is not one of overread, paper, quick"),
        (("--device", "tpu"), "'tpu' is not one of auto, cpu, cuda"),
        (("--set", "pretrain.epochs=3"), "--set pretrain.epochs=3: no such setting"),
        (("--set", "rounds.num_epochs=1,1"), "rounds.first_stages: found (2, 3, 4)"),
        (("--resume",), "has no run to resume; train without --resume"),
    ],
)
def test_a_training_that_cannot_begin(study, tmp_path, arguments, message):
    assert message in refused(tmp_path, "train", study, *arguments)


@pytest.fixture(scope="module")
def trained(ready):
    """The study with a run, which no test changes."""
    study = shutil.copytree(ready / "study", ready / "trained")
    assert run_command("train", study, *TINY).status == 0
    return study


def truth_of(study, tmp_path, change, encoding="utf-8"):
    """A file of the given labels by image, changed."""
    samples = open_study(study).samples()
    lines = ["image,true_label", *(f"{row.image},{row.given_label}" for row in samples.itertuples())]
    path = tmp_path / "truth.csv"
    path.write_bytes(change("\n".join(lines) + "\n").encode(encoding))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + "scans/doe-4711_000.png,dog\n", "rows 2 and 74: one sample has two true labels"),
        (lambda text: text.replace(",eel", ",Eel", 1), "row 4: label 'Eel' is not one of cat, dog, eel; fix the row"),
        (lambda text: text.replace("\n", ",x\n", 3).replace(",x\n", "\n", 2), "row 3: 3 cells where the header has 2"),
        (
            lambda text: text.replace("true_label", "truth"),
            "needs the columns true_label and either sample_id or image",
        ),
        (lambda text: text.replace("scans/", "images/"), "none of its rows matches a sample"),
        (lambda text: "", "the file is empty"),
    ],
)
def test_a_truth_that_does_not_fit(trained, tmp_path, change, message):
    assert message in refused(tmp_path, "evaluate", trained, "--truth", truth_of(trained, tmp_path, change))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_truth_from_a_spreadsheet_is_read(trained, tmp_path, encoding):
    def with_remark(text):
        first, *lines = text.replace(",", ";").splitlines()
        return "\r\n".join([f"{first};größe", *(f"{line};1,5" for line in lines), f"{lines[0]};2,5"])

    truth = truth_of(trained, tmp_path, with_remark, encoding)
    ended = run_command("evaluate", trained, "--truth", truth, "--json")
    result = json.loads(ended.out)
    assert (result["num_samples"], result["num_errors"]) == (72, 0)


@pytest.mark.parametrize("command", ["evaluate", "proposals", "export"])
def test_a_run_that_is_not_there(study, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    line = refused(tmp_path, command, study, *COMMANDS[command], "--run", "20260101T000000-quick-0")
    assert "has no finished run '20260101T000000-quick-0'" in line


def test_proposals_of_a_study_without_a_run_say_how_to_train(study, tmp_path):
    assert "overread train" in refused(tmp_path, "proposals", study, "--out", tmp_path / "p.csv")


@pytest.mark.parametrize("command", ["proposals", "export"])
def test_an_out_that_cannot_be_a_file(study, tmp_path, command):
    (tmp_path / "folder").mkdir()
    for out in (tmp_path / "folder", tmp_path / "nowhere" / "out.csv"):
        assert f"--out {out}: " in refused(tmp_path, command, study, "--out", out)
