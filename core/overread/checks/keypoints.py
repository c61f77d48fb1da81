"""Keypoints of images, and the transform between those of two: they may be rotated, mirrored, zoomed or cropped.

Source of the keypoints: Lowe 2004, "Distinctive Image Features from Scale-Invariant Keypoints"; of the square root
of their descriptors: Arandjelovic and Zisserman 2012, "Three things everyone should know".
"""

from dataclasses import dataclass

import cv2
import numpy as np

_DESCRIPTOR_SCALE = 512
"""Square roots of the shares of a descriptor's 128 bins, brought to uint8; hardly any is above a half."""
_MAX_RATIO = 0.8
"""Lowe's: a match counts where the next best in the same image is clearly further away."""
_LOOSE_SHARE, _TIGHT_SHARE = 1 / 28, 1 / 56
"""How far a keypoint may lie from where the transform puts it, as a share of the image's side."""
_MAX_STRETCH = 1.7
"""A transform that stretches one direction so much more than the other is an accident."""
_RIDGE = 1e-9 * np.eye(3)


def _mirrored_bins() -> np.ndarray:
    """The order of a descriptor's bins (4 rows, 4 columns, 8 directions) in the mirror image."""
    bins = np.arange(128).reshape(4, 4, 8)
    return bins[::-1, :, -np.arange(8) % 8].ravel()


_MIRRORED = _mirrored_bins()


@dataclass(frozen=True)
class Look:
    """How closely images are looked at."""

    side_px: int
    """Larger images are reduced to it."""
    max_keypoints: int
    """The strongest of each image; time and memory grow with it."""
    min_matches: int
    """Keypoints that a transform must bring together."""


@dataclass(frozen=True)
class Keypoints:
    """The keypoints of N images, at most M each; a descriptor of zeros, which matches none, where there are fewer."""

    places: np.ndarray
    """(N, M) complex64: x + iy, as shares of the image's side."""
    sizes: np.ndarray
    """(N, M) float32, likewise; above 0."""
    angles: np.ndarray
    """(N, M) float32, in radians."""
    descriptors: np.ndarray
    """(N, M, 128) uint8."""

    @classmethod
    def none(cls, num_images: int, look: Look) -> "Keypoints":
        """Room for the keypoints of so many images, which have none yet."""
        shape = (num_images, look.max_keypoints)
        places, descriptors = np.zeros(shape, np.complex64), np.zeros((*shape, 128), np.uint8)
        return cls(places, np.ones(shape, np.float32), np.zeros(shape, np.float32), descriptors)

    def find(self, row: int, image: np.ndarray, look: Look) -> None:
        """Fill a row with the strongest keypoints of an image (H, W, C) uint8."""
        shown = grey(image)
        if len(shown) > look.side_px:
            shown = cv2.resize(shown, (look.side_px, look.side_px), interpolation=cv2.INTER_AREA)
        found, descriptors = cv2.SIFT.create(nfeatures=look.max_keypoints).detectAndCompute(shown, None)
        found = found[: look.max_keypoints]
        if not found:
            return
        filled = slice(len(found))
        values = np.array([(*point.pt, point.size, point.angle) for point in found], dtype=np.float32)
        self.places[row, filled] = (values[:, 0] + 0.5 + 1j * (values[:, 1] + 0.5)) / len(shown)
        self.sizes[row, filled] = values[:, 2] / len(shown)
        self.angles[row, filled] = np.deg2rad(values[:, 3])
        shares = descriptors[filled] / np.maximum(descriptors[filled].sum(axis=1, keepdims=True), 1)
        self.descriptors[row, filled] = np.minimum(_DESCRIPTOR_SCALE * np.sqrt(shares) + 0.5, 255)


@dataclass(frozen=True)
class Match:
    """The best affine transform of one image onto another."""

    row: int
    """Of the other image."""
    num_matches: int
    """Keypoints that the transform brings together, at different places."""
    transform: np.ndarray
    """(2, 3) float64, of places as shares of the image's side."""


