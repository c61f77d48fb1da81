import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.co_teaching import co_teaching_loss, train_by_co_teaching
from overread.benchmark.trainers.jocor import jocor_settings, joint_losses, train_by_jocor
from overread.benchmark.trainers.phase_length import phase_length
from overread.benchmark.trainers.small_loss import kept_share, small_loss_places
from overread.errors import ConfigError
from tests.core.benchmark.trainers.made_problem import made_problem


def loop_softmax(row):
    exponentials = [math.exp(value) for value in row]
    return [value / sum(exponentials) for value in exponentials]


def two_logits(seed, size=7, num_classes=3):
    generator = torch.Generator().manual_seed(seed)
    first, second = (2 * torch.randn(size, num_classes, generator=generator, dtype=torch.float64) for _ in range(2))
    return first, second, torch.randint(num_classes, (size,), generator=generator)


def loop_co_teaching(first, second, targets, num_kept):
    """Algorithm 1, lines 5 to 8."""
    losses = [
        [-math.log(loop_softmax(row)[target]) for row, target in zip(logits, targets, strict=True)]
        for logits in (first.tolist(), second.tolist())
    ]
    total = 0.0
    for own, other in ((0, 1), (1, 0)):
        small = sorted(range(len(targets)), key=lambda place: losses[other][place])[:num_kept]
        total += sum(losses[own][place] for place in small) / num_kept
    return total


@pytest.mark.parametrize(("share", "num_kept"), [(1.0, 7), (0.7, 5), (0.5, 4), (0.01, 1)])
def test_each_network_learns_from_what_the_other_finds_easy(share, num_kept):
    for seed in range(5):
        first, second, targets = two_logits(seed)
        expected = loop_co_teaching(first, second, targets.tolist(), num_kept)
        assert co_teaching_loss(first, second, targets, share).item() == pytest.approx(expected)


@pytest.mark.parametrize("agreement_share", [0.0, 0.65, 0.9, 1.0])
def test_joint_losses_are_both_cross_entropies_and_both_divergences(agreement_share):
    first, second, targets = two_logits(1)
    expected = []
    for one, two, target in zip(first.tolist(), second.tolist(), targets.tolist(), strict=True):
        p, q = loop_softmax(one), loop_softmax(two)
        supervised = -math.log(p[target]) - math.log(q[target])
        forth = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        back = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
        expected.append((1 - agreement_share) * supervised + agreement_share * (forth + back))
    np.testing.assert_allclose(joint_losses(first, second, targets, agreement_share), expected)


def test_the_kept_share_falls_in_a_line_from_all_to_the_right_labels_alone():
    shares = [kept_share(epoch, noise_rate=0.4, num_gradual=4, exponent=1.0) for epoch in range(1, 8)]
    np.testing.assert_allclose(shares, [1, 0.9, 0.8, 0.7, 0.6, 0.6, 0.6])
    # Squared, the epochs come to num_gradual sooner.
    np.testing.assert_allclose(kept_share(3, noise_rate=0.4, num_gradual=8, exponent=2.0), 1 - 0.4 / 2)


def test_of_a_batch_at_least_the_share_is_kept_and_never_none():
    losses = torch.tensor([3.0, 1.0, 2.0, 0.0, 4.0])
    assert small_loss_places(losses, 0.6).tolist() == [3, 1, 2]
    assert small_loss_places(losses, 0.61).tolist() == [3, 1, 2, 0]
    assert small_loss_places(losses, 0.0).tolist() == [3]
    assert len(small_loss_places(torch.zeros(20), 0.55)) == 11


def test_a_warm_up_takes_at_most_a_third_of_the_epochs():
    assert [phase_length(10, num_epochs) for num_epochs in (1, 3, 12, 29, 200)] == [1, 1, 4, 10, 10]


def test_agreement_counts_as_the_authors_have_it_for_the_dataset():
    assert jocor_settings(100, 0.5, 78_200).agreement_share == 0.85
    assert jocor_settings(10, 0.5, 78_200).agreement_share == 0.9
    assert jocor_settings(10, 0.8, 78_200).agreement_share == 0.65
    assert jocor_settings(10, 0.8, 570).agreement_share == 0.5


@pytest.mark.parametrize("train", [train_by_co_teaching, train_by_jocor])
def test_a_method_that_is_told_the_noise_rate_says_so_where_there_is_none(train):
    problem, _ = made_problem(24, num_test=8)
    with pytest.raises(ConfigError, match="noise_rate: not given"):
        train(replace(problem, noise_rate=None))
