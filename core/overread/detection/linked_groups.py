"""Groups of samples that belong together for any of several reasons."""

from collections.abc import Sequence

import numpy as np

ALONE = -1
"""The group of a sample that a link leaves on its own."""


def linked_groups(links: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) int64 from 0: equal for samples that any of the links connects, also by way of others; a number of its own
    for every other sample.

    links: one or more, (N,) int64 each, equal for samples that it connects, ALONE for one that it doesn't.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_samples = num_nodes = len(links[0])
    # A node for each sample, then one for each group of each link.
    samples, nodes = [], []
    for link in links:
        linked = np.flatnonzero(link != ALONE)
        samples.append(linked)
        nodes.append(num_nodes + link[linked])
        num_nodes += int(link.max(initial=ALONE)) + 1
    ends = np.concatenate(samples), np.concatenate(nodes)
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(num_nodes, num_nodes))
    return np.unique(connected_components(graph, directed=False)[1][:num_samples], return_inverse=True)[1]
