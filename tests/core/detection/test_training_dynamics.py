import itertools
import math

import numpy as np
import pytest
import torch

from overread.detection.detection_data import DetectionData
from overread.detection.training_dynamics import head_margins, training_dynamics
from overread.detection_settings import DynamicsSettings


def loop_dynamics(margins):
    num_epochs, scores = len(margins), []
    for course in margins.T.tolist():
        learnt = [margin > 0 for margin in course]
        first = next((epoch for epoch in range(num_epochs) if all(learnt[epoch:])), num_epochs)
        forgotten = sum(before and not after for before, after in itertools.pairwise(learnt))
        share = forgotten / max(num_epochs // 2, 1) if any(learnt) else 1.0
        scores.append((first / num_epochs, share, 1 / (1 + math.exp(sum(course) / num_epochs))))
    return np.array(scores).T


@pytest.mark.parametrize("num_epochs", [1, 2, 5, 20])
def test_the_scores_are_those_of_plain_loops(num_epochs):
    rng = np.random.default_rng(num_epochs)
    margins = rng.normal(rng.normal(size=200), 1, (num_epochs, 200)).astype(np.float32)
    margins[:, 0], margins[:, 1], margins[:, 2] = -1, 1, 0
    found = training_dynamics(margins)
    for scores, expected in zip(
        (found.epoch_learnt, found.forgetting, found.margin_area), loop_dynamics(margins), strict=True
    ):
        np.testing.assert_allclose(scores, expected, atol=1e-6)
        assert scores.dtype == np.float32
        assert ((scores >= 0) & (scores <= 1)).all()


def test_a_label_forgotten_every_other_epoch_is_forgotten_as_often_as_can_be():
    margins = np.array([[1, -1, 1, -1, 1], [1, 1, 1, 1, 1], [-1, -1, -1, -1, -1], [-1, -1, 1, 1, 1]]).T
    found = training_dynamics(margins)
    assert found.forgetting.tolist() == [1, 0, 1, 0]
    np.testing.assert_allclose(found.epoch_learnt, [0.8, 0, 1, 0.4])


def made_samples(num_samples=300, num_classes=3, size=10, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num_samples)
    centres = 1.5 * rng.normal(size=(num_classes, size))
    return (centres[true] + rng.normal(size=(num_samples, size))) * 10.0 ** rng.integers(-3, 4, size), true


def margins_of(embeddings, given, is_trained, *, seed=0, num_epochs=20):
    data = DetectionData(embeddings, given, np.arange(len(given)), is_trained, num_classes=3)
    return head_margins(data, DynamicsSettings(num_epochs=num_epochs), seed=seed)


def torch_margins(embeddings, given, is_trained, num_classes, seed, num_epochs):
    """The same head, trained by torch's own SGD and cross-entropy."""
    rng = np.random.default_rng(seed)
    inside = embeddings[is_trained]
    scaled = (embeddings - inside.mean(axis=0)) / inside.std(axis=0) / embeddings.shape[1] ** 0.5
    features, labels = torch.from_numpy(scaled).float(), torch.from_numpy(given)
    head = torch.nn.Linear(embeddings.shape[1], num_classes)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.SGD(
        head.parameters(), lr=DynamicsSettings().learning_rate, momentum=DynamicsSettings().momentum
    )
    margins, trained = [], np.flatnonzero(is_trained)
    for _ in range(num_epochs):
        for batch in np.array_split(rng.permutation(trained), max(1, len(trained) // DynamicsSettings().batch_size)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(features[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.inference_mode():
            logits = head(features)
            own = logits.gather(1, labels[:, None]).squeeze(1)
            margins.append(own - logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1))
    return torch.stack(margins).numpy()


def test_the_head_learns_as_torch_would():
    embeddings, given = made_samples()
    is_trained = np.arange(300) < 270
    found = margins_of(embeddings, given, is_trained, seed=4, num_epochs=6)
    expected = torch_margins(embeddings, given, is_trained, 3, 4, 6)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_wrong_labels_score_higher_than_right_ones():
    embeddings, true = made_samples()
    given = true.copy()
    given[:30] = (true[:30] + 1) % 3
    found = training_dynamics(margins_of(embeddings, given, np.ones(300, dtype=bool)))
    for scores in (found.epoch_learnt, found.forgetting, found.margin_area):
        wrong_above_right = (scores[:30, None] > scores[30:]).mean() + (scores[:30, None] == scores[30:]).mean() / 2
        assert wrong_above_right > 0.9


def test_the_labels_of_samples_that_are_not_trained_change_nothing_but_their_own_margins():
    embeddings, given = made_samples()
    is_trained = np.arange(300) < 270
    other = np.where(is_trained, given, (given + 1) % 3)
    first, second = (margins_of(embeddings, g, is_trained) for g in (given, other))
    np.testing.assert_array_equal(first[:, :270], second[:, :270])
    assert (first[:, 270:] != second[:, 270:]).all()


@pytest.mark.parametrize("num_samples", [2, 5])
def test_a_handful_of_samples_and_a_feature_without_variance_warn_of_nothing(num_samples):
    embeddings = np.ones((num_samples, 3), dtype=np.float16)
    embeddings[0, 1] = 2
    margins = margins_of(embeddings, np.arange(num_samples) % 2, np.ones(num_samples, dtype=bool))
    assert np.isfinite(margins).all()
