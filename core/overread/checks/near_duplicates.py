"""Near-duplicates: one image recompressed, resized, brightened, rotated, mirrored, zoomed or cropped.

Candidates come from histograms, which rotation and mirroring do not change; each pair of candidates is then verified by
its keypoints and by the correlation of one image with the other, at a coarse look first and, where that leaves it open,
at a closer one. A run's embedding finds no further ones: on
lung_histology its 15 nearest hold 741 of the true pairs and the histograms' 2,511, all of those 741 among them, in
twice the time.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from overread.checks import overlays
from overread.checks.keypoints import Keypoints, Look, grey, match
from overread.detection.neighbour_index import NeighbourIndex

NUM_CANDIDATES = 15
"""Of each image: those whose histograms are most like its own."""
FIRST_LOOK = Look(side_px=112, max_keypoints=80, min_matches=4)
SECOND_LOOK = Look(side_px=160, max_keypoints=150, min_matches=6)
"""Keypoints of twice the side cost twice the time and find no more duplicates; fewer than six come together by chance.
"""
UNSURE_CORRELATION, SURE_CORRELATION = 0.7, 0.9
"""A pair that correlates as little as the one at the first look is none; one that does as the other needs no second."""
MIN_OVERLAP = 0.35
"""The share of the smaller image's area that both must show ..."""
MIN_CORRELATION = 0.8
"""... and how alike their detail must be there. Two chests of one size reach 0.75."""
EXACT_UP_TO = 8_000
"""Images of which each is compared with each; of more, an index finds the candidates in less time."""
_BLOCK_CELLS = 1 << 25
"""Similarities held at a time: the memory does not grow with the square of the number of images."""
_EDGE_BINS = np.minimum(4 * np.log2(1 + np.arange(4 * 1443) / 4), 31).astype(np.uint16)
"""Of the strengths of edges, in quarters; the strongest of 8 bits is 1,442."""


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
    on_progress: called with the share of the work that is done. Takes some 5 ms of processor time an image.
    """
    report = on_progress or (lambda fraction: None)
    of_first = {group[0]: tuple(group) for group in copies}
    is_copy = {key for group in copies for key in group[1:]}
    indices = np.array([place for place, key in enumerate(keys) if key not in is_copy], dtype=np.int64)
    if len(indices) < 2:
        return []
    # Each thread works on images of its own; threads of OpenCV would only compete with them.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 32)) as executor, _one_thread_of_opencv():
        histograms = np.stack(list(executor.map(lambda place: _histogram(pixels[place]), indices)))
        pairs = _candidates(histograms)
        del histograms
        search = _Search(pixels, indices, executor, report)
        aligned = search.alignments(pairs, FIRST_LOOK, (0.1, 0.8))
        links = [
            alignment.ends
            for alignment in aligned
            if is_near_duplicate(alignment) and alignment.correlation >= SURE_CORRELATION
        ]
        groups = _groups(links, len(indices))
        unsure = [
            alignment.ends
            for alignment in aligned
            if alignment.correlation >= UNSURE_CORRELATION and len(set(groups[list(alignment.ends)])) > 1
        ]
        aligned = search.alignments(unsure, SECOND_LOOK, (0.8, 1.0))
        links += [alignment.ends for alignment in aligned if is_near_duplicate(alignment)]
    of_index = [of_first.get(keys[place], (keys[place],)) for place in indices]
    members = defaultdict(list)
    for index, group in enumerate(_groups(links, len(indices)).tolist()):
        members[group].append(index)
    linked = [indices_of_group for indices_of_group in members.values() if len(indices_of_group) > 1]
    return [tuple(key for index in group for key in of_index[index]) for group in linked]


@dataclass(frozen=True)
class Alignment:
    """How well one image matches another, once it is transformed."""

    ends: tuple[int, int]
    """The two images."""
    num_matches: int
    """Keypoints that the transform brings together, at different places."""
    overlap: float
    """Share of the smaller image's area (after the transform) that both show, in [0, 1]."""
    correlation: float
    """Of the detail of both where they overlap, in [-1, 1]; 1 for the same."""


def is_near_duplicate(alignment: Alignment) -> bool:
    """Whether two images are near-duplicates, by how well one matches the other."""
    return (
        alignment.num_matches >= SECOND_LOOK.min_matches
        and alignment.overlap >= MIN_OVERLAP
        and alignment.correlation >= MIN_CORRELATION
    )


@contextmanager
def _one_thread_of_opencv() -> Iterator[None]:
    num_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(num_threads)


@dataclass(frozen=True)
class _Search:
    """Images in which pairs are looked for: those of pixels (N, H, W, C) uint8 at the places indices (M,) int64."""

    pixels: np.ndarray
    indices: np.ndarray
    executor: ThreadPoolExecutor
    report: Callable[[float], None]

    def alignments(self, pairs: list[tuple[int, int]], look: Look, progress: tuple[float, float]) -> list[Alignment]:
        """Of the pairs (i, j) of images, by i, those that match; progress: the shares done before and after."""
        begin, end = progress
        images, rows = np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), return_inverse=True)
        keypoints = Keypoints.none(len(images), look)
        details = np.zeros((len(images), overlays.SIDE_PX, overlays.SIDE_PX), np.int8)

        def find(row: int) -> None:
            image = self.pixels[self.indices[images[row]]]
            keypoints.find(row, image, look)
            details[row] = overlays.detail(image)

        def align(row: int, others: np.ndarray) -> list[Alignment]:
            return [
                Alignment(
                    (int(images[row]), int(images[found.row])),
                    found.num_matches,
                    *overlays.overlay(details[row], details[found.row], found.transform),
                )
                for found in match(keypoints, row, others, look)
            ]

        for num_done, _ in enumerate(self.executor.map(find, range(len(images))), start=1):
            self.report(begin + 0.6 * (end - begin) * num_done / len(images))
        firsts, starts = np.unique(rows.reshape(-1, 2)[:, 0], return_index=True)
        others = np.split(rows.reshape(-1, 2)[:, 1], starts[1:])
        aligned: list[Alignment] = []
        # Nor would threads of BLAS help: the products are small.
        with threadpool_limits(1):
            for num_done, found in enumerate(self.executor.map(align, firsts, others), start=1):
                aligned += found
                self.report(begin + (end - begin) * (0.6 + 0.4 * num_done / len(firsts)))
        return aligned


def _histogram(image: np.ndarray) -> np.ndarray:
    """Square roots of the shares of colours (16 x 16 x 16) or, of a grey image, of brightness and edges (64 x 32)."""
    if image.shape[2] == 3:
        coarse = (image >> 4).astype(np.int32)
        bins = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    else:
        shown = grey(image)
        across, down = (cv2.Sobel(shown, cv2.CV_32F, dx, dy, scale=4) for dx, dy in ((1, 0), (0, 1)))
        bins = ((shown >> 2).astype(np.uint16) << 5) | _EDGE_BINS[cv2.magnitude(across, down).astype(np.uint16)]
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


def _groups(links: list[tuple[int, int]], num_images: int) -> np.ndarray:
    """(N,) int: equal for images that are linked, by others as well."""
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(ends.shape[1]), tuple(ends)), shape=(num_images, num_images))
    return connected_components(graph, directed=False)[1]
