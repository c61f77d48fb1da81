import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.cross_entropy import train_by_cross_entropy
from overread.benchmark.trainers.moco import info_nce, moco_weights
from overread.network_settings import PretrainSettings
from overread.training.epochs import embed
from overread.training.new_network import new_network
from overread.training.training_data import TrainingData
from tests.core.benchmark.trainers.made_problem import SETTINGS, made_problem
from tests.core.training.conftest import striped_pixels

PRETRAIN = replace(SETTINGS, pretrain=PretrainSettings(num_epochs=2, batch_size=16, projection_size=16))


def unit_rows(seed, size, width=4):
    rows = np.random.default_rng(seed).normal(size=(size, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_info_nce_picks_the_key_among_itself_and_the_queue(temperature):
    queries, keys, queue = unit_rows(0, 5), unit_rows(1, 5), unit_rows(2, 7)
    expected = 0.0
    for query, key in zip(queries, keys, strict=True):
        own = math.exp(query @ key / temperature)
        expected -= math.log(own / (own + sum(math.exp(query @ other / temperature) for other in queue))) / 5
    tensors = (torch.from_numpy(rows) for rows in (queries, keys, queue))
    assert info_nce(*tensors, temperature=temperature).item() == pytest.approx(expected)


def test_weights_follow_the_seed_and_the_images_to_train_on_and_start_a_training():
    problem, _ = made_problem(48, num_test=16)
    data = problem.data
    pixels = data.pixels.clone()
    pixels[32:] = 0
    blind = replace(data, pixels=pixels, given=np.where(data.is_trained, 1 - data.given, data.given))
    first, second, other = (moco_weights(*of, 3) for of in ((data, PRETRAIN), (blind, PRETRAIN), (data, SETTINGS)))
    start = new_network(data, PRETRAIN, 3).state_dict()
    assert any(not torch.equal(first[name], start[name]) for name in first if name.startswith("encoder."))
    for name in first:
        torch.testing.assert_close(first[name], second[name], msg=name)
    assert other["projection.2.weight"].shape[0] == SETTINGS.pretrain.projection_size
    problem = replace(problem, settings=PRETRAIN, recipe=replace(problem.recipe, num_epochs=1))
    probs = [train_by_cross_entropy(replace(problem, pretrained=weights)).probs for weights in (first, None)]
    assert not np.array_equal(*probs)


def nearest_neighbour_accuracy(features, classes, is_trained):
    """Of the class of the nearest image to train on, by cosine similarity."""
    features = features - features[is_trained].mean(axis=0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    nearest = (features[~is_trained] @ features[is_trained].T).argmax(axis=1)
    return (classes[is_trained][nearest] == classes[~is_trained]).mean()


@pytest.mark.slow
def test_images_of_a_class_come_to_lie_together_though_no_label_was_seen():
    settings = replace(SETTINGS, pretrain=PretrainSettings(num_epochs=30, batch_size=32, projection_size=64))
    rng = np.random.default_rng(1)
    classes = rng.permutation(np.arange(400) % 3)
    noise = torch.from_numpy(rng.normal(0, 50, (400, 1, 32, 32)))
    pixels = (striped_pixels(classes, 1) + noise).clamp(0, 255).to(torch.uint8)
    data = TrainingData(pixels, rng.integers(0, 3, 400), np.arange(400) < 240, 3)

    def accuracy(network):
        features = embed(network, data, precision="fp32")
        return nearest_neighbour_accuracy(features, classes, data.is_trained)

    network = new_network(data, settings, 1)
    assert accuracy(network) < 0.75
    network.load_state_dict(moco_weights(data, settings, 1))
    assert accuracy(network) > 0.9
