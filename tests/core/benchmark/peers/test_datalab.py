import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.neighbors import NearestNeighbors

from overread.benchmark.peers.datalab import datalab_neighbours
from tests.core.benchmark.made_task import made_problem


def test_datalab_judges_by_the_votes_of_the_ten_nearest_others():
    problem, _ = made_problem()
    found = datalab_neighbours(problem)
    nearest = NearestNeighbors(n_neighbors=10).fit(problem.features).kneighbors(return_distance=False)
    votes = np.stack([(problem.given[nearest] == label).mean(axis=1) for label in range(3)], axis=1)
    expected = find_label_issues(problem.given, votes, n_jobs=1)
    np.testing.assert_array_equal(found.is_proposed, expected)
    np.testing.assert_allclose(found.scores, 1 - votes[np.arange(len(votes)), problem.given], atol=1e-9)
    is_clear = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1
    np.testing.assert_array_equal(found.proposed[is_clear], votes.argmax(axis=1)[is_clear])
