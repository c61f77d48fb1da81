"""Noise and soft edges for the demo's images."""

from functools import cache

import numpy as np
from PIL import Image

_SHEET_PX = 768


def smooth_noise(rng: np.random.Generator, scale_px: float, height: int, width: int) -> np.ndarray:
    """(height, width) float32 noise, mean 0 and standard deviation near 1, its blobs about scale_px wide.

    A sheet for each scale is made once; each call cuts a window from it at random and mirrors it at random.
    height and width: at most 512.
    """
    return _cut(_smooth_sheet(scale_px), rng, height, width)


def grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width) float32 white noise of standard deviation 1. height and width: at most 512."""
    return _cut(_grain_sheet(), rng, height, width)


def edge(field: np.ndarray, width_px: float) -> np.ndarray:
    """0 where the field is well below 0, 1 well above, a ramp of ±width_px between."""
    return clip(0.5 + field / np.float32(2 * width_px), 0, 1)


def clip(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """np.clip, which takes several times as long on small arrays."""
    return np.minimum(np.maximum(values, low), high)


def forget_sheets() -> None:
    """Free the memory of the sheets, some tens of MB; they are made again when next needed."""
    _grain_sheet.cache_clear()
    _smooth_sheet.cache_clear()


def _cut(sheet: np.ndarray, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    row, column, flips = rng.integers(0, (_SHEET_PX - height, _SHEET_PX - width, 4))
    window = sheet[row : row + height, column : column + width]
    return window[:: -1 if flips & 1 else 1, :: -1 if flips & 2 else 1]


@cache
def _grain_sheet() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((_SHEET_PX, _SHEET_PX), np.float32)


@cache
def _smooth_sheet(scale_px: float) -> np.ndarray:
    num = int(_SHEET_PX / scale_px) + 4
    coarse = np.random.default_rng(int(scale_px * 1000)).standard_normal((num, num), np.float32)
    box = (1, 1, 1 + _SHEET_PX / scale_px, 1 + _SHEET_PX / scale_px)
    sheet = np.asarray(Image.fromarray(coarse).resize((_SHEET_PX, _SHEET_PX), Image.Resampling.BICUBIC, box=box))
    return (sheet - sheet.mean()) / sheet.std()
