"""The Studies page of DICOM studies: what their files say of text in their pixels stands there unasked."""

import json

import numpy as np
import pytest

from overread.checks import burned_in
from overread.checks.burned_in import find_burned_in
from overread.studies.study import open_study
from overread_app.processes import STUDIES_VARIABLE
from tests.core.commands import run_command
from tests.core.images.made_dicom import write_dicom

SAID = ("YES", "NO", "", "NO", "YES", "NO", "NO", "")


@pytest.fixture
def study(tmp_path):
    (tmp_path / "tree").mkdir()
    for number, value in enumerate(SAID):
        tag = {"BurnedInAnnotation": value} if value else {}
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        write_dicom(tmp_path / "tree" / f"{number}.dcm", pixels, Laterality="LR"[number % 2], **tag)
    ended = run_command(
        "import", tmp_path / "tree", "--label-tag", "Laterality", "--study", tmp_path / "s", "--image-size", 32
    )
    assert ended.status == 0, ended.err
    return open_study(tmp_path / "s")


def test_the_page_warns_of_what_the_files_say(study, app, monkeypatch):
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    page = app.run()
    assert not page.exception
    assert [warning.value for warning in page.warning] == [
        "2 of 8 DICOM images are marked as having text burned into their pixels, which may name patients",
        "2 of 8 DICOM images do not say whether text is burned into their pixels: check some of them",
    ]


def test_of_a_large_study_images_from_all_over_it_are_looked_at(study, monkeypatch):
    monkeypatch.setattr(burned_in, "MAX_CHECKED", 4)
    findings = find_burned_in(study)
    assert [finding.message for finding in findings] == [
        "2 of 4 DICOM images checked are marked as having text burned into their pixels, which may name patients",
        "1 of 4 DICOM images checked do not say whether text is burned into their pixels: check some of them",
    ]
