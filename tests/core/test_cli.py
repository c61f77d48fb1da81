import csv
import json
import re
import shutil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from overread.studies.study import open_study
from tests.app.made_study import write_study
from tests.core.commands import CLASSES, NUM_IMAGES, SECRETS, TINY, import_arguments, run_command, write_source


@pytest.fixture(scope="module")
def journey(tmp_path_factory):
    """Each command once, in the order of a user's day: where things lie, and how each command ended."""
    folder = tmp_path_factory.mktemp("journey")
    write_source(folder / "source")
    study, noisy, truth = folder / "study", folder / "noisy", folder / "truth.csv"
    noise = ("--noise", "symmetric", "--rate", 0.25, "--seed", 1)
    ended = {
        "import": run_command(*import_arguments(folder / "source", study), "--json"),
        "check": run_command("check", study, "--json"),
        "corrupt": run_command("corrupt", study, *noise, "--out", noisy, "--truth", truth, "--json"),
        "train": run_command("train", noisy, "--preset", "quick", *TINY, "--json"),
        "evaluate": run_command("evaluate", noisy, "--truth", truth, "--json"),
        "proposals": run_command("proposals", noisy, "--out", folder / "proposals.csv", "--json"),
        "export": run_command("export", noisy, "--out", folder / "cleaned.csv", "--json"),
    }
    assert {name: (e.status, e.err if e.status else "") for name, e in ended.items()} == dict.fromkeys(ended, (0, ""))
    return folder, ended


