"""Near-duplicates: one image recompressed, resized, brightened, rotated, mirrored, zoomed or cropped.

Candidates come from histograms, which rotation and mirroring do not change; each pair of candidates is then verified by
its keypoints and by the correlation of one image with the other. A run's embedding finds no further ones: on
lung_histology its 15 nearest hold 741 of the true pairs and the histograms' 2,511, all of those 741 among them, in
twice the time.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from overread.checks.keypoints import MIN_MATCHES, Alignment, Keypoints, detail, find_keypoints, grey, match, overlay
from overread.detection.neighbour_index import NeighbourIndex

NUM_CANDIDATES = 15
"""Of each image: those whose histograms are most like its own."""
MIN_OVERLAP = 0.35
"""The share of the smaller image's area that both must show ..."""
MIN_CORRELATION = 0.8
"""... and how alike their detail must be there. Two chests of one size reach 0.75."""
EXACT_UP_TO = 8_000
"""Images of which each is compared with each; of more, an index finds the candidates in less time."""
_BLOCK_CELLS = 1 << 25
"""Similarities held at a time: the memory does not grow with the square of the number of images."""


def near_duplicate_groups(
    pixels: np.ndarray,
    keys: Sequence[str],
    copies: Sequence[Sequence[str]] = (),
    *,
    on_progress: Callable[[float], None] | None = None,
) -> list[tuple[str, ...]]:
    """Groups of near-duplicates: images that show the same but are not identical.

    pixels: (N, H, H, C) uint8, C 1 or 3; keys: N ids in the same order; copies: groups of keys whose images are
    identical: one of each is compared, and the others join its group. Groups are the connected components of the pairs.
    on_progress: called with the share of the work that is done. Takes some 10 ms an image on two cores.
    """
    report = on_progress or (lambda fraction: None)
    of_first = {group[0]: tuple(group) for group in copies}
    is_copy = {key for group in copies for key in group[1:]}
    indices = np.array([place for place, key in enumerate(keys) if key not in is_copy], dtype=np.int64)
    if len(indices) < 2:
        return []
    num_threads = min(os.cpu_count() or 1, 32)
    # Each thread computes small products; threads of BLAS would only compete with them.
    with ThreadPoolExecutor(num_threads) as executor:
        histograms = np.stack(list(executor.map(lambda place: _histogram(pixels[place]), indices)))
        pairs = _candidates(histograms)
        del histograms
        report(0.1)
        keypoints: list[Keypoints] = []
        for found in executor.map(lambda place: find_keypoints(pixels[place]), indices):
            keypoints.append(found)
            report(0.1 + 0.5 * len(keypoints) / len(indices))
        rows = [(row, [second for _, second in group]) for row, group in groupby(pairs, key=lambda pair: pair[0])]
        links: list[tuple[int, int]] = []
        with threadpool_limits(1):
            verified = executor.map(lambda row: _verified(pixels, indices, keypoints, *row), rows)
            for num_done, found_pairs in enumerate(verified, start=1):
                links += found_pairs
                report(0.6 + 0.4 * num_done / len(rows))
    of_index = [of_first.get(keys[place], (keys[place],)) for place in indices]
    return [tuple(key for index in group for key in of_index[index]) for group in _linked(links, len(indices))]


def is_near_duplicate(alignment: Alignment) -> bool:
    """Whether two images are near-duplicates, by how well one matches the other."""
    return (
        alignment.num_matches >= MIN_MATCHES
        and alignment.overlap >= MIN_OVERLAP
        and alignment.correlation >= MIN_CORRELATION
    )


def _histogram(image: np.ndarray) -> np.ndarray:
    """Square roots of the shares of colours (16 x 16 x 16) or, of a grey image, of brightness and edges (64 x 64)."""
    if image.shape[2] == 3:
        coarse = (image >> 4).astype(np.int32)
        bins = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    else:
        shown = grey(image)
        across, down = (cv2.Sobel(shown, cv2.CV_32F, dx, dy) for dx, dy in ((1, 0), (0, 1)))
        edge = np.minimum(8 * np.log2(1 + np.hypot(across, down)), 63).astype(np.int32)
        bins = ((shown >> 2).astype(np.int32) << 6) | edge
    counts = np.bincount(bins.ravel(), minlength=4096)
    return np.sqrt(counts / counts.sum()).astype(np.float16)


def _candidates(histograms: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, sorted: every row with the `NUM_CANDIDATES` rows most like it."""
    histograms = histograms[:, histograms.max(axis=0) > 0.01]
    nearest = _nearest_by_index(histograms) if len(histograms) > EXACT_UP_TO else _nearest(histograms)
    own = np.repeat(np.arange(len(nearest)), nearest.shape[1])
    others = nearest.ravel()
    ends = np.stack([np.minimum(own, others), np.maximum(own, others)], axis=1)[(others >= 0) & (others != own)]
    return [(first, second) for first, second in np.unique(ends, axis=0).tolist()]


def _nearest_by_index(histograms: np.ndarray) -> np.ndarray:
    """As `_nearest`, approximately; each row itself may be among them."""
    try:
        index = NeighbourIndex(histograms)
    except ImportError:
        return _nearest(histograms)
    return index.search(np.arange(len(histograms)), NUM_CANDIDATES + 1)[0]


def _nearest(histograms: np.ndarray) -> np.ndarray:
    """(N, M) int64: the rows most like each, M at most `NUM_CANDIDATES`."""
    num_images = len(histograms)
    num_candidates = min(NUM_CANDIDATES, num_images - 1)
    nearest = np.empty((num_images, num_candidates), dtype=np.int64)
    for rows in _blocks(num_images, max(_BLOCK_CELLS // num_images, 1)):
        block = histograms[rows].astype(np.float32)
        likeness = np.empty((len(block), num_images), dtype=np.float32)
        for columns in _blocks(num_images, 4096):
            likeness[:, columns] = block @ histograms[columns].astype(np.float32).T
        likeness[np.arange(len(block)), np.arange(rows.start, rows.start + len(block))] = -1
        nearest[rows] = np.argpartition(likeness, num_images - num_candidates, axis=1)[:, -num_candidates:]
    return nearest


def _blocks(length: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def _verified(
    pixels: np.ndarray, indices: np.ndarray, keypoints: list[Keypoints], row: int, others: list[int]
) -> list[tuple[int, int]]:
    """Those of a row's candidates that are its near-duplicates."""
    links, own_detail = [], None
    for other in others:
        num_matches, transform = match(keypoints[row], keypoints[other])
        if num_matches < MIN_MATCHES:
            continue
        if own_detail is None:
            own_detail = detail(pixels[indices[row]])
        overlap, correlation = overlay(own_detail, detail(pixels[indices[other]]), transform)
        if is_near_duplicate(Alignment(num_matches, overlap, correlation)):
            links.append((row, other))
    return links


def _linked(links: list[tuple[int, int]], num_images: int) -> list[list[int]]:
    """The connected components of two images or more, in the order of their first images."""
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(ends.shape[1]), tuple(ends)), shape=(num_images, num_images))
    groups = defaultdict(list)
    for image, component in enumerate(connected_components(graph, directed=False)[1]):
        groups[component].append(image)
    return [group for group in groups.values() if len(group) > 1]
