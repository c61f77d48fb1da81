import math

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.elr_plus import EarlyTargets, elr_loss, elr_plus_settings, sigmoid_ramp
from overread.benchmark.trainers.weight_average import follow, frozen_copy
from overread.training.new_network import new_network
from tests.core.benchmark.trainers.made_problem import made_problem
from tests.core.benchmark.trainers.test_dividemix import some_probs
from tests.core.benchmark.trainers.test_small_loss import loop_softmax


@pytest.mark.parametrize("strength", [0.0, 3.0])
def test_the_loss_is_cross_entropy_and_the_log_of_one_minus_the_agreement(strength):
    logits = 2 * np.random.default_rng(0).normal(size=(5, 3))
    labels, targets = some_probs(1), 0.7 * some_probs(2)
    expected = 0.0
    for row, label, target in zip(logits, labels, targets, strict=True):
        probs = loop_softmax(row)
        expected -= sum(y * math.log(p) for y, p in zip(label, probs, strict=True)) / 5
        expected += strength * math.log(1 - sum(t * p for t, p in zip(target, probs, strict=True))) / 5
    found = elr_loss(torch.from_numpy(logits), torch.from_numpy(labels), torch.from_numpy(targets), strength)
    assert found.item() == pytest.approx(expected)


def test_the_regularisation_pulls_towards_what_was_predicted_early():
    logits = torch.zeros(1, 3, requires_grad=True)
    targets = torch.tensor([[0.0, 0.9, 0.0]])
    elr_loss(logits, torch.full((1, 3), 1 / 3), targets, 3.0).backward()
    assert logits.grad[0, 1] < 0 < logits.grad[0, 0]


def test_targets_are_a_decaying_sum_of_all_that_was_said_of_a_sample():
    targets = EarlyTargets(4, 3, decay=0.7, device=torch.device("cpu"))
    said = [torch.from_numpy(some_probs(seed, 2)).float() for seed in range(3)]
    for probs in said:
        found = targets.update(torch.tensor([3, 1]), probs)
    expected = sum(0.3 * 0.7 ** (2 - k) * probs for k, probs in enumerate(said))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # What was never seen starts from 0.
    np.testing.assert_allclose(targets.update(torch.tensor([0]), said[0][:1]), 0.3 * said[0][:1], rtol=1e-6)


def test_the_ramp_rises_to_one_and_is_there_at_once_without_a_length():
    np.testing.assert_allclose(
        [sigmoid_ramp(share, 0.5) for share in (0, 0.25, 0.5, 0.9)], [math.exp(-5), math.exp(-1.25), 1, 1]
    )
    assert sigmoid_ramp(0.0, 0.0) == 1


def test_an_average_follows_all_weights_and_statistics_and_learns_nothing_itself():
    problem, _ = made_problem(24, num_test=8)
    first, second = (new_network(problem.data, problem.settings, seed) for seed in range(2))
    average = frozen_copy(first)
    second.encoder.train()(torch.rand(4, 1, 32, 32))  # its statistics move
    follow(average, second, 0.9)
    for name, found in average.state_dict().items():
        one, two = first.state_dict()[name], second.state_dict()[name]
        expected = 0.9 * one + 0.1 * two if one.is_floating_point() else two
        torch.testing.assert_close(found, expected, msg=name)
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_many_classes_are_held_to_their_targets_as_the_authors_have_it_for_cifar_100():
    many, few = elr_plus_settings(100), elr_plus_settings(10)
    assert (many.target_decay, many.strength) == (0.9, 7.0)
    assert (few.target_decay, few.strength, few.strength_ramp) == (0.7, 3.0, 0.0)
