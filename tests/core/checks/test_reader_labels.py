import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from overread.checks.reader_labels import reader_labels
from overread.pipeline.study_ledger import open_ledger
from overread.records import Reading, Verdict, VerdictKind
from overread.review.ledger import visit_key
from tests.app.made_study import CLASSES, write_study
from tests.core.checks.samples import made_samples
from tests.core.commands import run_command
from tests.core.conftest import write_image
from tests.core.review.verdicts import decision


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_DATABASE", raising=False)
    return write_study(tmp_path, has_run=False)


def record(study, reader, sample_ids, chosen, *, grade=""):
    """A verdict of the reader on each sample, which leads to the chosen label. grade: of those that change it."""
    ledger = open_ledger(study)
    given = study.samples().set_index("sample_id")["given_label"]
    for sample_id, label in zip(sample_ids, chosen, strict=True):
        is_kept = label == given[sample_id]
        proposed = next(name for name in CLASSES if name != given[sample_id]) if is_kept else label
        kind = VerdictKind.REJECT if is_kept else VerdictKind.ACCEPT
        key = visit_key(reader, sample_id, "1")
        ledger.record(
            Verdict(
                *(sample_id, reader, kind, given[sample_id], proposed, label),
                run="r",
                score=0.5,
                idempotency_key=key,
                grade="" if is_kept else grade,
            )
        )


def test_a_verdict_gives_the_label_it_leads_to_or_none():
    samples = made_samples(["a", "b", "c", "d", "e"], ["normal"] * 5)
    kinds = ("accept", "reject", "relabel", "exclude", "ambiguous")
    decisions = [decision(i, f"id{i}", "ann", kind) for i, kind in enumerate(kinds)]
    labels, num_blind = reader_labels(samples, [*decisions, decision(9, "gone", "bob")], [])
    assert labels.to_dict("list") == {"reader ann": ["tumour", "normal", "polyp", "", ""]}
    assert num_blind == 0


def test_a_blind_reading_counts_before_the_verdict_that_followed_it(study):
    samples = study.samples()
    first, second = samples["sample_id"][:2]
    ledger = open_ledger(study)
    ledger.record_reading(Reading(first, "ann", "serrated", "k1"))
    ledger.record_reading(Reading(samples["sample_id"][2], "ann", "", "k2", VerdictKind.CANNOT_JUDGE))
    record(study, "ann", [first, second], [samples["given_label"][0], samples["given_label"][1]])
    labels, num_blind = reader_labels(samples, ledger.decisions(), ledger.readings())
    assert labels["reader ann"].tolist()[:3] == ["serrated", samples["given_label"][1], ""]
    assert num_blind == 1


def test_the_command_compares_raters_and_readers(study):
    samples = study.samples()
    rng = np.random.default_rng(0)
    read = {}
    for reader, number in (("Ada", 40), ("Ben", 30)):
        chosen = np.where(rng.random(number) < 0.6, samples["given_label"][:number], rng.choice(CLASSES, number))
        record(study, reader, samples["sample_id"][:number], chosen)
        read[reader] = pd.Series(chosen)
    ended = run_command("agreement", study.path, "--json", "--resamples", 20)
    found = json.loads(ended.out)
    assert found["raters"] == ["reader_A", "reader Ada", "reader Ben"]
    kappas = {(pair["first"], pair["second"]): pair["kappa"] for pair in found["pairs"]}
    of_both = kappas["reader Ada", "reader Ben"]
    assert of_both["value"] == pytest.approx(cohen_kappa_score(read["Ada"][:30], read["Ben"]))
    assert of_both["num_samples"] == 30
    assert kappas["reader_A", "reader Ada"]["num_samples"] == 40
    assert (found["num_blind"], found["num_reader_labels"]) == (0, 70)
    assert list(found["panels"]) == ["readers"]
    assert found["panels"]["readers"]["fleiss_kappa"]["num_samples"] == 30
    text = run_command("agreement", study.path, "--resamples", 20).out
    assert "Krippendorff's alpha, readers alone" in text
    assert "0 of their 70 labels were read blind" in text


