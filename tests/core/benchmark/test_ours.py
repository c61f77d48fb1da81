from dataclasses import replace

import numpy as np
import pytest

from overread.benchmark.head import head_probs, judged_by, quick_head
from overread.benchmark.oracle import oracle
from overread.benchmark.ours import consensus, overread
from overread.benchmark.peers.confident_learning import confident_learning_of
from overread.benchmark.runner import measures
from overread.metrics import ranking_metrics
from tests.core.benchmark.made_task import made_problem


def test_a_label_is_wrong_by_what_its_class_lacks_and_proposed_where_another_is_likelier():
    found = judged_by(np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]]), np.array([0, 0]))
    np.testing.assert_allclose(found.scores, [0.3, 0.7])
    assert found.proposed.tolist() == [0, 1]
    assert found.is_proposed.tolist() == [False, True]


def test_the_head_ranks_as_cleanlab_does_with_the_same_probabilities():
    problem, _ = made_problem()
    expected = confident_learning_of(head_probs(problem), problem.given)
    np.testing.assert_allclose(quick_head(problem).scores, expected.scores, atol=1e-6)


def test_overread_says_probabilities_and_proposes_what_they_allow():
    problem, true = made_problem(noise=0.2)
    found = overread(problem)
    assert found.is_probability
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    np.testing.assert_array_equal(found.is_proposed, found.proposed != problem.given)
    values = measures(found, true, problem.given, problem.num_classes)
    assert values["expected_precision"] == pytest.approx(found.scores[found.is_proposed].mean())
    assert values["expected_precision"] >= 0.8
    assert values["precision"] >= 0.8
    assert values["average_precision"] > ranking_metrics(problem.given != true, quick_head(problem).scores)[0] - 0.02


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_the_consensus_finds_wrong_labels_whether_few_or_many_are(noise):
    problem, true = made_problem(num_samples=480, noise=noise)
    found = consensus(problem)
    assert not found.is_probability
    np.testing.assert_array_equal(found.is_proposed, found.scores == 1)
    values = measures(found, true, problem.given, problem.num_classes)
    assert values["precision"] >= 0.9
    assert values["recall"] >= 0.5


def test_the_oracle_which_knows_the_truth_is_ahead():
    problem, true = made_problem(noise=0.4)
    is_wrong = problem.given != true
    ceiling, ours = (
        ranking_metrics(is_wrong, found.scores)[0] for found in (oracle(problem, true), quick_head(problem))
    )
    assert ceiling > ours + 0.01
    # Judged by the truth, the given labels play no part in the probabilities.
    relabelled = replace(problem, given=true)
    np.testing.assert_array_equal(oracle(relabelled, true).proposed, oracle(problem, true).proposed)
