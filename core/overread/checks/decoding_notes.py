"""Images that are not displayed as their files ask, or are one of several in their file."""

from collections import defaultdict
from collections.abc import Sequence

from overread.images.cache.cached_row import CachedRow
from overread.records import Finding


def check_decoding_notes(rows: Sequence[CachedRow]) -> list[Finding]:
    """A finding for each kind of note. rows: of the pixel cache; their keys are the samples' ids."""
    keys: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for note in row.notes:
            keys[note].append(row.key)
    return [
        Finding("decoding_note", "info", len(found), f"{len(found)} images: {note}", tuple(found))
        for note, found in keys.items()
    ]
