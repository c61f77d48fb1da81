"""Keypoints of an image, and the transform between those of two: they may be rotated, mirrored, zoomed or cropped.

Source of the keypoints: Lowe 2004, "Distinctive Image Features from Scale-Invariant Keypoints"; of the square root
of their descriptors: Arandjelovic and Zisserman 2012, "Three things everyone should know".
"""

from dataclasses import dataclass

import cv2
import numpy as np

MAX_KEYPOINTS = 150
SIDE_PX = 160
"""Larger images are reduced to it: keypoints of twice the side cost twice the time and find no more duplicates."""
MIN_MATCHES = 6
"""Keypoints that a transform must bring together: fewer come together by chance."""
_DESCRIPTOR_SCALE = 512
"""Square roots of the shares of a descriptor's 128 bins, brought to uint8; hardly any is above a half."""
_MAX_RATIO = 0.8
"""Lowe's: a match counts where the next best in the same image is clearly further away."""
_LOOSE_SHARE, _TIGHT_SHARE = 1 / 28, 1 / 56
"""How far a keypoint may lie from where the transform puts it, as a share of the image's side."""
_MAX_STRETCH = 1.7
"""A transform that stretches one direction so much more than the other is an accident."""
_RIDGE = 1e-9 * np.eye(3)
_DETAIL_SIDE_PX = 112
"""Side at which the detail of two images is compared."""


def _mirrored_bins() -> np.ndarray:
    """The order of a descriptor's bins (4 rows, 4 columns, 8 directions) in the mirror image."""
    bins = np.arange(128).reshape(4, 4, 8)
    return bins[::-1, :, -np.arange(8) % 8].ravel()


_MIRRORED = _mirrored_bins()


@dataclass(frozen=True)
class Keypoints:
    """The M keypoints of one image."""

    places: np.ndarray
    """(M,) complex64: x + iy, as shares of the image's side."""
    sizes: np.ndarray
    """(M,) float32, likewise."""
    angles: np.ndarray
    """(M,) float32, in radians."""
    descriptors: np.ndarray
    """(M, 128) uint8."""


@dataclass(frozen=True)
class Alignment:
    """How well one image matches another, once it is transformed."""

    num_matches: int
    """Keypoints that the transform brings together, at different places."""
    overlap: float = 0.0
    """Share of the smaller image's area (after the transform) that both show, in [0, 1]."""
    correlation: float = 0.0
    """Of the detail of both where they overlap, in [-1, 1]; 1 for the same."""


