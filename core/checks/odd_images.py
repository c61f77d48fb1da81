"""Images without content, and images that are turned or inverted against the rest of their study."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from core.checks.keypoints import grey
from core.records import Finding

BLANK_DEVIATION = 2.0
"""Grey levels of 255: the standard deviation below which an image shows nothing."""
MIN_COMMON = 0.5
"""How alike a study's images must be before one can be turned against the rest, in [0, 1]: chest radiographs
reach 0.84, histology tiles 0.06."""
INVERTED_CORRELATION = -0.3
"""With the study's mean image; the least of 3,784 chest radiographs has 0.23."""
TURN_GAIN = 0.1
"""How much better an image must fit the mean image when it is turned."""
MIN_SAMPLES = 20
_SIDE_PX = 32


def check_odd_images(samples: pd.DataFrame, pixels: np.ndarray, keys: Sequence[str]) -> list[Finding]:
    """Blank, inverted and turned images.

    samples: samples.csv; pixels: (N, H, H, C) uint8; keys: N sample ids in the same order. Inverted and turned
    images are looked for only where a study's images have a common pose.
    """
    present = set(samples["sample_id"])
    chosen = [place for place, key in enumerate(keys) if key in present]
    ids = np.array([keys[place] for place in chosen])
    small = np.array([_small(pixels[place]) for place in chosen], dtype=np.float32).reshape(-1, _SIDE_PX, _SIDE_PX)
    deviations = np.array([pixels[place].std() for place in chosen])
    is_blank = deviations < BLANK_DEVIATION
    is_inverted, is_turned = _against_the_rest(small, is_blank)
    findings = []
    for kind, severity, is_odd, what in (
        ("blank", "error", is_blank, "show nothing: all of the same grey"),
        ("inverted", "warning", is_inverted, "seem to be inverted, dark for light, against the rest"),
        ("rotated", "warning", is_turned, "seem to lie on a side or upside down against the rest"),
    ):
        found = tuple(ids[is_odd])
        if found:
            findings.append(Finding(kind, severity, len(found), f"{len(found)} images {what}", found[:100]))
    return findings


def _against_the_rest(small: np.ndarray, is_blank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool twice: inverted; turned by 90, 180 or 270 degrees. small: (N, S, S) float32."""
    none = np.zeros(len(small), dtype=bool)
    if (~is_blank).sum() < MIN_SAMPLES:
        return none, none
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    centred /= np.maximum(centred.std(axis=(1, 2), keepdims=True), 1e-6)
    mean = centred[~is_blank].mean(axis=0)
    common = float(np.sqrt((mean**2).mean()))
    if common < MIN_COMMON:
        return none, none
    mean = mean / common
    fits = np.stack([(centred * np.rot90(mean, turn)).mean(axis=(1, 2)) for turn in range(4)])
    is_inverted = ~is_blank & (fits[0] < INVERTED_CORRELATION) & (-fits[0] > fits[1:].max(axis=0))
    is_turned = ~is_blank & ~is_inverted & (fits[1:].max(axis=0) > fits[0] + TURN_GAIN)
    return is_inverted, is_turned


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(grey(image), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
