import math

import numpy as np
import pytest

from overread.errors import ConfigError
from overread.training.consensus import stage_consensus, stage_losses

LIMIT = -math.log(0.85)


def random_probs(seed, num_stages=3, num_samples=200, num_classes=3):
    """(S, N, K): stages that mostly agree, from sure to unsure."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(1, num_samples, num_classes)) * rng.uniform(0.5, 6, (1, num_samples, 1))
    logits = base + 0.7 * rng.normal(size=(num_stages, num_samples, num_classes))
    exponentials = np.exp(logits)
    probs = exponentials / exponentials.sum(axis=2, keepdims=True)
    return probs, rng.integers(0, num_classes, num_samples), rng.integers(0, num_classes, num_samples)


def loop_consensus(stage_probs, given, current, max_loss, reliability, fallback):
    labels, reliable, consensus = [], [], []
    for sample in range(len(given)):
        winners, is_sure = [], []
        for probs in stage_probs[:, sample].tolist():
            winner = probs.index(max(probs))
            judged = winner if reliability == "predicted" else given[sample]
            winners.append(winner)
            is_sure.append(-math.log(probs[judged]) < max_loss)
        agrees = all(is_sure) and len(set(winners)) == 1
        other = given[sample] if fallback == "given" else current[sample]
        labels.append(winners[0] if agrees else other)
        reliable.append(is_sure)
        consensus.append(agrees)
    return np.array(labels), np.array(reliable).T, np.array(consensus)


@pytest.mark.parametrize("reliability", ["predicted", "given"])
@pytest.mark.parametrize("fallback", ["given", "current"])
@pytest.mark.parametrize("max_loss", [LIMIT, 0.6, 1.2])
def test_consensus_is_that_of_plain_loops(reliability, fallback, max_loss):
    for seed in range(3):
        probs, given, current = random_probs(seed)
        found = stage_consensus(
            probs, given, max_loss=max_loss, reliability=reliability, fallback=fallback, current=current
        )
        labels, is_reliable, is_consensus = loop_consensus(probs, given, current, max_loss, reliability, fallback)
        assert 0 < is_consensus.sum() < len(given)  # or the comparison says little
        np.testing.assert_array_equal(found.pseudo_labels, labels)
        np.testing.assert_array_equal(found.is_reliable, is_reliable)
        np.testing.assert_array_equal(found.is_consensus, is_consensus)


def test_below_the_loss_of_one_half_a_consensus_on_the_given_label_changes_nothing():
    for seed in range(5):
        probs, given, _ = random_probs(seed, num_classes=2 + seed % 3)
        found = stage_consensus(probs, given, max_loss=-math.log(0.5), reliability="given")
        assert found.is_consensus.any()
        np.testing.assert_array_equal(found.pseudo_labels, given)


def test_above_the_loss_of_one_half_a_consensus_on_the_given_label_may_change_it():
    probs = np.tile([[[0.55, 0.45]]], (3, 1, 1))
    found = stage_consensus(probs, np.array([1]), max_loss=1.0, reliability="given")
    assert found.pseudo_labels.tolist() == [0]


def test_a_loss_at_the_threshold_is_not_reliable():
    probs = np.array([[[0.85, 0.15]]])
    at, above = (stage_consensus(probs, np.array([1]), max_loss=limit) for limit in (LIMIT, np.nextafter(LIMIT, 1)))
    assert (at.pseudo_labels.tolist(), above.pseudo_labels.tolist()) == ([1], [0])


def test_one_unsure_stage_or_one_other_class_is_no_consensus():
    sure, unsure, other = [0.95, 0.05], [0.7, 0.3], [0.05, 0.95]
    probs = np.array([[sure, sure, sure], [sure, unsure, other]])
    found = stage_consensus(probs, np.array([1, 1, 1]), max_loss=LIMIT)
    assert found.is_consensus.tolist() == [True, False, False]
    assert found.pseudo_labels.tolist() == [0, 1, 1]


def test_a_probability_of_zero_is_unreliable_and_warns_of_nothing():
    probs = np.array([[[1.0, 0.0]]], dtype=np.float32)
    assert not stage_consensus(probs, np.array([1]), max_loss=50.0, reliability="given").is_reliable.any()


@pytest.mark.parametrize("shape", [(0, 4, 2), (3, 5, 2), (4, 2)])
def test_probabilities_of_another_shape_are_refused(shape):
    with pytest.raises(ConfigError, match="stage_probs must be"):
        stage_consensus(np.full(shape, 0.5), np.zeros(4, dtype=np.int64), max_loss=LIMIT)


@pytest.mark.parametrize("reliability", ["predicted", "given"])
def test_each_sample_at_each_stage_may_have_a_threshold_of_its_own(reliability):
    probs, given, _ = random_probs(0)
    limits = np.random.default_rng(1).uniform(0.1, 1.2, probs.shape[:2])
    found = stage_consensus(probs, given, max_loss=limits, reliability=reliability)
    for sample in range(len(given)):
        for stage in range(len(probs)):
            alone = stage_consensus(
                probs[[stage]][:, [sample]],
                given[[sample]],
                max_loss=float(limits[stage, sample]),
                reliability=reliability,
            )
            assert found.is_reliable[stage, sample] == alone.is_reliable[0, 0]
    assert 0 < found.is_consensus.sum() < len(given)


def test_a_loss_comes_with_the_class_whose_loss_it_is():
    probs, given, _ = random_probs(3)
    for reliability, classes in (("predicted", probs.argmax(axis=2)), ("given", np.stack([given] * 3))):
        losses, found = stage_losses(probs, given, reliability=reliability)
        np.testing.assert_array_equal(found, classes)
        expected = [[-math.log(p[k]) for p, k in zip(*pair, strict=True)] for pair in zip(probs, classes, strict=True)]
        np.testing.assert_allclose(losses, expected)
