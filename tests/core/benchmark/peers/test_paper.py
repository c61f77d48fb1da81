import numpy as np
import pytest

from overread.benchmark.peers.paper import paper_rounds
from overread.benchmark.problem import Problem
from tests.core.benchmark.made_task import made_task


@pytest.mark.slow
def test_the_paper_s_rounds_find_wrong_labels_in_pixels_alone():
    task = made_task(num_images=240)
    given = task.human_labels["reader"]
    no_features = np.empty((len(given), 0), dtype=np.float32)
    problem = Problem(no_features, given, task.groups, 3, 0, task.pixels, np.full(len(given), -1), "cpu")
    found = paper_rounds(problem)
    is_wrong = given != task.true
    assert found.scores[is_wrong].mean() > found.scores[~is_wrong].mean()
    np.testing.assert_array_equal(found.is_proposed, found.proposed != given)