def grey(image: np.ndarray) -> np.ndarray:
    """(H, W) uint8 of an image (H, W, C) uint8."""
    return np.ascontiguousarray(image[..., 0]) if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def match(keypoints: Keypoints, row: int, others: np.ndarray, look: Look) -> list[Match]:
    """The best transform of a row's image onto each of the images others (C,) int64 that match it at all, which may
    be mirror images.

    Every match of two keypoints proposes a similarity transform by its places, sizes and angles; the one that most
    others agree with is refined to an affine transform by least squares.
    """
    pair, own, other = _matched_keypoints(keypoints.descriptors[row], keypoints.descriptors[others])
    counts = np.bincount(pair, minlength=2 * len(others))
    is_mirrored, candidate = np.divmod(np.flatnonzero(counts >= look.min_matches), len(others))
    if not len(candidate):
        return []
    # A row for each pair of images, a column for each match of theirs.
    table = np.full((len(counts), counts.max()), -1)
    table[pair, np.arange(len(pair)) - (np.cumsum(counts) - counts)[pair]] = np.arange(len(pair))
    table = table[counts >= look.min_matches]
    is_match = table >= 0
    at = others[pair % len(others)], other
    a, angles = keypoints.places[row, own][table], keypoints.angles[row, own][table]
    a[is_mirrored == 1] = a[is_mirrored == 1].conj()
    angles[is_mirrored == 1] *= -1
    b = keypoints.places[at][table]
    scale = keypoints.sizes[at][table] / keypoints.sizes[row, own][table]
    turn = scale * np.exp(1j * (keypoints.angles[at][table] - angles))
    is_near = np.abs(turn[..., None] * (a[:, None] - a[..., None]) + b[..., None] - b[:, None]) < _LOOSE_SHARE
    votes = np.where(is_match, (is_near & is_match[:, None]).sum(axis=2), 0)
    proposed = votes.argmax(axis=1)
    is_enough = np.take_along_axis(votes, proposed[:, None], axis=1)[:, 0] >= look.min_matches
    is_inlier = (is_near[np.arange(len(proposed)), proposed] & is_match)[is_enough]
    nums, transforms = _fit(a[is_enough], b[is_enough], is_match[is_enough], is_inlier, look.min_matches)
    best: dict[int, Match] = {}
    for index, num, transform in zip(np.flatnonzero(is_enough), nums.tolist(), transforms, strict=True):
        found = int(others[candidate[index]])
        if num >= look.min_matches and (found not in best or num > best[found].num_matches):
            # Of a mirror image, it takes y as it was.
            best[found] = Match(found, num, transform * [1, -1, 1] if is_mirrored[index] else transform)
    return list(best.values())


def _matched_keypoints(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of descriptors own (M, 128) and others (C, M, 128), those that are each other's nearest in two images and
    clearly nearer than the next: the pair of images (ascending; C and above: own is mirrored), and both indices."""
    both = np.concatenate([own, own[:, _MIRRORED]]).astype(np.float32) / _DESCRIPTOR_SCALE**2
    # The descriptors have a length of 1: where their product is s, the square of their distance is 2 - 2s.
    likeness = (both @ others.reshape(-1, 128).T.astype(np.float32)).reshape(2, len(own), len(others), -1)
    of_other = likeness.max(axis=1, keepdims=True)
    nearest = likeness.argmax(axis=3)[..., None]
    first = np.take_along_axis(likeness, nearest, axis=3)
    is_mutual = np.take_along_axis(of_other, nearest, axis=3) == first
    np.put_along_axis(likeness, nearest, -1, axis=3)
    second = likeness.max(axis=3, keepdims=True)
    chosen = is_mutual & (1 - first < _MAX_RATIO**2 * (1 - second))
    is_mirrored, candidate, index = np.nonzero(chosen[..., 0].swapaxes(1, 2))
    return is_mirrored * len(others) + candidate, index, nearest[is_mirrored, index, candidate, 0]


def _fit(
    a: np.ndarray, b: np.ndarray, is_match: np.ndarray, is_inlier: np.ndarray, min_matches: int
) -> tuple[np.ndarray, np.ndarray]:
    """The affine transforms (G, 2, 3) float64 that bring places a (G, K) complex64 onto b (G, K) complex64 where
    is_match, by least squares from is_inlier (both (G, K) bool) on; and of how many places, (G,) int64; 0 for an
    accident."""
    places = np.stack([a.real, a.imag, np.ones_like(a.real)], axis=2).astype(np.float64)
    targets = np.stack([b.real, b.imag], axis=2).astype(np.float64)
    is_good = np.ones(len(a), dtype=bool)
    for _ in range(3):
        is_good &= is_inlier.sum(axis=1) >= min_matches
        chosen = (places * is_inlier[..., None]).swapaxes(1, 2)
        # The normal equations, a trace of ridge for keypoints on one line: in a quarter of lstsq's time.
        transforms = np.linalg.solve(chosen @ places + _RIDGE, chosen @ targets).swapaxes(1, 2)
        is_inlier = (np.linalg.norm(places @ transforms.swapaxes(1, 2) - targets, axis=2) < _TIGHT_SHARE) & is_match
    stretches = np.linalg.svd(transforms[..., :2], compute_uv=False)
    is_good &= stretches[:, 0] <= _MAX_STRETCH * stretches[:, 1]
    cells = np.where(is_inlier, (targets / _TIGHT_SHARE).astype(np.int64) @ [1, 1 << 16], -1)
    cells.sort(axis=1)
    num_places = (np.diff(cells, axis=1, prepend=-1) > 0).sum(axis=1)
    return np.where(is_good, num_places, 0), transforms
