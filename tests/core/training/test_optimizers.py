import math

import numpy as np
import pytest
import torch

from overread.training.optimizers import cosine_decay, make_optimizer, set_learning_rate

RATE, DECAY, NUM_STEPS = 0.1, 0.01, 4


def by_torch(name):
    """The values of one number w after each step down the slope of w ** 2."""
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = make_optimizer([parameter], name, learning_rate=RATE, weight_decay=DECAY)
    values = []
    for _ in range(NUM_STEPS):
        optimizer.zero_grad()
        torch.autograd.backward((parameter**2).sum())
        optimizer.step()
        values.append(parameter.item())
    return values


def by_hand(name):
    value, first, second, values = 1.0, 0.0, 0.0, []
    for step in range(1, NUM_STEPS + 1):
        slope = 2 * value + (0 if name == "adamw" else DECAY * value)
        if name == "sgd":
            first = slope if step == 1 else 0.9 * first + slope
            value -= RATE * first
        else:
            if name == "adamw":
                value -= RATE * DECAY * value
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            value -= RATE * (first / (1 - 0.9**step)) / (math.sqrt(second / (1 - 0.999**step)) + 1e-8)
        values.append(value)
    return values


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_steps_are_those_of_the_papers(name):
    np.testing.assert_allclose(by_torch(name), by_hand(name), rtol=1e-5)


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValueError, match="'lion' is no optimiser"):
        make_optimizer([torch.nn.Parameter(torch.zeros(1))], "lion", learning_rate=RATE, weight_decay=0)


def test_the_cosine_falls_from_one_to_zero_and_is_half_in_the_middle():
    np.testing.assert_allclose([cosine_decay(share) for share in (0, 1 / 3, 0.5, 1)], [1, 0.75, 0.5, 0], atol=1e-12)


def test_the_rate_that_is_set_is_that_of_the_next_step():
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = make_optimizer([parameter], "sgd", learning_rate=RATE, weight_decay=0)
    set_learning_rate(optimizer, 0.25)
    torch.autograd.backward((parameter**2).sum())
    optimizer.step()
    assert parameter.item() == pytest.approx(0.5)
