"""Reads images whose class is in their file's name: NORMAL-001.png, CHNCXR_0001_0.png. Only on request."""

from collections import Counter
from pathlib import Path

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.folder import files_below, folder_alone, printable
from overread.sources.folder_names import class_in_name, classes_at_ends, split_of
from overread.sources.label_classes import listed
from overread.sources.request import ImportRequest
from overread.sources.sidecars import sidecar_message, without_sidecars
from overread.sources.source_format import SourceFormat


def read_file_names(root: Path, request: ImportRequest) -> Source:
    """Every image below `root`, in the order of their paths. A folder with the name of a split is the split.

    The class is the beginning of the name; if all begin alike, its end. Raises SourceError if the names have no class.
    """
    found, left_out = without_sidecars(list(files_below(root)), keep_masks=request.keep_masks)
    files = [(file, class_in_name(file)) for file in map(printable, found)]
    counts = Counter(label for _, label in files if label)
    if not counts:
        raise SourceError(f"{root}: no file's name is a class and a number, such as NORMAL-001.png")
    where = "beginning"
    if len(counts) == 1 and (ends := classes_at_ends(file for file, _ in files)):
        where, counts = "end", Counter(ends)
        files = [(file, end) for (file, _), end in zip(files, ends, strict=True)]
    rows = [
        SourceRow(number, file, label, split=next(filter(None, map(split_of, Path(file).parts[:-1])), ""))
        for number, (file, label) in enumerate(files, start=1)
    ]
    names = listed([f"{label} ({count})" for label, count in counts.most_common()])
    messages = [f"the class is the {where} of the file's name: {names}", sidecar_message(left_out)]
    return Source(
        root=str(root.resolve()),
        format=FORMAT.name,
        columns=("image", "label"),
        cells=tuple(files),
        image_column="image",
        label_column="label",
        rows=tuple(rows),
        messages=tuple(filter(None, messages)),
    )


FORMAT = SourceFormat(
    name="file-names",
    title="Class in the file's name",
    recognise=lambda files: False,
    read=lambda files: read_file_names(folder_alone(files, "file-names"), files.request),
    precedence=95,
)
