"""`bench audit` on few studies: its quick checks against the statements themselves, its page against its results."""

import json
from dataclasses import replace

import numpy as np
import pytest

from overread.audit.confidence_set import ConfidenceSet, Counts
from overread.audit.design import AuditQuestion, Stratum, draw_order, rest_predictor
from overread.audit.statement import make_statement
from overread.benchmark import audit_tables
from overread.benchmark.audit_cells import CELLS, MODELS, READERS, Cell, belief, population
from overread.benchmark.audit_coverage import Study, holds_throughout, run_cell, study_outcomes
from overread.benchmark.audit_decisions import GROUP_SIZE, GroupStudy, group_table
from overread.benchmark.audit_draws import draw
from overread.benchmark.audit_scale import MOST, NUM_LABELS, enough_at, fixed_least, fixed_most


def test_the_verdicts_of_fixed_samples_are_those_of_the_issue():
    assert [fixed_least(rate)[1] for rate in (0.85, 0.9, 0.95)] == [159, 65, 28]
    assert [fixed_most(rate)[0] for rate in (0.005, 0.01)] == [250, 530]


def test_every_model_has_the_share_of_wrong_labels_that_is_asked_for():
    for model in MODELS:
        made = population(model, 0.1, np.random.default_rng(0))
        assert made.is_wrong.mean() == pytest.approx(0.1)
        assert ((made.probability > 0) & (made.probability < 1)).all()


def test_a_good_model_is_calibrated():
    rng = np.random.default_rng(0)
    is_wrong = rng.random(200_000) < 0.1
    probability = belief(is_wrong, 0.1, 2.0, rng)
    for low, high in ((0.05, 0.1), (0.4, 0.6), (0.8, 0.9)):
        here = (probability >= low) & (probability < high)
        assert is_wrong[here].mean() == pytest.approx(probability[here].mean(), abs=0.02)


@pytest.mark.parametrize("num_grouped", [0, GROUP_SIZE])
def test_the_quick_draw_is_that_of_an_audit(num_grouped):
    """Of 300 labels, and of as many with a group that stands out."""
    rng, readers, question = np.random.default_rng(0), READERS[0], AuditQuestion(0.1, seed=5)
    labels = population("fair", 0.2, rng, num_labels=300)
    if num_grouped:
        study = GroupStudy.of(labels, readers, question, (20, 60), rng)
        quick, table = study.drawn, group_table(study)
    else:
        quick, table = draw(labels.probability, (20, 60), question.seed), labels.table
    order, strata, _ = draw_order(table, question, (20, 60))
    assert order["sample_id"].astype(int).tolist() == quick.places.tolist()
    assert [replace(each, name="") for each in strata] == [replace(each, name="") for each in quick.strata]
    assert order["stratum"].tolist() == quick.numbers.tolist()


def test_a_bound_that_fails_at_a_look_is_found_without_making_the_statements():
    """At a confidence at which many fail, looking after every verdict."""
    question, held = AuditQuestion(0.1, confidence=0.3), []
    for seed in range(8):
        rng, asked = np.random.default_rng(seed), replace(question, seed=seed)
        labels = population("useless", 0.2, rng, num_labels=100)
        drawn = draw(labels.probability, (10, 40), seed)
        study = Study(labels, drawn, asked, 60, (labels.is_wrong, labels.is_wrong))
        order, strata, _ = draw_order(labels.table, asked, (10, 40))
        states = [
            make_statement(order, strata, asked, study_outcomes(study, num), has_forecast=False).most_wrong
            for num in range(61)
        ]
        left = [int(labels.is_wrong[drawn.places[num:]].sum()) for num in range(61)]
        held.append(all(still <= most for still, most in zip(left, states, strict=True)))
        chosen, holds = holds_throughout(study)
        found = labels.is_wrong[study.read][drawn.numbers[:60] == drawn.sampled[0]].sum()
        assert (holds, chosen.most() - found) == (held[-1], states[-1])
    assert 0 < sum(held) < len(held)


def test_what_is_enough_for_a_statement_is_found_without_making_the_sets():
    rng = np.random.default_rng(2)
    question, size = AuditQuestion(MOST), NUM_LABELS - 100
    wrong = rng.random(size) < 0.003
    rest = Stratum("rest", size, is_census=False, belief=0.006, num_planned=300)
    looks, num_read = np.arange(100, 1200, 100), np.arange(100, 1200, 100) - 90
    expected = []
    for num in num_read.tolist():
        found, of_plan = int(wrong[:num].sum()), min(num, 300)
        counts = Counts.of([size], [num], [found])
        counts = counts.planned([300], [300 - of_plan + wrong[:of_plan].sum()])
        most = ConfidenceSet(counts, rest_predictor([0.006], question), question.alpha).most()
        expected.append(10 + most - found <= MOST * NUM_LABELS)
    assert enough_at(looks, wrong, num_read, rest, question).tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_a_useless_model_costs_little_beside_a_simple_random_sample_and_a_good_one_gains_much():
    useless, good = (
        next(each for each in CELLS if each.key["rate"] == 0.1 and each.model == model) for model in ("useless", "good")
    )
    found = {each.model: run_cell(each, each.draw(), num_studies=25, seed=0) for each in (useless, good)}
    assert found["useless"]["most_wrong"] < 1.15 * found["useless"]["random_sample"]
    assert found["good"]["most_wrong"] < 0.6 * found["good"]["random_sample"]


def test_a_cell_is_the_same_with_the_same_seed():
    first, again = (run_cell(CELLS[15], CELLS[15].draw(), num_studies=2, seed=3) for _ in range(2))
    assert {name: value for name, value in first.items() if value == value} == {
        name: value for name, value in again.items() if value == value
    }
    assert first["left"] <= first["most_wrong"]


def test_cells_that_are_there_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_tables, "CELLS", [Cell("useless", READERS[0], 0.3)])
    monkeypatch.setattr(audit_tables, "QUESTIONS", [("at least", 0.95)])
    monkeypatch.delenv("OVERREAD_DATA", raising=False)
    results, page = audit_tables.run_audit(tmp_path, num_studies=2, seed=0, listener=lambda share, text: None)
    monkeypatch.setattr(audit_tables, "RUNS", dict.fromkeys(audit_tables.RUNS))
    again, same = audit_tables.run_audit(tmp_path, num_studies=2, seed=0, listener=lambda share, text: None)
    assert (json.dumps(again), same) == (json.dumps(results), page)
    assert "| 30% | useless | perfect |" in page and "| at least | 95.0% | 13 / 28 |" in page
    assert "Left out, as the images or the weights were not there: one-sided, one batch" in page
