import numpy as np

from overread.detection.paper_scores import round_probs
from overread.phases import Stage

NAMES = ["warmup", "round 1 epoch 2", "round 1 epoch 4", "round 2 epoch 2", "round 10 epoch 5", "final"]


def made_stages():
    return np.random.default_rng(0).dirichlet(np.ones(3), size=(len(NAMES), 7)).astype(np.float16)


def test_each_part_is_the_mean_of_its_stages():
    stages = made_stages()
    parts = round_probs(stages, [Stage.parse(name) for name in NAMES])
    expected = {
        "warmup": [0],
        "round_1": [1, 2],
        "round_2": [3],
        "round_10": [4],
        "rounds": [1, 2, 3, 4],
        "final": [5],
    }
    assert parts.keys() == expected.keys()
    for name, rows in expected.items():
        mean = sum(stages[row].astype(np.float64) for row in rows) / len(rows)
        np.testing.assert_allclose(parts[name], mean, atol=1e-6)
