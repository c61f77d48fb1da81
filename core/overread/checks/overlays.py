"""How alike the detail of two images is where one is laid over the other."""

import cv2
import numpy as np

from overread.checks.keypoints import grey

SIDE_PX = 112
"""Side at which the detail of two images is compared."""
_SCALE = 32
"""Of a standard deviation; detail beyond four of them is cut off."""


def detail(image: np.ndarray) -> np.ndarray:
    """(S, S) int8: what an image (H, W, C) uint8 shows beside its shading, in 32ths of its standard deviation."""
    small = cv2.resize(grey(image), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    shown = cv2.GaussianBlur(small, (0, 0), 1) - cv2.GaussianBlur(small, (0, 0), 4)
    deviation = float(shown.std())
    return np.clip(np.rint(shown * (_SCALE / deviation if deviation else 0.0)), -127, 127).astype(np.int8)


def overlay(first: np.ndarray, second: np.ndarray, transform: np.ndarray) -> tuple[float, float]:
    """How two images' `detail` agree once the first is transformed, by (2, 3) float64 in shares of the image's side.

    Returns the overlap, the share of the smaller image's area (after the transform) that both show, in [0, 1], and
    the correlation there, in [-1, 1]; 1 for the same.
    """
    # In px, which are counted from the centre of the first one: a share s is at s * side - 1/2.
    in_px = transform.copy()
    in_px[:, 2] = transform[:, 2] * len(first) + transform[:, :2] @ [0.5, 0.5] - 0.5
    warped = cv2.warpAffine(first.astype(np.float32), in_px, second.shape[::-1], borderValue=np.nan)
    is_covered = ~np.isnan(warped)
    area = min(abs(np.linalg.det(transform[:, :2])), 1.0) * first.size
    overlap = min(float(is_covered.sum() / area), 1.0) if area else 0.0
    a, b = warped[is_covered], second[is_covered].astype(np.float32)
    if a.size < 2:
        return overlap, 0.0
    a -= a.mean()
    b -= b.mean()
    variances = float(a @ a) * float(b @ b)
    return overlap, float(a @ b) / variances**0.5 if variances else 0.0
