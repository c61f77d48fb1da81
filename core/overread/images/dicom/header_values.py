"""Values from a DICOM header, also where a program wrote them as the standard does not allow."""

from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from overread.errors import ImageError


def numbers(value: Any) -> tuple[float | None, ...]:
    """The numbers of an element's value, None for each that is not a finite number; empty where there is no value.

    A comma is a decimal point: decimal strings have no other use for one (PS3.5 6.2), and some programs write it.
    """
    if value is None or (isinstance(value, (str, bytes)) and not value.strip()):
        return ()
    if isinstance(value, str):
        value = value.split("\\")
    parts = value if hasattr(value, "__iter__") and not isinstance(value, bytes) else [value]
    return tuple(_number(part) for part in parts)


def number_or(default: float, module: Dataset, keyword: str) -> float:
    """The first number of an attribute; the default where it is missing or empty. Raises ImageError for text."""
    found = numbers(module.get(keyword))
    if not found:
        return default
    if found[0] is None:
        raise ImageError(f"its {keyword} is not a number")
    return found[0]


def functional_group(dataset: Dataset, frame: int, keyword: str) -> Dataset:
    """The data set that holds a module's attributes: in an enhanced multi-frame file in the frame's or the shared
    functional groups (PS3.3 C.7.6.16), else in the file's main data set."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*per_frame[frame : frame + 1], *(dataset.get("SharedFunctionalGroupsSequence") or [])]
    for group in groups:
        if group.get(keyword):
            return group[keyword][0]
    return dataset


def _number(value: Any) -> float | None:
    try:
        number = float(value.replace(",", ".") if isinstance(value, str) else value)
    except (ValueError, TypeError, OverflowError):
        return None
    return number if np.isfinite(number) else None
