"""Files with several frames: a sample for each frame, with the frames of a file kept together."""

from dataclasses import replace
from pathlib import Path

from overread.errors import ConfigError
from overread.images.location import split_frame
from overread.records import Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.dicom.headers import read_headers
from overread.sources.image_paths import normal_path, path_fault

FRAMES = ("middle", "all")
"""Which frames of a file with several become samples."""
MAX_FRAMES = 10_000
"""Per file. A slide tiled into more is not a set of images, and a damaged count would add rows without end."""
_COLUMN = "frame"
_NUMBER_OF_FRAMES = "(0028,0008)"
"""By number, for a source without DICOM files is read without pydicom."""


def with_frames(source: Source, frames: str) -> Source:
    """frames: one of FRAMES; `all` makes a row for each frame of a DICOM file with several: `path#1`, `path#2` ...

    The cells of a labels file stay unchanged: the paths with frames go into an added column `frame`. A row that names
    a frame itself stays one row; one whose file claims more than MAX_FRAMES is faulty. Raises ConfigError.
    """
    if frames not in FRAMES:
        raise ConfigError(f"--frames {frames}: unknown value; choose from {', '.join(FRAMES)}")
    if frames == "middle":
        return source
    counts = _frame_counts(source)
    place = source.columns.index(source.image_column)
    is_own = not source.labels_file or source.format == "dicom"
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for row, own in zip(source.rows, source.cells, strict=True):
        count = counts.get(row.image, 1)
        fault = f"more than {MAX_FRAMES:,} frames" if count > MAX_FRAMES else ""
        is_one = count < 2 or fault
        for image in [row.image] if is_one else [f"{row.image}#{number}" for number in range(1, count + 1)]:
            rows.append(replace(row, image=image, fault=row.fault or fault))
            cells.append((*own[:place], image, *own[place + 1 :]) if is_own else (*own, image))
    column = source.image_column if is_own else free_name(_COLUMN, source.columns)
    num_files = sum(1 < count <= MAX_FRAMES for count in counts.values())
    message = f"{num_files} files have several frames, and stand once for each of them"
    return replace(
        source,
        columns=source.columns if is_own else (*source.columns, column),
        cells=tuple(cells),
        image_column=column,
        rows=tuple(rows),
        messages=(*source.messages, message),
    )


def with_files_as_groups(source: Source) -> Source:
    """For rows that name frames but neither patient nor slide: the file as the slide, so that they stay together."""
    files = [split_frame(normal_path(row.image)) for row in source.rows]
    of_frames = {file for file, frame in files if frame is not None}
    rows = tuple(
        replace(row, slide=file) if file in of_frames and not (row.patient or row.slide) else row
        for row, (file, _) in zip(source.rows, files, strict=True)
    )
    if rows == source.rows:
        return source
    message = "frames whose patient is not known are kept together as those of one slide, their file"
    return replace(source, rows=rows, messages=(*source.messages, message))


def _frame_counts(source: Source) -> dict[str, int]:
    """The number of frames of each image that rows name."""
    files = {row.image: normal_path(row.image) for row in source.rows if not (row.fault or path_fault(row.image))}
    headers = read_headers(Path(source.root), sorted(set(files.values())), (_NUMBER_OF_FRAMES,))
    counts = {header.file: int(header.values[0]) for header in headers if header.values[0].isdigit()}
    return {image: counts.get(file, 1) for image, file in files.items()}
