"""Images replaced behind the study's back, down to size and time of change."""

import os
import shutil

import pytest
from PIL import Image

from overread.checks.report import check_study
from overread.images import file_hashes
from overread.pipeline.exporting import export_table
from overread.pipeline.study_ledger import open_ledger
from overread.review.cleaned_csv import own_columns
from overread.review.reviewed import OUTDATED
from overread.studies.changed_images import changed_images
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.importing import import_source, read_source
from tests.core.review.verdicts import verdict


@pytest.fixture
def study(class_folders, tmp_path):
    for path in class_folders.rglob("*.png"):
        Image.open(path).save(path, compress_level=0)
    import_source(read_source(class_folders), tmp_path / "study", image_size_px=16)
    return open_study(tmp_path / "study")


def replace_image(path, other):
    """By another picture of the same size and time of change."""
    status = path.stat()
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def ids(study):
    return dict(zip(study.samples()["image"], study.samples()["sample_id"], strict=True))


def test_replaced_and_missing_images_are_told(study, class_folders):
    assert changed_images(study) == {}
    replace_image(class_folders / "cat" / "a.png", class_folders / "dog" / "a.png")
    (class_folders / "cat" / "b.jpg").unlink()
    of = ids(study)
    expected = {of["cat/a.png"]: "changed", of["cat/b.jpg"]: "missing"}
    assert changed_images(study) == expected
    assert changed_images(study, [of["cat/b.jpg"], of["dog/a.png"]]) == {of["cat/b.jpg"]: "missing"}
    shutil.rmtree(study.pixels_path)
    assert changed_images(study) == expected


def test_only_files_whose_stamp_has_changed_are_read(study, class_folders, monkeypatch):
    touched = class_folders / "cat" / "a.png"
    os.utime(touched)
    read, sha256 = [], file_hashes.file_sha256
    monkeypatch.setattr(file_hashes, "file_sha256", lambda location: read.append(location.path) or sha256(location))
    assert changed_images(study) == {}
    assert read == [touched]


def test_check_names_the_samples(study, class_folders):
    replace_image(class_folders / "cat" / "a.png", class_folders / "dog" / "a.png")
    (class_folders / "cat" / "b.jpg").unlink()
    of = ids(study)
    found = {finding.kind: (finding.severity, finding.samples) for finding in check_study(study)}
    assert found["changed_image"] == ("error", (of["cat/a.png"],))
    assert found["missing_image"] == ("warning", (of["cat/b.jpg"],))


def decide(study, image):
    row = verdict(ids(study)[image], given_label="cat", chosen_label="dog", proposed_label="dog", kind="accept")
    open_ledger(study).record(row)


def test_a_verdict_on_an_image_that_was_replaced_since_is_outdated(study, class_folders, tmp_path):
    for image in ("cat/a.png", "cat/b.jpg"):
        decide(study, image)
    replace_image(class_folders / "cat" / "a.png", class_folders / "dog" / "a.png")
    table, own = export_table(study)
    verdicts = dict(zip(table["image"], table[own[2]], strict=True))
    assert (verdicts["cat/a.png"], verdicts["cat/b.jpg"]) == (OUTDATED, "accept")
    ended = run_command("export", study.path, "--out", tmp_path / "out.csv")
    assert "1 verdicts are outdated, as the label or the image has changed since" in ended.out


def test_a_verdict_stands_though_its_image_is_away(study, class_folders):
    decide(study, "cat/b.jpg")
    (class_folders / "cat" / "b.jpg").unlink()
    table, own = export_table(study)
    assert dict(zip(table["image"], table[own[2]], strict=True))["cat/b.jpg"] == "accept"


def test_a_verdict_follows_a_renamed_image(study, class_folders):
    decide(study, "cat/a.png")
    (class_folders / "cat" / "a.png").rename(class_folders / "cat" / "deep" / "other.png")
    import_source(read_source(class_folders), study.path, update=True)
    table, own = export_table(open_study(study.path))
    assert own == own_columns(("image", "label"))
    assert dict(zip(table["image"], table[own[2]], strict=True))["cat/deep/other.png"] == "accept"
