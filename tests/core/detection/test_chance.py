import numpy as np
import pytest

from overread.detection.chance import is_better_than_chance
from overread.proposal_settings import ProposalSettings


def better(probs, given, groups):
    threshold = ProposalSettings().min_standard_errors
    return is_better_than_chance(probs, given, groups, min_standard_errors=threshold)


def drawn(num_samples, num_classes, advantage, seed):
    """Labels, and probabilities that favour them by `advantage` in logits, else say nothing; some of them very sure."""
    rng = np.random.default_rng(seed)
    given = rng.choice(num_classes, num_samples, p=np.arange(1, num_classes + 1) / sum(range(num_classes + 1)))
    logits = rng.normal(size=(num_samples, num_classes)) * rng.choice([0.1, 5], (num_samples, 1))
    logits[np.arange(num_samples), given] += advantage
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True), given


@pytest.mark.parametrize("num_classes", [2, 5])
def test_probabilities_that_are_independent_of_the_labels_are_hardly_ever_taken_for_better(num_classes):
    taken = [better(*drawn(200, num_classes, 0, seed), np.arange(200)) for seed in range(300)]
    assert np.mean(taken) < 0.04


@pytest.mark.parametrize("num_classes", [2, 5])
def test_a_small_advantage_is_seen_with_many_samples(num_classes):
    assert all(better(*drawn(2000, num_classes, 0.5, seed), np.arange(2000)) for seed in range(20))


def test_predicting_the_opposite_is_no_better_than_chance():
    given = np.arange(60) % 2
    assert not better(np.eye(2)[1 - given], given, np.arange(60))
    assert better(np.eye(2)[given], given, np.arange(60))


def test_samples_of_a_group_count_as_one():
    """Four patients of 500 images, each of one class: three judged right are no more than luck."""
    groups = np.repeat(np.arange(4), 500)
    given = (groups % 2).astype(int)
    said = np.where(groups == 3, 1 - given, given)
    assert better(np.eye(2)[said], given, np.arange(2000))
    assert not better(np.eye(2)[said], given, groups)


def test_a_rare_class_that_is_told_apart_is_no_chance_and_one_that_is_not_is():
    """Ten of a thousand samples, whose probabilities rank above 90 % of the others', or are like them."""
    rng = np.random.default_rng(0)
    given = (np.arange(1000) < 10).astype(int)

    def share_taken(advantage):
        logits = rng.normal(size=(200, 1000)) - 5 + advantage * given
        taken = [better(np.stack([1 - p, p], axis=1), given, np.arange(1000)) for p in 1 / (1 + np.exp(-logits))]
        return np.mean(taken)

    assert share_taken(1.8) > 0.9
    assert share_taken(0) < 0.04


def test_a_threshold_far_below_0_is_met_by_any_classifier():
    probs, given = drawn(200, 3, -0.5, 0)
    assert not better(probs, given, np.arange(200))
    assert is_better_than_chance(probs, given, np.arange(200), min_standard_errors=-1000)
