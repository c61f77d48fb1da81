"""Blank images, and images that are rotated or inverted compared with the rest of their study."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from overread.checks.borders import without_padding
from overread.checks.keypoints import grey
from overread.images.file_header import FileHeader
from overread.records import Finding

BLANK_DEVIATION = 2.0
"""Grey levels of 255: the standard deviation below which an image shows nothing."""
MIN_COMMON = 0.6
"""How alike a study's images must be, up to inversion, before one can be called rotated, in [0, 1]: chest
radiographs reach 0.84, photographs 0.43, histology tiles 0.17."""
INVERTED_CORRELATION = -0.3
"""With what the study's images have in common; the least of 3,784 chest radiographs has 0.22."""
ROTATION_GAIN = 0.1
"""How much better an image must fit the others once it is rotated."""
RIM_CONTRAST = 0.3
"""Between the middle of an image and its rim, in standard deviations: air and collimation lie at the rim."""
MIN_RIMMED = 0.9
"""Share of a study's images with this contrast, before one can be called inverted by its rim alone."""
MIN_SAMPLES = 20
_SIDE_PX = 32
_RIM_PX = 2


def check_odd_images(
    samples: pd.DataFrame, pixels: np.ndarray, keys: Sequence[str], headers: Sequence[FileHeader]
) -> list[Finding]:
    """Blank, inverted and rotated images.

    samples: samples.csv; pixels: (M, H, H, C) uint8; keys: M sample ids in the same order; headers: of the samples'
    files, in the order of samples.csv. Rotated images are looked for only where a study's images have a common pose,
    inverted ones there and where their rims are alike. Which polarity is right cannot be
    told from the pixels: the fewer images count as inverted. The message adds what DICOM's PhotometricInterpretation
    says, which may be wrong.
    """
    header_of = dict(zip(samples["sample_id"], headers, strict=True))
    chosen = [place for place, key in enumerate(keys) if key in header_of]
    ids = np.array([keys[place] for place in chosen])
    tiles = [_small(pixels[place], header_of[keys[place]]) for place in chosen]
    deviations = np.array([pixels[place].std() for place in chosen])
    is_blank = deviations < BLANK_DEVIATION
    is_inverted, is_rotated = _unlike_the_rest(np.array(tiles, dtype=np.float32), is_blank)
    if is_inverted is None:
        is_inverted = _inverted_rim(np.array([_rim_contrast(tile) for tile in tiles]), is_blank)
    photometric = _photometric_text([header_of[key].photometric for key in ids], is_inverted)
    findings = []
    for kind, severity, is_odd, what in (
        ("blank", "error", is_blank, "are blank: a single grey value"),
        (
            "inverted",
            "warning",
            is_inverted,
            f"seem to be inverted (dark for light) compared with the rest{photometric}",
        ),
        ("rotated", "warning", is_rotated, "seem to be rotated compared with the rest"),
    ):
        found = tuple(ids[is_odd])
        if found:
            findings.append(Finding(kind, severity, len(found), f"{len(found)} images {what}", found))
    return findings


def _unlike_the_rest(small: np.ndarray, is_blank: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """(N,) bool twice: inverted; rotated by 90, 180 or 270 degrees. small: (N, S, S) float32.

    None for the inverted where the images have no common pose.
    """
    none = np.zeros(len(small), dtype=bool)
    if (~is_blank).sum() < MIN_SAMPLES:
        return none, none
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    centred /= np.maximum(centred.std(axis=(1, 2), keepdims=True), 1e-6)
    # The first principal axis, not the mean: of that nothing is left where half of the images are inverted.
    flat = centred[~is_blank].reshape(-1, _SIDE_PX**2)
    values, axes = np.linalg.eigh(flat.T @ flat / flat.size)
    if np.sqrt(values[-1]) < MIN_COMMON:
        return None, none
    common = axes[:, -1].reshape(_SIDE_PX, _SIDE_PX) * _SIDE_PX
    fits = np.stack([(centred * np.rot90(common, turn)).mean(axis=(1, 2)) for turn in range(4)])
    fits *= np.sign(np.median(fits[0][~is_blank]))
    is_inverted = ~is_blank & (fits[0] < INVERTED_CORRELATION) & (-fits[0] > fits[1:].max(axis=0))
    is_rotated = ~is_blank & ~is_inverted & (fits[1:].max(axis=0) > fits[0] + ROTATION_GAIN)
    return is_inverted, is_rotated


def _rim_contrast(shown: np.ndarray) -> float:
    """How much darker an image's rim is than the whole of it, in standard deviations. shown: (S, S) uint8."""
    is_rim = np.ones(shown.shape, dtype=bool)
    is_rim[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = False
    return float((shown.mean() - np.median(shown[is_rim])) / max(shown.std(), 1.0))


def _inverted_rim(contrasts: np.ndarray, is_blank: np.ndarray) -> np.ndarray:
    """(N,) bool: images whose rim is bright where the study's others have a dark one, or the other way round."""
    contrasts = np.where(is_blank, 0, contrasts)
    is_rimmed = np.abs(contrasts) > RIM_CONTRAST
    if is_rimmed.sum() < MIN_RIMMED * (~is_blank).sum():
        return np.zeros(len(contrasts), dtype=bool)
    return is_rimmed & (np.sign(contrasts) == -np.sign(np.median(contrasts[is_rimmed])))


def _photometric_text(photometric: Sequence[str], is_inverted: np.ndarray) -> str:
    """What the files say of their polarity; empty where none is DICOM."""
    parts = []
    for chosen, which in ((is_inverted, "of these"), (~is_inverted, "of the others")):
        counts = Counter(name for name, is_chosen in zip(photometric, chosen, strict=True) if name and is_chosen)
        parts += [f"{count} {which} are {name}" for name, count in sorted(counts.items())]
    return f"; by their DICOM tag, which may be wrong, {', '.join(parts)}" if parts else ""


def _small(image: np.ndarray, header: FileHeader) -> np.ndarray:
    # Padding is black whatever the polarity of the image.
    return cv2.resize(without_padding(grey(image), header), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
