"""The bits of a word that hold a DICOM value: those given by the file's tags, unless its words contradict them."""

import numpy as np


def stored_values(words: np.ndarray, bits_stored: int, high_bit: int, *, has_overlay_bits: bool = False) -> np.ndarray:
    """words: (H, W) integers as decoded, of any width and sign. Returns the values, of the same type.

    The value ends at the high bit, and other bits are ignored (PS3.5 8.1.1), except where tags are wrong: a high bit
    above the bits stored, although no word reaches it; and too few bits stored, where the image is smoother with the
    bits above them than without. has_overlay_bits: the file says that those bits are an overlay.
    """
    num_bits = words.dtype.itemsize * 8
    if bits_stored >= num_bits:
        return words
    bare = words.view(np.dtype(f"u{words.dtype.itemsize}"))
    shift = high_bit + 1 - bits_stored
    if 0 < shift <= num_bits - bits_stored and (np.any(bare >> bits_stored) or not np.any(bare & (2**shift - 1))):
        return _cut(words, num_bits - bits_stored - shift, shift)
    values = _cut(words, num_bits - bits_stored, 0)
    if has_overlay_bits or np.array_equal(values, words):
        return values
    return words if _roughness(words) < _roughness(values) else values


def _cut(words: np.ndarray, above: int, below: int) -> np.ndarray:
    """The words without that many bits at either end, sign-extended."""
    return (words << above) >> (above + below)


def _roughness(values: np.ndarray) -> float:
    """Mean difference of neighbours, up to 65,536 of them."""
    rows = values[:: max(values.size // 2**16, 1)].astype(np.float64)
    return float(np.abs(np.diff(rows, axis=1)).mean())
