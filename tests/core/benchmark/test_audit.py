"""`bench audit` on few studies: its bounds against scipy's, its page against its results."""

import json

import numpy as np
import pytest
from scipy.stats import hypergeom

from overread.benchmark import audit_tables
from overread.benchmark.audit_cells import MODELS, READERS, belief, population
from overread.benchmark.audit_coverage import exact_most, run_cell
from overread.benchmark.audit_scale import fixed_least, fixed_most


@pytest.mark.parametrize(("num_read", "num_found"), [(20, 0), (20, 3), (60, 60)])
def test_the_exact_bound_is_the_largest_number_that_scipy_does_not_reject(num_read, num_found):
    allowed = [n for n in range(101) if hypergeom.cdf(num_found, 100, n, num_read) > 0.05]
    assert exact_most(100, num_read, num_found, 0.05) == max(allowed)


def test_the_verdicts_of_fixed_samples_are_those_of_the_issue():
    assert [fixed_least(rate)[1] for rate in (0.85, 0.9, 0.95)] == [159, 65, 28]
    assert [fixed_most(rate)[0] for rate in (0.005, 0.01)] == [250, 530]


def test_every_model_has_the_share_of_wrong_labels_that_is_asked_for():
    for model in MODELS:
        made = population(model, 0.1, np.random.default_rng(0))
        assert made.is_wrong.mean() == pytest.approx(0.1)
        assert made.table["label_error_probability"].between(0, 1).all()


def test_a_good_model_is_calibrated():
    rng = np.random.default_rng(0)
    is_wrong = rng.random(200_000) < 0.1
    probability = belief(is_wrong, 0.1, 2.0, rng)
    for low, high in ((0.05, 0.1), (0.4, 0.6), (0.8, 0.9)):
        here = (probability >= low) & (probability < high)
        assert is_wrong[here].mean() == pytest.approx(probability[here].mean(), abs=0.02)


def test_a_cell_is_the_same_with_the_same_seed():
    first, again = (run_cell(0.1, "good", READERS[1], num_studies=2, seed=3) for _ in range(2))
    assert {name: value for name, value in first.items() if value == value} == {
        name: value for name, value in again.items() if value == value
    }
    assert first["left"] <= first["most_wrong"]


def test_cells_that_are_there_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(audit_tables, "CELLS", [(0.3, "useless", READERS[0])])
    monkeypatch.setattr(audit_tables, "QUESTIONS", [("at least", 0.95)])
    results, page = audit_tables.run_audit(tmp_path, num_studies=2, seed=0, listener=lambda share, text: None)
    monkeypatch.setattr(audit_tables, "run_cell", lambda *values, **named: pytest.fail("measured again"))
    again, same = audit_tables.run_audit(tmp_path, num_studies=2, seed=0, listener=lambda share, text: None)
    assert (json.dumps(again), same) == (json.dumps(results), page)
    assert "| 30% | useless | perfect |" in page and "| at least | 95.0% | 13 / 28 |" in page
