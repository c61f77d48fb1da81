"""The study's owner chooses the protocol of its readers, and whether they grade errors, when it is made or later."""

import json

import pytest

from overread.errors import StudyError
from overread.studies.study import open_study
from tests.core.commands import import_arguments, run_command, write_source


def test_the_protocol_is_chosen_when_a_study_is_made_kept_by_an_update_and_changed_later(tmp_path):
    source, study = write_source(tmp_path / "source"), tmp_path / "study"
    assert run_command(*import_arguments(source, study), "--protocol", "blind").status == 0
    assert open_study(study).protocol == "blind"
    assert run_command(*import_arguments(source, study), "--update").status == 0
    assert open_study(study).protocol == "blind"
    assert json.loads(run_command("configure", study, "--json").out) == {"protocol": "blind", "grades": False}
    assert "protocol open" in run_command("configure", study, "--protocol", "open").out
    assert open_study(study).protocol == "open"
    assert run_command("configure", study, "--protocol", "shut").status == 2
    assert run_command("configure", tmp_path / "none", "--protocol", "blind").status == 2


def test_grades_are_asked_for_when_a_study_is_made_kept_by_an_update_and_changed_later(tmp_path):
    source, study = write_source(tmp_path / "source"), tmp_path / "study"
    assert run_command(*import_arguments(source, study), "--grades").status == 0
    assert open_study(study).asks_grades
    assert run_command(*import_arguments(source, study), "--update").status == 0
    assert open_study(study).asks_grades
    assert "wrong labels are graded" in run_command("configure", study).out
    assert "wrong labels are not graded" in run_command("configure", study, "--no-grades").out
    assert not open_study(study).asks_grades
    assert json.loads(run_command("configure", study, "--grades", "--json").out)["grades"] is True
    assert run_command(*import_arguments(source, study), "--update", "--no-grades").status == 0
    assert not open_study(study).asks_grades


def test_a_study_of_an_earlier_version_is_open_and_an_unknown_protocol_is_damage(tmp_path):
    study = tmp_path / "study"
    run_command(*import_arguments(write_source(tmp_path / "source"), study))
    path = study / "study.json"
    fields = json.loads(path.read_text())
    del fields["protocol"], fields["asks_grades"]
    path.write_text(json.dumps(fields))
    assert open_study(study).protocol == "open"
    assert not open_study(study).asks_grades
    path.write_text(json.dumps(fields | {"protocol": "shut"}))
    with pytest.raises(StudyError, match="protocol is not open or blind"):
        open_study(study)
