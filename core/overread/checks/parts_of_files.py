"""Images that are the first of several pages, frames or channels in their file."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from overread.images.file_header import FileHeader
from overread.records import Finding


def check_parts(samples: pd.DataFrame, headers: Sequence[FileHeader]) -> list[Finding]:
    """Whether the files of a study hold more than what is shown. headers: of the samples' files, in their order."""
    notes = [header.note for header in headers]
    return [
        Finding(
            "part_of_file",
            "warning",
            count,
            f"{count:,} images' files hold {note}: export the others as files if they matter",
            tuple(samples["sample_id"][[other == note for other in notes]]),
        )
        for note, count in Counter(filter(None, notes)).most_common()
    ]
