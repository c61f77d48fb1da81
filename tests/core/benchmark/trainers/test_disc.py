import math

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.disc import DISCSettings, generalized_cross_entropy, select
from tests.core.benchmark.trainers.test_dividemix import some_probs
from tests.core.benchmark.trainers.test_small_loss import loop_softmax


def loop_select(weak, strong, given, thresholds, settings):
    """Per sample: clean, hard, purified or none, and its label."""
    found = []
    for i, label in enumerate(given):
        num_sure = (weak[i][label] > thresholds[0][i]) + (strong[i][label] > thresholds[1][i])
        mean = [(a + b) / 2 for a, b in zip(weak[i], strong[i], strict=True)]
        limit = min((thresholds[0][i] + thresholds[1][i]) / 2 + settings.offset, settings.max_threshold)
        if num_sure:
            found.append((("", "hard", "clean")[num_sure], label))
        elif max(mean) > limit:
            found.append(("purified", mean.index(max(mean))))
        else:
            found.append(("none", label))
    return found


def test_samples_are_clean_hard_purified_or_none_by_their_own_thresholds():
    rng = np.random.default_rng(0)
    weak, strong = rng.dirichlet(np.full(3, 0.3), (2, 200))
    given, settings = rng.integers(0, 3, 200), DISCSettings(offset=0.2)
    thresholds = rng.uniform(0.2, 0.9, (2, 200))
    expected = loop_select(weak.tolist(), strong.tolist(), given.tolist(), thresholds.tolist(), settings)
    assert {kind for kind, _ in expected} == {"clean", "hard", "purified", "none"}
    limits = (torch.from_numpy(thresholds[0]), torch.from_numpy(thresholds[1]))
    selection = select(torch.from_numpy(weak), torch.from_numpy(strong), torch.from_numpy(given), limits, settings)
    masks = {"clean": selection.is_clean, "hard": selection.is_hard, "purified": selection.is_purified}
    for kind, mask in masks.items():
        assert mask.tolist() == [own == kind for own, _ in expected]
    assert selection.labels.tolist() == [label for _, label in expected]


def test_nothing_is_corrected_below_the_highest_threshold():
    probs, given = torch.tensor([[0.985, 0.015], [0.995, 0.005]]), torch.tensor([1, 1])
    limits = (torch.tensor([0.9, 0.9]), torch.tensor([0.9, 0.9]))
    assert select(probs, probs, given, limits, DISCSettings()).is_purified.tolist() == [False, True]


@pytest.mark.parametrize("q", [0.7, 1.0, 1e-6])
def test_generalized_cross_entropy_is_that_of_the_formula(q):
    logits = 2 * np.random.default_rng(1).normal(size=(5, 3))
    targets = some_probs(2).argmax(axis=1)
    own = [loop_softmax(row)[target] for row, target in zip(logits, targets, strict=True)]
    # As q falls to 0 it becomes cross-entropy.
    expected = [-math.log(p) for p in own] if q < 1e-3 else [(1 - p**q) / q for p in own]
    found = generalized_cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets), q)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
