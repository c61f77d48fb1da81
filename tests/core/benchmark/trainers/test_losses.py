"""Every loss against its formula, written as loops."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from overread.benchmark.trainers.forward_correction import anchor_transition, forward_corrected_loss
from overread.benchmark.trainers.mentornet import LossPercentile, curriculum_weights, drop_at_random
from overread.benchmark.trainers.symmetric_cross_entropy import symmetric_cross_entropy

NUM_CLASSES = 4


@pytest.fixture
def logits():
    return torch.from_numpy(np.random.default_rng(0).normal(0, 2, (7, NUM_CLASSES))).float().requires_grad_()


TARGETS = torch.tensor([0, 1, 2, 3, 0, 2, 1])
TRANSITION = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1], [0.0, 0.0, 0.9, 0.1], [0.25, 0.25, 0.0, 0.5]])


def softmax_rows(logits):
    return [[math.exp(z) / sum(math.exp(other) for other in row) for z in row] for row in logits.tolist()]


@pytest.mark.parametrize(("alpha", "beta", "log_of_zero"), [(0.1, 1.0, -4.0), (6.0, 0.1, -4.0), (0.0, 1.0, -2.0)])
def test_symmetric_cross_entropy_is_its_two_sums_over_the_classes(logits, alpha, beta, log_of_zero):
    expected = []
    for probs, target in zip(softmax_rows(logits), TARGETS.tolist(), strict=True):
        label = [1.0 if k == target else 0.0 for k in range(NUM_CLASSES)]
        forward = -sum(q * math.log(p) for q, p in zip(label, probs, strict=True))
        reverse = -sum(p * (math.log(q) if q else log_of_zero) for q, p in zip(label, probs, strict=True))
        expected.append(alpha * forward + beta * reverse)
    found = symmetric_cross_entropy(logits, TARGETS, alpha=alpha, beta=beta, log_of_zero=log_of_zero)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-5)


def test_the_reverse_term_alone_is_the_mean_absolute_error_where_the_log_of_zero_is_minus_two(logits):
    # Section 3.3 of the paper: sum_k |p_k - q_k| = 2 (1 - p_target).
    found = symmetric_cross_entropy(logits, TARGETS, alpha=0, beta=1, log_of_zero=-2)
    expected = (logits.softmax(dim=1) - F.one_hot(TARGETS, NUM_CLASSES)).abs().sum(dim=1)
    torch.testing.assert_close(found, expected)


def test_the_forward_loss_is_that_of_the_prediction_led_through_the_matrix(logits):
    expected = []
    for probs, target in zip(softmax_rows(logits), TARGETS.tolist(), strict=True):
        noisy = sum(probs[i] * TRANSITION[i, target] for i in range(NUM_CLASSES))
        expected.append(-math.log(noisy))
    found = forward_corrected_loss(logits, TARGETS, torch.from_numpy(TRANSITION).float())
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-5)


def test_without_confusion_the_forward_loss_is_cross_entropy(logits):
    found = forward_corrected_loss(logits, TARGETS, torch.eye(NUM_CLASSES))
    torch.testing.assert_close(found, F.cross_entropy(logits, TARGETS, reduction="none"), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda logits: symmetric_cross_entropy(logits, TARGETS, alpha=0.1, beta=1.0),
        lambda logits: forward_corrected_loss(logits, TARGETS, torch.from_numpy(TRANSITION).float()),
    ],
    ids=["symmetric", "forward"],
)
def test_gradients_are_those_of_small_differences(logits, loss):
    torch.autograd.backward(loss(logits).sum())
    step, place = 1e-2, (3, 1)
    with torch.no_grad():
        up, down = logits.clone(), logits.clone()
        up[place] += step
        down[place] -= step
        slope = (loss(up).sum() - loss(down).sum()) / (2 * step)
    assert logits.grad.abs().sum(dim=1).min() > 0
    torch.testing.assert_close(logits.grad[place], slope, atol=1e-3, rtol=1e-2)


def test_the_transition_matrix_is_recovered_where_every_class_has_a_pure_image():
    # An image that is surely of class i is given label j with T[i, j]; all others are mixtures.
    mixtures = np.random.default_rng(1).dirichlet(np.ones(NUM_CLASSES), size=200)
    true = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1], [0.05, 0.05, 0.8, 0.1], [0.2, 0.2, 0.1, 0.5]])
    probs = np.concatenate([np.eye(NUM_CLASSES), mixtures]) @ true
    shuffled = np.random.default_rng(2).permutation(probs)
    np.testing.assert_allclose(anchor_transition(shuffled), true, atol=1e-6)


def test_the_percentile_passes_over_the_most_confident_images():
    probs = np.random.default_rng(3).dirichlet(np.ones(NUM_CLASSES), size=200)
    found = anchor_transition(probs, 97)
    for label in range(NUM_CLASSES):
        # 3 % of 200 lie above; the anchor is the seventh.
        anchor = np.argsort(-probs[:, label])[6]
        np.testing.assert_allclose(found[label], probs[anchor], atol=1e-6)


@pytest.mark.parametrize("slope", [1.0, 0.5, 0.0])
def test_curriculum_weights_are_those_of_equation_6(slope):
    losses, threshold = torch.tensor([0.0, 0.7, 0.8, 1.2, 1.5, 4.0]), 0.8
    expected = []
    for loss in losses.tolist():
        if slope == 0:
            expected.append(1.0 if loss <= np.float32(threshold) else 0.0)
        else:
            expected.append(min(max(0.0, 1 - (loss - threshold) / slope), 1.0))
    found = curriculum_weights(losses, torch.tensor(threshold), slope)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_the_loss_percentile_moves_by_the_decay():
    percentile = LossPercentile(0.75, decay=0.9)
    batches = np.random.default_rng(4).exponential(size=(5, 9)).astype(np.float32)
    average = None
    for batch in batches:
        own = np.percentile(batch, 75)
        average = own if average is None else 0.9 * average + 0.1 * own
        np.testing.assert_allclose(float(percentile.update(torch.from_numpy(batch))), average, rtol=1e-5)


def test_so_many_weights_are_dropped_and_others_in_every_batch():
    weights, generator = torch.arange(1.0, 21), torch.Generator().manual_seed(0)
    first, second = (drop_at_random(weights, 0.5, generator) for _ in range(2))
    for found in (first, second):
        assert int((found == 0).sum()) == 10
        assert torch.equal(found[found > 0], weights[found > 0])
    assert not torch.equal(first, second)