def test_the_command_tells_what_became_of_blind_readings(study, tmp_path):
    samples, ledger = study.samples(), open_ledger(study)
    ids, given = samples["sample_id"], samples["given_label"]
    others = [next(name for name in CLASSES if name != label) for label in given]
    for number in range(4):  # two are kept, two move to the given label
        ledger.record_reading(Reading(ids[number], "Ada", (given[number], others[number])[number % 2], f"k{number}"))
    record(study, "Ada", ids[:4], given[:4])
    truth = tmp_path / "truth.csv"
    pd.DataFrame({"sample_id": ids, "true_label": [*others[:2], *given[2:]]}).to_csv(truth, index=False)
    found = json.loads(run_command("agreement", study.path, "--json", "--resamples", 0, "--truth", truth).out)[
        "anchoring"
    ]
    assert (found["num_readings"], found["num_kept"], found["num_to_given"]) == (4, 2, 2)
    # True: another, another, given, given; read: given, another, given, another; decided: given.
    assert (found["num_right"], found["num_right_turned_wrong"]) == (2, 1)
    assert (found["num_wrong"], found["num_wrong_mended"]) == (2, 1)
    text = run_command("agreement", study.path, "--resamples", 0).out
    assert "of 4 blind readings with a verdict: 2 kept" in text
    assert "by the true labels" not in text


def test_the_command_counts_every_reader_s_grades_by_class_pair(study):
    samples = study.samples()
    given = samples["given_label"][0]
    ids = samples.loc[samples["given_label"] == given, "sample_id"].tolist()[:3]
    chosen = next(name for name in CLASSES if name != given)
    assert "grades" not in run_command("agreement", study.path, "--resamples", 0).out
    record(study, "Ada", ids, [chosen, chosen, given], grade="few_major")
    record(study, "Ben", ids[:1], [chosen], grade="many_minor")
    record(study, "Cleo", ids[:1], [chosen])
    (found,) = json.loads(run_command("agreement", study.path, "--json", "--resamples", 0).out)["grades"]
    counts = {"many_minor": 1, "many_major": 0, "few_minor": 0, "few_major": 2}
    assert found == {"given_label": given, "chosen_label": chosen, "grades": counts, "num_ungraded": 1}
    text = run_command("agreement", study.path, "--resamples", 0).out
    assert f"  {given} -> {chosen}: 1 many minor, 2 few major; 1 without a grade" in text


def test_pairs_that_share_no_sample_have_no_coefficient(study):
    samples = study.samples()
    record(study, "Ada", samples["sample_id"][:6], samples["given_label"][:6])
    record(study, "Ben", samples["sample_id"][6:12], samples["given_label"][6:12])
    ended = run_command("agreement", study.path, "--resamples", 20)
    (line,) = [line for line in ended.out.splitlines() if "kappa, reader Ada and reader Ben" in line]
    assert line.endswith("not defined  0 samples")
    assert "nan" not in ended.out


def test_one_rater_alone_is_answered_with_the_mend(study):
    ended = run_command("agreement", study.path)
    assert ended.status == 2
    assert "have a second reader review it" in ended.err


def test_the_raters_of_an_imported_table_are_compared_as_they_stand_in_it(tmp_path):
    """Against scikit-learn's kappa, and a loop over all pairs of labels of an image."""
    rng = np.random.default_rng(4)
    columns = {"label": rng.choice(["cat", "dog"], 30)}
    for name in ("first", "second", "third"):
        columns[name] = np.where(rng.random(30) < 0.7, columns["label"], rng.choice(["cat", "dog"], 30))
    names = [f"{number}.png" for number in range(30)]
    for name in names:
        write_image(tmp_path / "source" / name, seed=int(name.partition(".")[0]))
    pd.DataFrame({"image": names, **columns}).to_csv(tmp_path / "labels.csv", index=False)
    flags = [part for name in ("first", "second", "third") for part in ("--rater-column", name)]
    arguments = ("--labels", tmp_path / "labels.csv", "--image-column", "image", "--label-column", "label")
    imported = run_command(
        "import", tmp_path / "source", "--study", tmp_path / "study", *arguments, *flags, "--image-size", 32
    )
    assert imported.status == 0, imported.err
    found = json.loads(run_command("agreement", tmp_path / "study", "--json", "--resamples", 20).out)
    kappas = {(pair["first"], pair["second"]): pair["kappa"]["value"] for pair in found["pairs"]}
    for one, other in (("first", "second"), ("first", "third"), ("second", "third"), ("first", "given label")):
        by_hand = cohen_kappa_score(columns[one], columns.get(other, columns["label"]))
        assert kappas[f"rater_{one}", other if " " in other else f"rater_{other}"] == pytest.approx(by_hand)
    rows = list(zip(columns["first"], columns["second"], columns["third"], strict=True))
    observed = np.mean([np.mean([a == b for a, b in combinations(row, 2)]) for row in rows])
    frequent = np.unique([label for row in rows for label in row], return_counts=True)[1] / 90
    by_hand = (observed - (frequent**2).sum()) / (1 - (frequent**2).sum())
    assert found["fleiss_kappa"]["value"] == pytest.approx(by_hand)
