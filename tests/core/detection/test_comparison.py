import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss

from overread.detection import comparison
from overread.detection.comparison import locked_samples
from overread.proposal_settings import ComparisonSettings


def compare_runs(before, after, is_error, groups, **settings):
    return comparison.compare_runs(before, after, is_error, groups, ComparisonSettings(**settings))


def verdicts(num, seed=0):
    rng = np.random.default_rng(seed)
    is_error = rng.random(num) < 0.6
    return rng, is_error, np.arange(num)


def opinion(rng, is_error, sharpness):
    return 1 / (1 + np.exp(-(sharpness * (is_error - 0.5) + rng.normal(0, 1, len(is_error)))))


def test_the_figures_are_scikit_learns():
    rng, is_error, groups = verdicts(60)
    before, after = opinion(rng, is_error, 1), opinion(rng, is_error, 3)
    found = compare_runs(before, after, is_error, groups)
    assert (found.num_samples, found.num_wrong) == (60, is_error.sum())
    assert found.average_precision.before == pytest.approx(average_precision_score(is_error, before))
    assert found.average_precision.after == pytest.approx(average_precision_score(is_error, after))
    assert found.brier.before == pytest.approx(brier_score_loss(is_error, before))
    assert found.brier.low <= found.brier.after - found.brier.before <= found.brier.high


@pytest.mark.parametrize(("before", "after", "outcome"), [(0.5, 5, "better"), (5, 0.5, "worse")])
def test_a_clearly_better_run_and_a_clearly_worse_one_are_called_so(before, after, outcome):
    rng, is_error, groups = verdicts(120)
    found = compare_runs(opinion(rng, is_error, before), opinion(rng, is_error, after), is_error, groups)
    assert found.outcome == outcome


def test_the_same_run_is_no_better():
    rng, is_error, groups = verdicts(60)
    same = opinion(rng, is_error, 2)
    assert compare_runs(same, same, is_error, groups).outcome == "alike"


def test_of_few_samples_or_of_one_kind_nothing_is_claimed():
    rng, is_error, groups = verdicts(19)
    same = opinion(rng, is_error, 2)
    few = compare_runs(same, same, is_error, groups)
    assert (few.outcome, few.average_precision, few.brier) == ("too_few", None, None)
    assert compare_runs(same, same, is_error, groups, min_samples=19).outcome == "alike"
    for num_right in (0, 4):
        is_error = np.arange(50) >= num_right
        assert compare_runs(np.full(50, 0.9), np.full(50, 0.8), is_error, np.arange(50)).outcome == "too_few"


def test_samples_of_one_patient_widen_the_interval():
    rng, is_error, _ = verdicts(40)
    before, after = opinion(rng, is_error, 1), opinion(rng, is_error, 1)

    def width(repeats, groups):
        found = compare_runs(*(np.tile(part, repeats) for part in (before, after, is_error)), groups)
        return found.brier.high - found.brier.low

    alone = width(1, np.arange(40))
    assert width(4, np.tile(np.arange(40), 4)) == pytest.approx(alone, rel=0.1)
    assert width(4, np.arange(160)) < 0.7 * alone


def test_a_third_of_the_groups_is_locked_whole_whatever_the_order():
    ids = np.array([f"{number:016x}" for number in range(3000)])
    groups = np.arange(3000) // 2
    locked = locked_samples(ids, groups)
    assert 0.3 < locked.mean() < 0.37
    assert (locked[::2] == locked[1::2]).all()
    order = np.random.default_rng(0).permutation(3000)
    np.testing.assert_array_equal(locked_samples(ids[order], groups[order] + 7), locked[order])
