from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from overread.benchmark.trainers.network_training import (
    draw_seed,
    final_outcome,
    learning_rate_at,
    make_optimizer,
    predict_probs,
    run_epoch,
    start_network,
    train_network,
)
from overread.benchmark.trainers.training_problem import Recipe
from overread.errors import ConfigError
from tests.core.benchmark.trainers.made_problem import made_problem

SHORT = Recipe(num_epochs=2, batch_size=16)


def plain_loss(logits, batch):
    return F.cross_entropy(logits, batch.targets)


@pytest.mark.parametrize(
    ("schedule", "milestones", "expected"),
    [
        ("constant", (), [1, 1, 1, 1, 1]),
        ("cosine", (), [(1 + np.cos(np.pi * done / 5)) / 2 for done in range(5)]),
        ("steps", (0.4, 0.8), [1, 1, 0.1, 0.1, 0.01]),
        ("linear", (0.4,), [1, 1, 1, 2 / 3, 1 / 3]),
    ],
)
def test_the_rate_follows_its_schedule(schedule, milestones, expected):
    recipe = Recipe(5, 8, learning_rate=0.2, schedule=schedule, milestones=milestones)
    np.testing.assert_allclose([learning_rate_at(recipe, epoch) for epoch in range(1, 6)], 0.2 * np.array(expected))


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ConfigError, match="'stepwise': not one of constant"):
        learning_rate_at(Recipe(5, 8, schedule="stepwise"), 1)


def test_every_epoch_shows_every_sample_to_train_on_once_and_its_given_label():
    problem, _ = made_problem(recipe=SHORT)
    network, seen = start_network(problem), []

    def watched(logits, batch):
        seen.append((batch.epoch, batch.index.tolist(), batch.targets.tolist()))
        return plain_loss(logits, batch)

    train_network(problem, watched, network=network)
    orders = []
    for epoch in (1, 2):
        orders.append([place for number, index, _ in seen if number == epoch for place in index])
        assert sorted(orders[-1]) == np.flatnonzero(problem.data.is_trained).tolist()
    assert orders[0] != orders[1]
    for _, index, targets in seen:
        assert targets == problem.data.given[index].tolist()


def test_the_same_seed_gives_the_same_network_and_another_another():
    problem, _ = made_problem(recipe=SHORT)
    first, second, other = (
        predict_probs(one, train_network(one, plain_loss)) for one in (problem, problem, replace(problem, seed=1))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


def test_networks_start_from_the_pretrained_weights_with_classifiers_of_their_own():
    problem, _ = made_problem(recipe=SHORT)
    pretrained = {name: tensor.clone() for name, tensor in start_network(replace(problem, seed=5)).state_dict().items()}
    first, second = (start_network(replace(problem, pretrained=pretrained), number).state_dict() for number in (0, 1))
    for name, tensor in pretrained.items():
        if name.startswith("head."):
            assert not torch.equal(first[name], second[name])
            assert not torch.equal(first[name], tensor)
        else:
            assert torch.equal(first[name], tensor) and torch.equal(second[name], tensor)


def test_without_pretrained_weights_each_of_several_networks_draws_its_own():
    problem, _ = made_problem()
    first, again, second = (start_network(problem, number).state_dict() for number in (0, 0, 1))
    name = "encoder.stem.0.weight"
    assert torch.equal(first[name], again[name]) and not torch.equal(first[name], second[name])
    assert len({draw_seed(*numbers) for numbers in ((0, 0), (0, 1), (1, 0), (1, 1), (0,), (1,))}) == 6


def test_what_is_predicted_in_the_end_is_the_mean_of_the_networks():
    problem, _ = made_problem()
    networks = [start_network(problem, number) for number in (0, 1)]
    expected = np.mean([predict_probs(problem, network) for network in networks], axis=0)
    np.testing.assert_allclose(final_outcome(problem, *networks).probs, expected, atol=1e-6)


def test_a_training_that_diverges_says_so():
    problem, _ = made_problem(recipe=SHORT)
    network = start_network(problem)
    with pytest.raises(ConfigError, match="diverged in epoch 1"):
        run_epoch(
            problem,
            [network],
            make_optimizer(SHORT, network),
            lambda batch: network(batch.images).sum() * float("nan"),
            epoch=1,
        )
    with pytest.raises(ConfigError, match="predictions are no numbers"):
        final_outcome(problem, network)
