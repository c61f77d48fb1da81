"""Lookup tables of DICOM files: modality and VOI LUTs, and colour palettes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from overread.errors import ImageError
from overread.images.dicom.header_values import numbers


@dataclass(frozen=True)
class LookupTable:
    """A table from integers to integers (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5)."""

    entries: np.ndarray
    """(N,) uint16."""
    first: int
    """The value that the first entry is for."""
    bits: int
    """Of an entry."""

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """The entry of each value; values outside of the table get its first or last entry."""
        first = self.first
        if first >= 2**15 and values.min() < 0:  # a signed number that was written as unsigned
            first -= 2**16
        return self.entries[np.clip(np.rint(values).astype(np.int64) - first, 0, len(self.entries) - 1)]


def first_table(module: Dataset, keyword: str, *, is_little: bool) -> LookupTable | None:
    """The table of the first item of a LUT sequence; None where there is no item, or an empty one."""
    items = module.get(keyword)
    return _table(items[0].get("LUTDescriptor"), items[0].get("LUTData"), is_little=is_little) if items else None


def apply_palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Palette indices to (H, W, 3) uint8."""
    if "RedPaletteColorLookupTableData" not in dataset:  # segmented: pydicom alone knows how to expand it
        colors = apply_color_lut(stored, dataset)[..., :3]
        return to_8_bits(colors, colors.dtype.itemsize * 8)
    channels = []
    for color in ("Red", "Green", "Blue"):
        descriptor = dataset.get(f"{color}PaletteColorLookupTableDescriptor")
        data = dataset.get(f"{color}PaletteColorLookupTableData")
        table = _table(descriptor, data, is_little=bool(dataset.original_encoding[1]))
        if table is None:
            raise ImageError("its colour palette is empty")
        channels.append(to_8_bits(table.look_up(stored), table.bits))
    return np.stack(channels, axis=-1)


def to_8_bits(colors: np.ndarray, bits: int) -> np.ndarray:
    """The upper 8 of that many bits."""
    return (colors >> max(bits - 8, 0)).astype(np.uint8)


def _table(descriptor: Any, data: Any, *, is_little: bool) -> LookupTable | None:
    described = [int(value) for value in numbers(descriptor) if value is not None]
    if len(described) < 3 or data is None or (hasattr(data, "__len__") and not len(data)):
        return None
    num_entries, first, bits = described[0] or 2**16, described[1], described[2]
    if isinstance(data, bytes):
        is_packed = len(data) < 2 * num_entries  # 8-bit entries may be packed two in a word
        entries = np.frombuffer(data, dtype=np.uint8 if is_packed else np.dtype("<u2" if is_little else ">u2"))
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    if len(entries) < num_entries:
        raise ImageError("its lookup table is truncated")
    entries = entries[:num_entries].astype(np.uint16)
    return LookupTable(entries, first, max(bits, int(entries.max()).bit_length()))