def table_at(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def only_run(study_path):
    (run,) = (study_path / "runs").iterdir()
    return run


def strictly_parsed(text):
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_with_json_standard_output_is_one_object_on_one_line(journey):
    for ended in journey[1].values():
        assert ended.out.count("\n") == 1
        assert isinstance(strictly_parsed(ended.out), dict)


def test_with_json_standard_error_holds_progress_and_nothing_else(journey):
    for ended in journey[1].values():
        for line in ended.err.splitlines():
            progress = strictly_parsed(line)
            assert progress.keys() == {"fraction", "message"}
            assert 0 <= progress["fraction"] <= 1


def test_an_import_counts_what_it_took_and_what_it_left(journey):
    summary = json.loads(journey[1]["import"].out)
    assert (summary["num_samples"], summary["num_quarantined"], summary["classes"]) == (NUM_IMAGES, 1, list(CLASSES))


def test_check_finds_the_quarantined_row_and_names_no_file(journey):
    findings = json.loads(journey[1]["check"].out)["findings"]
    assert "quarantined" in [finding["kind"] for finding in findings]
    assert not any(secret in journey[1]["check"].out for secret in SECRETS)


def test_corrupt_changes_as_many_labels_as_it_says(journey):
    folder, ended = journey
    true = {row["sample_id"]: row["true_label"] for row in table_at(folder / "truth.csv")}
    noisy = {row["sample_id"]: row["given_label"] for row in table_at(folder / "noisy" / "samples.csv")}
    assert true.keys() == noisy.keys()
    num_changed = sum(true[key] != noisy[key] for key in true)
    assert json.loads(ended["corrupt"].out) == {"num_samples": NUM_IMAGES, "num_changed": num_changed}
    assert 5 < num_changed < 30


def test_scores_have_a_row_for_every_sample_in_the_order_of_the_samples(journey):
    noisy = journey[0] / "noisy"
    samples, scores = table_at(noisy / "samples.csv"), table_at(only_run(noisy) / "scores.csv")
    assert [row["sample_id"] for row in scores] == [row["sample_id"] for row in samples]
    assert [row["given_label"] for row in scores] == [row["given_label"] for row in samples]
    assert list(scores[0]) == [
        "sample_id",
        "given_label",
        "proposed_label",
        "label_error_probability",
        "is_proposed",
        "score_warmup",
        "score_round_1",
        "score_round_2",
        "score_rounds",
        "score_cross_validated",
        "p_cat",
        "p_dog",
        "p_eel",
        "kind",
    ]
    for row in scores:
        assert row["is_proposed"] == ("true" if row["proposed_label"] != row["given_label"] else "false")
        probs = [float(row[f"p_{name}"]) for name in CLASSES]
        assert sum(probs) == pytest.approx(1, abs=1e-5)
        assert float(row["label_error_probability"]) == pytest.approx(
            1 - float(row[f"p_{row['given_label']}"]), abs=2e-6
        )
        assert all(0 <= float(value) <= 1 for name, value in row.items() if name.startswith(("score_", "p_")))


def test_a_run_leaves_the_files_that_others_may_rely_on(journey):
    noisy = journey[0] / "noisy"
    run = only_run(noisy)
    assert {path.name for path in run.iterdir()} == {
        "config.json",
        "progress.jsonl",
        "scores.csv",
        "model.safetensors",
        "trace.npz",
        "embeddings.npy",
        "evidence.npz",
        "checksums.json",
    }
    with np.load(run / "trace.npz") as trace:
        assert {name: (array.shape, array.dtype.str[1:]) for name, array in trace.items() if name != "stage_names"} == {
            "stage_probs": ((4, NUM_IMAGES, 3), "f2"),
            "pseudo_labels": ((2, NUM_IMAGES), "i2"),
            "is_consensus": ((2, NUM_IMAGES), "b1"),
        }
        assert trace["stage_names"].tolist() == ["warmup", "round 1 epoch 1", "round 2 epoch 1", "round 2 epoch 2"]
        stages = trace["stage_probs"].astype(float)
    embeddings = np.load(run / "embeddings.npy")
    assert (embeddings.shape, embeddings.dtype) == ((NUM_IMAGES, 256), np.float16)
    given = [CLASSES.index(row["given_label"]) for row in table_at(noisy / "samples.csv")]
    expected = 1 - stages[1:].mean(axis=0)[range(NUM_IMAGES), given]
    found = [float(row["score_rounds"]) for row in table_at(run / "scores.csv")]
    np.testing.assert_allclose(found, expected, atol=2e-3)
    config = json.loads((run / "config.json").read_text())
    assert (config["preset"], config["seed"], config["device"], config["num_samples"]) == (
        "quick",
        0,
        "cpu",
        NUM_IMAGES,
    )
    assert config["settings"]["rounds"]["num_epochs"] == [1, 2]
    assert config["versions"].keys() >= {"python", "torch", "numpy"}


def test_progress_tells_the_plan_each_epoch_each_round_and_the_end(journey):
    lines = (only_run(journey[0] / "noisy") / "progress.jsonl").read_text().splitlines()
    events = [strictly_parsed(line) for line in lines]
    assert all("elapsed_s" in event for event in events)
    assert [event["event"] for event in events] == [
        "start",
        *["epoch"] * 4,
        "round",
        *["epoch"] * 2,
        "round",
        "scoring",
        "finish",
    ]
    assert [(p["name"], p["num_epochs"]) for p in events[0]["phases"]] == [
        ("pretrain", 1),
        ("warmup", 2),
        ("round 1", 1),
        ("round 2", 2),
    ]
    assert [e["num_done"] for e in events if e["event"] == "epoch"] == [1, 2, 3, 4, 5, 6]


def test_without_a_preset_labels_are_judged_by_cross_fitted_networks_and_rounds(journey, tmp_path):
    study = shutil.copytree(journey[0] / "noisy", tmp_path / "study", ignore=shutil.ignore_patterns("runs"))
    settings = [part for a in TINY[1::2] if not a.startswith("rounds") for part in ("--set", a)]
    assert run_command("train", study, *settings).status == 0
    run = only_run(study)
    scores = table_at(run / "scores.csv")
    assert [name.removeprefix("score_") for name in scores[0] if name.startswith("score_")] == [
        "self_confidence",
        "margin",
        "entropy",
        "neighbours",
        "epoch_learnt",
        "forgetting",
        "margin_area",
        "duplicates",
        "networks",
        "consensus",
        "isolation",
    ]
    for row in scores:
        assert row["is_proposed"] == ("true" if row["proposed_label"] != row["given_label"] else "false")
        assert sum(float(row[f"p_{name}"]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
        assert float(row["label_error_probability"]) == pytest.approx(
            1 - float(row[f"p_{row['given_label']}"]), abs=2e-6
        )
        assert all(0 <= float(value) <= 1 for name, value in row.items() if name.startswith(("score_", "p_")))
    with np.load(run / "trace.npz") as trace:
        assert trace["stage_names"].tolist() == ["networks epoch 2", "networks", "refinement 0", "together"]
        assert trace["stage_probs"].shape == (4, NUM_IMAGES, 3)
        assert trace["pseudo_labels"].shape == trace["is_consensus"].shape == (1, NUM_IMAGES)
        networks = trace["stage_probs"][1].astype(float)
    given = [CLASSES.index(row["given_label"]) for row in scores]
    found = [float(row["score_networks"]) for row in scores]
    np.testing.assert_allclose(found, 1 - networks[range(NUM_IMAGES), given], atol=2e-3)
    events = [strictly_parsed(line) for line in (run / "progress.jsonl").read_text().splitlines()]
    start = next(event for event in events if event["event"] == "start")
    assert [(p["name"], p["num_epochs"]) for p in start["phases"]] == [
        ("pretrain", 1),
        ("fold 1", 2),
        ("fold 2", 2),
        ("fold 3", 2),
    ]
    rounds = [event for event in events if event["event"] == "round"]
    assert [event["round"] for event in rounds] == [0]
    assert [event["num_reliable"] for event in rounds] == [NUM_IMAGES]
    assert sum(event["is_chosen"] for event in rounds) == 1
    fractions = [event["fraction"] for event in events if event["event"] == "scoring" and "fraction" in event]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_scores_progress_and_config_name_no_file_and_no_patient(journey):
    folder = journey[0]
    run = only_run(folder / "noisy")
    for name in ("scores.csv", "progress.jsonl", "config.json"):
        text = (run / name).read_text()
        for secret in (*SECRETS, str(folder), ".png"):
            assert secret not in text, name


def test_evaluate_measures_each_column_as_scikit_learn_does(journey):
    folder, ended = journey
    result = json.loads(ended["evaluate"].out)
    true = {row["sample_id"]: row["true_label"] for row in table_at(folder / "truth.csv")}
    scores = table_at(only_run(folder / "noisy") / "scores.csv")
    is_error = np.array([row["given_label"] != true[row["sample_id"]] for row in scores])
    is_proposed = np.array([row["is_proposed"] == "true" for row in scores])
    for name, values in result["scorers"].items():
        column = [float(row[name]) for row in scores]
        assert values["average_precision"] == pytest.approx(average_precision_score(is_error, column))
        assert values["auroc"] == pytest.approx(roc_auc_score(is_error, column))
    assert set(result["scorers"]) == {name for name in scores[0] if name.startswith("score_")}
    given = [CLASSES.index(row["given_label"]) for row in scores]
    with np.load(only_run(folder / "noisy") / "trace.npz") as trace:
        for name, probs in zip(trace["stage_names"].tolist(), trace["stage_probs"].astype(float), strict=True):
            doubt = 1 - probs[range(NUM_IMAGES), given]
            found = result["stages"].pop(name)
            assert found["average_precision"] == pytest.approx(average_precision_score(is_error, doubt), abs=1e-6)
    assert result["stages"] == {}
    probability = [float(row["label_error_probability"]) for row in scores]
    assert result["average_precision"] == pytest.approx(average_precision_score(is_error, probability))
    assert (result["num_errors"], result["num_proposed"]) == (is_error.sum(), is_proposed.sum())
    assert result["recall"] == pytest.approx(is_error[is_proposed].sum() / is_error.sum())
    is_test = [row["split"] == "test" for row in table_at(folder / "noisy" / "samples.csv")]
    hits = [
        max(CLASSES, key=lambda name, row=row: float(row[f"p_{name}"])) == true[row["sample_id"]]
        for row, tested in zip(scores, is_test, strict=True)
        if tested
    ]
    assert len(hits) == 12
    assert result["test_accuracy"] == pytest.approx(sum(hits) / 12)


def test_evaluate_where_nothing_is_wrong_says_null(journey, tmp_path):
    folder = journey[0]
    rows = [(row["sample_id"], row["given_label"]) for row in table_at(folder / "noisy" / "samples.csv")]
    (tmp_path / "truth.csv").write_text("sample_id,true_label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    ended = run_command("evaluate", folder / "noisy", "--truth", tmp_path / "truth.csv", "--json")
    result = strictly_parsed(ended.out)
    assert (ended.status, result["num_errors"], result["average_precision"], result["recall"]) == (0, 0, None, None)


def test_evaluate_takes_a_truth_by_image_and_counts_what_it_does_not_tell(journey, tmp_path):
    noisy = journey[0] / "noisy"
    true = {row["sample_id"]: row["true_label"] for row in table_at(journey[0] / "truth.csv")}
    rows = [(row["image"], true[row["sample_id"]]) for row in table_at(noisy / "samples.csv")][:50]
    (tmp_path / "truth.csv").write_text("image,true_label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    result = json.loads(run_command("evaluate", noisy, "--truth", tmp_path / "truth.csv", "--json").out)
    assert (result["num_samples"], result["num_without_truth"]) == (50, NUM_IMAGES - 50)


def test_proposals_are_the_proposed_rows_the_surest_first(journey):
    folder, ended = journey
    written = table_at(folder / "proposals.csv")
    proposed = [row for row in table_at(only_run(folder / "noisy") / "scores.csv") if row["is_proposed"] == "true"]
    assert len(written) == len(proposed) == json.loads(ended["proposals"].out)["num_proposed"] > 0
    assert {row["sample_id"] for row in written} == {row["sample_id"] for row in proposed}
    probabilities = [float(row["label_error_probability"]) for row in written]
    assert probabilities == sorted(probabilities, reverse=True)


def test_proposals_hold_no_formula_though_classes_are_named_like_one(tmp_path, monkeypatch):
    names = ("=1+1", "a;=cmd|' /C calc'!A0", "-1")
    monkeypatch.setattr("tests.app.made_study.CLASSES", names)
    study = write_study(tmp_path)
    assert run_command("proposals", study.path, "--out", tmp_path / "p.csv").status == 0
    written = table_at(tmp_path / "p.csv")
    harmless = {names[0]: "'=1+1", names[1]: "a;'=cmd|' /C calc'!A0", names[2]: "-1"}
    assert {row["given_label"] for row in written} | {row["proposed_label"] for row in written} <= {*harmless.values()}
    assert [name for name in written[0] if name.startswith("p_")] == ["p_=1+1", "p_a;'=cmd|' /C calc'!A0", "p_-1"]


def test_export_gives_the_source_back_row_by_row_with_seventeen_columns_more(journey, tmp_path):
    """Of the study as imported, which has no run; the quarantined row is there too."""
    ended = run_command("export", journey[0] / "study", "--out", tmp_path / "cleaned.csv", "--json")
    assert json.loads(ended.out) == {"num_rows": NUM_IMAGES + 1, "num_changed": 0, "num_decided": 0}
    source, cleaned = table_at(journey[0] / "source" / "labels-of-the-clinic.csv"), table_at(tmp_path / "cleaned.csv")
    assert [{name: row[name] for name in source[0]} for row in cleaned] == source
    assert list(cleaned[0])[5:] == [
        "final_label",
        "is_changed",
        "verdict",
        "label_error_probability",
        "proposed_label",
        "reader",
        "decided_at",
        "note",
        "run",
        "reader_identity",
        *("blind_reading", "read_by", "read_at"),
        "discrepancy_grade",
        "overread_version",
        "ledger_head",
        "policy",
    ]
    assert [row["final_label"] for row in cleaned] == [row["finding"] for row in source]
    assert [row["verdict"] for row in cleaned] == [""] * NUM_IMAGES + ["quarantined"]


def test_an_export_of_a_run_carries_its_scores(journey):
    folder = journey[0]
    cleaned, run = table_at(folder / "cleaned.csv"), only_run(folder / "noisy")
    assert {row["run"] for row in cleaned} == {run.name}
    by_image = {row["image"]: row["sample_id"] for row in table_at(folder / "noisy" / "samples.csv")}
    scores = {row["sample_id"]: float(row["label_error_probability"]) for row in table_at(run / "scores.csv")}
    column = open_study(folder / "noisy").image_column
    for row in cleaned:
        assert float(row["label_error_probability"]) == pytest.approx(scores[by_image[row[column]]], abs=1e-6)


def test_without_json_a_command_prints_lines_for_people(journey, tmp_path):
    noisy = journey[0] / "noisy"
    ended = run_command("proposals", noisy, "--out", tmp_path / "p.csv")
    assert re.match(rf"{tmp_path}/p.csv: \d+ proposals\nexpected wrong labels", ended.out)
    assert ended.err == ""
    ended = run_command("evaluate", noisy, "--truth", journey[0] / "truth.csv")
    assert (ended.status, ended.err) == (0, "")
    for word in ("average precision", "auroc", "precision", "recall", "f1", "recall at 10% read", "score_rounds"):
        assert word in ended.out
