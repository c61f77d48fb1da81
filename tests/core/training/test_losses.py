import math

import numpy as np
import pytest
import torch

from overread.training.losses import confidence_weights, nt_xent, softmax_weighted_cross_entropy

TEMPERATURES = (0.1, 0.5, 1.0)
WEIGHTS = ("max", "target", "none")


def loop_nt_xent(first, second, temperature):
    """The pseudocode of Chen et al. 2020, algorithm 1: the two views of image k are z[2k] and z[2k + 1]."""
    z = [row for pair in zip(first, second, strict=True) for row in pair]
    count = len(z)
    s = np.array([[np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)) for b in z] for a in z])

    def l(i, j):  # noqa: E743 - the paper's name
        others = sum(math.exp(s[i, k] / temperature) for k in range(count) if k != i)
        return -math.log(math.exp(s[i, j] / temperature) / others)

    return sum(l(k, k + 1) + l(k + 1, k) for k in range(0, count, 2)) / count


def loop_weighted_cross_entropy(logits, targets, weight):
    losses, confidences = [], []
    for row, target in zip(logits, targets, strict=True):
        exponentials = [math.exp(value) for value in row]
        probs = [value / sum(exponentials) for value in exponentials]
        losses.append(-math.log(probs[target]))
        confidences.append({"max": max(probs), "target": probs[target], "none": 1.0}[weight])
    mean = sum(confidences) / len(confidences)
    return sum(c / mean * loss for c, loss in zip(confidences, losses, strict=True)) / len(losses)


def batch(seed, size=6, num_classes=4):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(size, num_classes, generator=generator)
    return logits, torch.randint(num_classes, (size,), generator=generator)


def views(seed, size=5, width=7):
    generator = torch.Generator().manual_seed(seed)
    return [3 * torch.randn(size, width, generator=generator) for _ in range(2)]


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_nt_xent_is_that_of_the_paper_s_pseudocode(temperature, size):
    first, second = views(size, size=size)
    expected = loop_nt_xent(first.double().numpy(), second.double().numpy(), temperature)
    assert nt_xent(first, second, temperature=temperature).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_nt_xent_of_orthogonal_images_with_equal_views_has_a_closed_form(temperature):
    size = 8
    rows = torch.eye(size)
    expected = math.log(math.exp(1 / temperature) + 2 * (size - 1)) - 1 / temperature
    assert nt_xent(rows, 5 * rows, temperature=temperature).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_nt_xent_of_rows_that_are_all_alike_is_the_logarithm_of_their_number_less_one():
    rows = torch.ones(6, 3)
    assert nt_xent(rows, rows, temperature=0.5).item() == pytest.approx(math.log(11), rel=1e-6)


def test_nt_xent_is_the_same_with_the_views_swapped_and_the_images_reordered():
    first, second = views(0)
    order = torch.tensor([3, 0, 4, 1, 2])
    loss = nt_xent(first, second, temperature=0.5)
    torch.testing.assert_close(nt_xent(second, first, temperature=0.5), loss)
    torch.testing.assert_close(nt_xent(first[order], second[order], temperature=0.5), loss)


def test_nt_xent_of_half_precision_is_that_of_the_rounded_numbers():
    first, second = (view.bfloat16() for view in views(1))
    torch.testing.assert_close(
        nt_xent(first, second, temperature=0.1), nt_xent(first.float(), second.float(), temperature=0.1)
    )


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("seed", range(3))
def test_weighted_cross_entropy_is_that_of_plain_loops(weight, seed):
    logits, targets = batch(seed)
    expected = loop_weighted_cross_entropy(logits.double().tolist(), targets.tolist(), weight)
    weights = confidence_weights(logits, targets, weight=weight)
    assert softmax_weighted_cross_entropy(logits, targets, weights).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", ["max", "target"])
def test_weights_have_a_mean_of_one_and_no_gradient(weight):
    logits, targets = batch(0)
    logits.requires_grad_()
    weights = confidence_weights(logits, targets, weight=weight)
    assert weights.mean().item() == pytest.approx(1, rel=1e-6)
    assert not weights.requires_grad


@pytest.mark.parametrize("weight", ["max", "target"])
def test_the_gradient_is_that_of_fixed_weights(weight):
    logits, targets = batch(1)
    logits.requires_grad_()
    softmax_weighted_cross_entropy(logits, targets, confidence_weights(logits, targets, weight=weight)).backward()
    # Of sum_i w_i CE_i / B with w fixed: w_i (softmax_i - onehot_i) / B.
    probs = logits.detach().double().softmax(dim=1).numpy()
    rows = np.arange(len(probs))
    confidence = probs.max(axis=1) if weight == "max" else probs[rows, targets.numpy()]
    difference = probs.copy()
    difference[rows, targets.numpy()] -= 1
    expected = (confidence / confidence.mean())[:, None] * difference / len(probs)
    np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_a_confident_contradiction_weighs_more_under_max_and_next_to_nothing_under_target():
    logits = torch.tensor([[9.0, 0.0], [0.5, 0.0], [0.5, 0.0]])
    targets = torch.tensor([1, 0, 0])
    by_max, by_target = (confidence_weights(logits, targets, weight=weight) for weight in ("max", "target"))
    assert by_max[0] > by_max[1]
    assert by_target[0] < 0.01 * by_target[1]


def test_targets_that_are_all_impossible_give_weights_that_are_numbers():
    logits = torch.tensor([[500.0, 0.0], [500.0, 0.0]])
    weights = confidence_weights(logits, torch.tensor([1, 1]), weight="target")
    assert torch.isfinite(weights).all()
