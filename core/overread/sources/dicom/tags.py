"""DICOM tags: how the user names them, their values as text, and which of a tree's tags could be labels."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from overread.errors import ConfigError

_NUMBER = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_FIRST, _BEYOND = 0x00080000, 0x7FE00000
"""Labels can only be between these: after the file meta information, before the pixels."""
_CODE_TEXTS = ("CodeMeaning", "CodeValue", "LongCodeValue", "URNCodeValue")
"""Of an item of a code sequence (PS3.3 8.8); the first that is present counts."""
_LABEL_VRS = ("AS", "CS", "LO", "SH", "SQ")
_NO_LABELS = {
    "AccessionNumber", "DeviceSerialNumber", "IssuerOfPatientID", "OtherPatientIDs", "PatientID",
    "SpecificCharacterSet", "StationName", "StudyID",
}  # fmt: skip
MIN_LABELS, MAX_LABELS = 2, 50


def tag_number(name: str) -> int:
    """The number of a tag given by its keyword or as (gggg,eeee). Raises ConfigError."""
    if match := _NUMBER.fullmatch(name.strip()):
        number = int(match[1] + match[2], 16)
    else:
        from pydicom.datadict import tag_for_keyword

        known = tag_for_keyword(name.strip())
        if known is None:
            message = f"{name}: is no DICOM keyword; name a tag as BodyPartExamined or as (0018,0015)"
            raise ConfigError(message, public=message)
        number = known
    if not _FIRST <= number < _BEYOND:
        raise ConfigError(f"{name}: this tag holds no label; name one between (0008,0000) and (7FE0,0000)")
    return number


def tag_name(number: int) -> str:
    """The keyword, or (gggg,eeee) of a private tag."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(number) or f"({number >> 16:04X},{number & 0xFFFF:04X})"


def value_as_text(dataset: Any, number: int) -> str:
    """A tag's value without its padding; several values joined by a backslash, as DICOM writes them.

    A sequence gives the meaning of its first item's code. Empty if the data set lacks the tag.
    """
    from pydicom.multival import MultiValue
    from pydicom.sequence import Sequence as Items

    value = dataset[number].value if number in dataset else None
    if isinstance(value, Items):
        texts = [str(value[0].get(name) or "") for name in _CODE_TEXTS] if value else []
        return next((_plain(text) for text in texts if text), "")
    if isinstance(value, MultiValue):
        return "\\".join(_plain(part) for part in value)
    return _plain(value)


def label_values(dataset: Any) -> dict[int, str]:
    """The values that could be labels, by tag; tags that identify a patient or a device are left out."""
    return {
        int(element.tag): text
        for element in dataset
        if element.VR in _LABEL_VRS and element.keyword not in _NO_LABELS and element.tag < _BEYOND
        if (text := value_as_text(dataset, element.tag))
    }


def label_tags(files: Sequence[Mapping[int, str]]) -> list[str]:
    """Tags with 2 to 50 different values, those in most files first, then those with fewest values.

    files: what `label_values` returns for each. A private tag is given by its number.
    """
    values: dict[int, Counter[str]] = {}
    for file in files:
        for number, text in file.items():
            values.setdefault(number, Counter())[text] += 1
    candidates = {number: found for number, found in values.items() if MIN_LABELS <= len(found) <= MAX_LABELS}
    return [
        tag_name(number) for number in sorted(candidates, key=lambda n: (-candidates[n].total(), len(candidates[n]), n))
    ]


def _plain(value: object) -> str:
    # Values are padded to an even length, UIDs with a NUL (PS3.5, 6.2). A private tag's VR may be unknown.
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
    return text.strip(" \0")
