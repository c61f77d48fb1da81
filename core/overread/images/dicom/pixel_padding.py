"""Which pixels of a DICOM image are padding, by PixelPaddingValue and PixelPaddingRangeLimit."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from overread.images.dicom.header_values import numbers


@dataclass(frozen=True)
class PixelPadding:
    """The stored values that are padding, before the modality LUT (PS3.3 C.7.5.1.1.2): from one to another, in either
    order, both included."""

    value: float
    limit: float

    def contains(self, stored: np.ndarray, num_bits: int) -> np.ndarray:
        """stored: (H, W), of values that take this number of bits. Returns (H, W) bool.

        A padding value that was written with the other sign is the one with the same bits.
        """
        bounds = (self.value, self.limit)
        if np.issubdtype(stored.dtype, np.integer):
            half, whole = 2 ** (num_bits - 1), 2**num_bits
            if min(bounds) < -half or max(bounds) >= whole:  # no such value takes so few bits
                return np.zeros(stored.shape, dtype=bool)
            lowest = -half if np.issubdtype(stored.dtype, np.signedinteger) else 0
            bounds = ((self.value - lowest) % whole + lowest, (self.limit - lowest) % whole + lowest)
            if (bounds[0] < bounds[1]) != (self.value < self.limit):  # a range through zero, of the other sign
                return np.zeros(stored.shape, dtype=bool)
        return (stored >= min(bounds)) & (stored <= max(bounds))


def pixel_padding(dataset: Dataset) -> PixelPadding | None:
    """What the file says is padding, if anything."""
    # Both attributes have a twin for floats (PS3.3 C.7.6.24 and C.7.6.25), of another name.
    kind = next((kind for kind in ("DoubleFloat", "Float") if f"{kind}PixelData" in dataset), "")
    value = numbers(dataset.get(f"{kind}PixelPaddingValue"))
    limit = numbers(dataset.get(f"{kind}PixelPaddingRangeLimit")) or value
    if not value or value[0] is None or limit[0] is None:
        return None
    return PixelPadding(value[0], limit[0])


def without_padding(stored: np.ndarray, is_padding: np.ndarray) -> np.ndarray:
    """The pixels, (H, W), with padding set to the lowest of the others, so that it counts in no range."""
    return np.where(is_padding, stored[~is_padding].min(), stored)
