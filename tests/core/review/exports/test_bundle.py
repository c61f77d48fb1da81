"""The folder with everything, and its manifest."""

import hashlib
import json
from dataclasses import replace

import pytest

from overread.errors import ConfigError
from overread.pipeline.exporting import export_study
from overread.review.exports import bundle, readings_csv
from overread.review.final_labels import LabelPolicy
from overread.studies.run import open_run
from overread.studies.study import save_study
from tests.core.commands import run_command

NAMES = {"csv": "cleaned.csv", "changes": "changes.csv", "readings": "readings.csv"}


@pytest.fixture
def folder(study, tmp_path):
    export_study(study, tmp_path / "all", format="bundle")
    return tmp_path / "all"


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folder_holds_what_the_single_exports_write_and_the_manifest_their_hashes(study, folder, tmp_path):
    for name, file in NAMES.items():
        export_study(study, tmp_path / file, format=name)
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes()
    assert {path.name for path in folder.iterdir()} == {*NAMES.values(), "manifest.json"}
    assert manifest_of(folder)["files"] == {
        file: {"sha256": sha256(tmp_path / file), "num_bytes": (tmp_path / file).stat().st_size}
        for file in NAMES.values()
    }


def test_two_manifests_of_the_same_study_differ_in_their_time_alone(study, folder, tmp_path):
    export_study(study, tmp_path / "again", format="bundle")
    first, second = manifest_of(folder), manifest_of(tmp_path / "again")
    assert first.pop("exported_at") <= second.pop("exported_at")
    assert first == second
    assert list(first) == list(second)


def test_the_manifest_counts_every_row_and_says_what_it_is_of(study, folder):
    found = manifest_of(folder)
    verdicts = {"accept": 2, "disputed": 1, "exclude": 2, "none": 42, "quarantined": 2, "reject": 1}
    identities = {"none": 44, "self-declared": 6}
    assert found["counts"] == {
        **{"num_rows": 50, "num_changed": 4},
        **{"by_verdict": verdicts, "by_reader_identity": identities},
    }
    run = open_run(study)
    assert found["run"]["scores_sha256"] == sha256(run.path / "scores.csv")
    assert found["run"]["config_sha256"] == sha256(run.path / "config.json")
    assert found["run"]["config"] == run.config()
    assert found["ledger"]["num_rows"] == 7
    assert (folder / "cleaned.csv").read_text().splitlines()[1].count(found["ledger"]["head"]) == 1
    assert found["settings"] == {"policy": "unanimous", "spreadsheet_safe": False}


def test_torch_and_scikit_learn_are_told_as_the_run_recorded_them(study, tmp_path):
    path = open_run(study).path / "config.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {"versions": {"torch": "1.2.3+its", "scikit-learn": "0.1.2"}}))
    try:
        export_study(study, tmp_path / "all", format="bundle")
    finally:
        path.write_text(before)
    versions = manifest_of(tmp_path / "all")["versions"]
    assert (versions["torch"], versions["scikit-learn"]) == ("1.2.3+its", "0.1.2")
    export_study(study, tmp_path / "without", format="bundle")
    assert manifest_of(tmp_path / "without")["versions"]["torch"] is None


def test_the_images_have_one_digest_over_their_hashes(study, tmp_path):
    samples = study.samples()
    samples["sha256"] = [f"{number:064x}" for number in range(len(samples))]
    samples.to_csv(study.samples_path, index=False)
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n")
    save_study(replace(study, labels_file=str(labels)))
    try:
        assert run_command("export", study.path, "--out", tmp_path / "all", "--format", "bundle").status == 0
    finally:
        save_study(study)
        samples.drop(columns="sha256").to_csv(study.samples_path, index=False)
    digest = hashlib.sha256()
    for key in sorted(samples["sample_id"]):
        digest.update(f"{key} {samples.set_index('sample_id')['sha256'][key]}\n".encode())
    found = manifest_of(tmp_path / "all")
    assert (found["images"]["sha256"], found["images"]["num_hashed"]) == (digest.hexdigest(), 48)
    assert found["source"]["labels_file_sha256"] == sha256(labels)
    assert str(labels) not in (tmp_path / "all" / "manifest.json").read_text()


def test_the_agreement_is_that_of_the_command_under_pseudonyms(study, folder):
    found = manifest_of(folder)["agreement"]
    told = json.loads(run_command("agreement", study.path, "--json").out)
    assert found["krippendorff_alpha"] == told["krippendorff_alpha"]
    assert [pair["kappa"] for pair in found["pairs"]] == [pair["kappa"] for pair in told["pairs"]]
    assert found["panels"]["readers"]["fleiss_kappa"] == told["panels"]["readers"]["fleiss_kappa"]
    readings = (folder / "readings.csv").read_text()
    assert found["raters"][0] == "rater 1"
    assert len(found["raters"]) == 3
    assert all(name in readings for name in found["raters"][1:])


