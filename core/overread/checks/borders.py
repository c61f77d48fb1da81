"""Features of an image's border and brightness, not of its content: padding, collimation, exposure, stain."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from overread.checks.keypoints import grey
from overread.images.file_header import FileHeader

_SIDE_PX = 64
_RIM_PX = 2
FLAT_DEVIATION = 4.0
"""Grey levels of 255: the standard deviation below which a row or column counts as flat."""
DARK_LEVEL = 16
"""Grey levels of 255: below, a pixel of the rim is outside the beam or is padding."""
PERCENTILES = (1, 25, 50, 75, 99)


def pixel_features(pixels: np.ndarray, places: Sequence[int], headers: Sequence[FileHeader]) -> dict[str, np.ndarray]:
    """Features of N images for `check_shortcuts`: border (N, 8), brightness (N, 7).

    pixels: (M, H, H, C) uint8; places: of the N images in it; headers: of their files. border: for each side, how
    far in from it rows (columns) are flat, as a share of the side, and the dark share of its rim; what the square
    tile itself pads is cut off before. brightness: mean and standard deviation of the grey, and its percentiles.
    """
    if not len(places):
        return {}
    with ThreadPoolExecutor() as executor:
        rows = list(executor.map(lambda place, header: _features(pixels[place], header), places, headers))
    features = np.array(rows, dtype=np.float64)
    return {"border": features[:, :8], "brightness": features[:, 8:]}


def _features(image: np.ndarray, header: FileHeader) -> list[float]:
    shown = without_padding(cv2.resize(grey(image), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), header)
    sides = (shown, shown[::-1], shown.T, shown.T[::-1])
    return [
        *(_flat_share(lines) for lines in sides),
        *(float((lines[:_RIM_PX] < DARK_LEVEL).mean()) for lines in sides),
        float(shown.mean()),
        float(shown.std()),
        *np.percentile(shown, PERCENTILES),
    ]


def without_padding(tile: np.ndarray, header: FileHeader) -> np.ndarray:
    """The part of a square (S, S) tile that the image itself takes; all of it where its size is not known."""
    longest = max(header.width_px, header.height_px)
    if not longest:
        return tile
    height, width = (max(len(tile) * side // longest, 8) for side in (header.height_px, header.width_px))
    top, left = (len(tile) - height + 1) // 2, (len(tile) - width + 1) // 2
    return tile[top : top + height, left : left + width]


def _flat_share(lines: np.ndarray) -> float:
    """Share of the lines, from the first one on, that are flat without a break."""
    has_detail = lines.std(axis=1) >= FLAT_DEVIATION
    return float(has_detail.argmax() / len(lines)) if has_detail.any() else 1.0
