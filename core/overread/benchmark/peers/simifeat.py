"""SimiFeat's vote of the nearest neighbours.

Source: Zhu et al. 2022, "Detecting Corrupted Labels Without Training a Model to Predict": SimiFeat-V. One pass over
the frozen features; the paper's many passes over augmented images are left out, for every method has the same features.
"""

import numpy as np

from overread.benchmark.problem import MethodResult, Problem
from overread.detection.neighbours import nearest_neighbours
from overread.detection_settings import NeighbourSettings

NUM_NEIGHBOURS = 10
"""The sample itself among them, as in the authors' program."""


def simifeat(problem: Problem) -> MethodResult:
    """Ranked by how little the soft label of the neighbourhood looks like the given one; cut off by its vote."""
    votes = soft_labels(problem.features, problem.given, problem.num_classes)
    proposed = votes.argmax(axis=1)
    # The paper's score: the cosine between the soft label and the given one.
    lengths = np.maximum(np.linalg.norm(votes, axis=1), 1e-12)
    scores = 1 - votes[np.arange(len(votes)), problem.given] / lengths
    return MethodResult(scores, proposed, proposed != problem.given)


def soft_labels(features: np.ndarray, given: np.ndarray, num_classes: int) -> np.ndarray:
    """(N, K): the sum of the nearest samples' labels, each weighed by its cosine similarity. N >= 3.

    The sample itself counts among them. Its weight is as much above the next one's as that one's is above the one
    after: with its full similarity, 1, its own label would win too often.
    """
    each = np.arange(len(given))
    nearest, similarities = nearest_neighbours(features, each, min(NUM_NEIGHBOURS, len(given)) - 1, NeighbourSettings())
    votes = np.zeros((len(given), num_classes), dtype=np.float64)
    votes[each, given] = 2 * similarities[:, 0] - similarities[:, 1]
    for place in range(nearest.shape[1]):
        votes[each, given[nearest[:, place]]] += similarities[:, place]
    return votes