def test_no_name_or_path_is_in_the_manifest_or_the_readings(study, folder):
    for file in ("manifest.json", "readings.csv"):
        text = (folder / file).read_text()
        assert not any(secret in text for secret in ("Ada", "Ben", "reader_A", "secret-patient", study.source_root))
    assert "Ada" in (folder / "cleaned.csv").read_text()


@pytest.mark.parametrize("file", NAMES.values())
def test_a_folder_is_checked_against_its_manifest_and_what_differs_is_named(folder, file):
    assert run_command("verify", folder).status == 0
    (folder / file).write_bytes((folder / file).read_bytes()[:-1])
    ended = run_command("verify", folder)
    assert ended.status == 2
    assert ended.err.strip().endswith(f"is not as it was exported: {file} differs")
    (folder / "manifest.json").touch()
    (folder / file).unlink()
    assert f"{file} is missing" in run_command("verify", folder).err


def test_every_file_that_differs_is_named_at_once(folder):
    for file in NAMES.values():
        (folder / file).write_text("other")
    with pytest.raises(ConfigError, match=r"cleaned.csv differs, changes.csv differs, readings.csv differs"):
        bundle.verify_bundle(folder)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"files": {}}', '{"files": {"cleaned.csv": 1}}', "[" * 99_999])
def test_a_manifest_that_is_none_is_told_in_one_line(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ConfigError, match="is no manifest of an export") as error:
        bundle.verify_bundle(folder)
    assert "\n" not in str(error.value)


def test_the_flags_of_a_ledger_are_refused_for_an_export(folder):
    assert "--against and --trust are for a study's ledger" in run_command("verify", folder, "--trust").err


def test_a_part_that_cannot_be_written_leaves_no_folder(study, tmp_path, monkeypatch):
    def fail(content, out):
        raise OSError("no")

    monkeypatch.setitem(bundle.FILES, "readings.csv", replace(readings_csv.FORMAT, write=fail))
    with pytest.raises(OSError, match="no"):
        export_study(study, tmp_path / "all", format="bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_stays_as_it_is(study, folder):
    before = sha256(folder / "manifest.json")
    with pytest.raises(ConfigError, match="choose a new or empty folder"):
        export_study(study, folder, format="bundle")
    assert sha256(folder / "manifest.json") == before


def test_the_ledger_is_verified_against_the_folder(study, folder):
    ended = run_command("verify", study.path, "--against", folder)
    assert "was written at row 7, which is unchanged" in ended.out


def test_the_policy_is_told_in_the_manifest_and_the_table(study, tmp_path):
    export_study(study, tmp_path / "soft", format="bundle", policy=LabelPolicy.SOFT)
    assert manifest_of(tmp_path / "soft")["settings"]["policy"] == "soft"
    header = (tmp_path / "soft" / "cleaned.csv").read_text().splitlines()[0]
    assert header.endswith("ledger_head,policy,share_adenoma,share_normal,share_serrated")


def test_applied_to_the_source_the_changes_give_the_cleaned_csv(study, folder, tmp_path):
    arguments = (folder / "changes.csv", study.path / "source.csv", "--out", tmp_path / "applied.csv")
    assert run_command("apply", *arguments).status == 0
    assert (tmp_path / "applied.csv").read_bytes() == (folder / "cleaned.csv").read_bytes()


def test_without_a_name_the_cleaned_csv_lies_beside_the_original_and_nothing_is_replaced_unasked(
    study, folder, tmp_path
):
    (tmp_path / "labels.csv").write_bytes((study.path / "source.csv").read_bytes())
    arguments = ("apply", folder / "changes.csv", tmp_path / "labels.csv")
    ended = run_command(*arguments)
    assert ended.status == 0 and str(tmp_path / "cleaned.csv") in ended.out
    assert (tmp_path / "cleaned.csv").read_bytes() == (folder / "cleaned.csv").read_bytes()
    (tmp_path / "cleaned.csv").write_text("mine")
    refused = run_command(*arguments)
    assert refused.status == 2 and "--overwrite" in refused.err
    assert (tmp_path / "cleaned.csv").read_text() == "mine"
    assert run_command(*arguments, "--overwrite").status == 0
    assert (tmp_path / "cleaned.csv").read_bytes() == (folder / "cleaned.csv").read_bytes()