def grey(image: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of an image (H, W, C) uint8."""
    return np.ascontiguousarray(image[..., 0]) if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def find_keypoints(image: np.ndarray) -> Keypoints:
    """The strongest keypoints of an image (H, W, C) uint8, at most `MAX_KEYPOINTS`."""
    shown = grey(image)
    if len(shown) > SIDE_PX:
        shown = cv2.resize(shown, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    found, descriptors = cv2.SIFT.create(nfeatures=MAX_KEYPOINTS).detectAndCompute(shown, None)
    found = found[:MAX_KEYPOINTS]
    if not found:
        none = np.zeros(0, np.float32)
        return Keypoints(np.zeros(0, np.complex64), none, none, np.zeros((0, 128), np.uint8))
    values = np.array([(*point.pt, point.size, np.deg2rad(point.angle)) for point in found], dtype=np.float32)
    shares = descriptors[: len(found)] / np.maximum(descriptors[: len(found)].sum(axis=1, keepdims=True), 1)
    roots = np.minimum(_DESCRIPTOR_SCALE * np.sqrt(shares), 255).astype(np.uint8)
    places = (values[:, 0] + 0.5 + 1j * (values[:, 1] + 0.5)) / len(shown)
    return Keypoints(places.astype(np.complex64), values[:, 2] / len(shown), values[:, 3], roots)


def detail(image: np.ndarray) -> np.ndarray:
    """(S, S) float32: what an image (H, W, C) uint8 shows beside its shading, at a side of 112 px."""
    small = cv2.resize(grey(image), (_DETAIL_SIDE_PX, _DETAIL_SIDE_PX), interpolation=cv2.INTER_AREA)
    small = small.astype(np.float32)
    return cv2.GaussianBlur(small, (0, 0), 1) - cv2.GaussianBlur(small, (0, 0), 4)


def match(first: Keypoints, second: Keypoints) -> tuple[int, np.ndarray]:
    """Number of keypoints, each at a place of its own, that the best affine transform of the first image brings
    onto those of the second, and that transform, (2, 3) float64. Mirror images count as well.

    Every match of two keypoints proposes a similarity transform by its places, sizes and angles; the one that most
    others agree with is refined to an affine transform by least squares. Fewer than `MIN_MATCHES` count as 0.
    """
    best = (0, np.zeros((2, 3)))
    if min(len(first.places), len(second.places)) < MIN_MATCHES:
        return best
    others = second.descriptors.astype(np.float32)
    for is_mirrored in (False, True):
        own = (first.descriptors[:, _MIRRORED] if is_mirrored else first.descriptors).astype(np.float32)
        own_indices, indices = _matches(own, others)
        if len(indices) >= MIN_MATCHES:
            found = _fit(first, own_indices, second, indices, is_mirrored)
            best = max(best, found, key=lambda result: result[0])
    return best


def overlay(first: np.ndarray, second: np.ndarray, transform: np.ndarray) -> tuple[float, float]:
    """Overlap and correlation of two images' `detail` under a transform that `match` found, as in `Alignment`."""
    # In px, which are counted from the centre of the first one: a share s is at s * side - 1/2.
    in_px = transform.copy()
    in_px[:, 2] = transform[:, 2] * len(first) + transform[:, :2] @ [0.5, 0.5] - 0.5
    warped = cv2.warpAffine(first, in_px, second.shape[::-1], flags=cv2.INTER_LINEAR)
    is_covered = cv2.warpAffine(np.ones_like(first), in_px, second.shape[::-1]) > 0.99
    area = min(abs(np.linalg.det(transform[:, :2])), 1.0) * first.size
    overlap = min(float(is_covered.sum() / area), 1.0)
    a, b = warped[is_covered], second[is_covered]
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return overlap, 0.0
    return overlap, float(np.corrcoef(a, b)[0, 1])


def _matches(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the descriptors that are each other's nearest, and clearly nearer than the next."""
    distances = (own**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * own @ others.T
    rows = np.arange(len(own))
    nearest = distances.argmin(axis=1)
    is_mutual = distances.argmin(axis=0)[nearest] == rows
    two = np.partition(distances, 1, axis=1)[:, :2]
    chosen = is_mutual & (two[:, 0] < _MAX_RATIO**2 * two[:, 1])
    return rows[chosen], nearest[chosen]


def _fit(
    first: Keypoints, own: np.ndarray, second: Keypoints, others: np.ndarray, is_mirrored: bool
) -> tuple[int, np.ndarray]:
    a, angles = first.places[own], first.angles[own]
    b = second.places[others]
    if is_mirrored:
        a, angles = a.conj(), -angles
    turn = second.sizes[others] / first.sizes[own] * np.exp(1j * (second.angles[others] - angles))
    shift = b - turn * a
    distances = np.abs(turn[:, None] * a + shift[:, None] - b)
    is_inlier = distances < _LOOSE_SHARE
    is_inlier = is_inlier[is_inlier.sum(axis=1).argmax()]
    none = (0, np.zeros((2, 3)))
    places = np.stack([a.real, a.imag, np.ones(len(a))], axis=1).astype(np.float64)
    targets = np.stack([b.real, b.imag], axis=1).astype(np.float64)
    for _ in range(3):
        if is_inlier.sum() < MIN_MATCHES:
            return none
        chosen = places[is_inlier]
        # The normal equations, a trace of ridge for keypoints on one line: in a quarter of lstsq's time.
        transform = np.linalg.solve(chosen.T @ chosen + _RIDGE, chosen.T @ targets[is_inlier]).T
        is_inlier = np.hypot(*(places @ transform.T - targets).T) < _TIGHT_SHARE
    stretches = np.linalg.svd(transform[:, :2], compute_uv=False)
    if stretches[0] > _MAX_STRETCH * stretches[1]:
        return none
    if is_mirrored:
        transform = transform * [1, -1, 1]  # which takes y as it was
    cells = (targets[is_inlier] / _TIGHT_SHARE).astype(int)
    return len(set(map(tuple, cells.tolist()))), transform
