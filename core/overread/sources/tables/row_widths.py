"""Makes the rows of a table as long as its header, where that leaves no doubt which cells are missing."""

from collections.abc import Sequence
from pathlib import Path

from overread.errors import ManifestError
from overread.sources.tables.missing_header import is_image_name

Numbered = tuple[int, list[str]]


def with_even_rows(path: Path, header: list[str], records: Sequence[Numbered]) -> tuple[list[str], list[Numbered], str]:
    """The header; the records, each as long as it; and a message on those that were shorter, empty if none was.

    Short rows get empty cells at their end if no row is longer than the header, and if their own cells are in the
    columns that the whole rows have them in, as far as names of images tell. Raises ManifestError for all others.
    """
    uneven = [(number, record) for number, record in records if len(record) != len(header)]
    if not uneven:
        return header, list(records), ""
    whole = [record for _, record in records if len(record) == len(header)]
    images = {place for place in range(len(header)) if whole and all(is_image_name(record[place]) for record in whole)}
    is_any_longer = any(len(record) > len(header) for _, record in uneven)
    for number, record in uneven:
        if is_any_longer or not _ends_early(record, images):
            raise ManifestError(
                f"{path.name} row {number}: {len(record)} cells where the header has {len(header)}; "
                "put cells that contain the delimiter in double quotes, or add the missing cells"
            )
    padded = [(number, record + [""] * (len(header) - len(record))) for number, record in records]
    count = f"{len(uneven)} rows have" if len(uneven) > 1 else "1 row has"
    message = f"{path.name}: {count} too few cells; the missing ones at the end were read as empty"
    return header, padded, message


def _ends_early(record: list[str], images: set[int]) -> bool:
    """Whether only cells at the end of a row are missing. A row torn in two by the end of a line looks short too."""
    if images:
        return all(is_image_name(cell) == (place in images) for place, cell in enumerate(record)) and bool(
            images & set(range(len(record)))
        )
    return len(record) > 1
