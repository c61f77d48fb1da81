"""Reads Hugging Face's Parquet datasets, which hold their images: train-00000-of-00002.parquet and so on.

Source: Hugging Face's documentation of datasets, "Create an image dataset" and "File names and splits".
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.arrays.array_images import image_name, write_encoded
from overread.sources.columns import free_name, named_column, optional_columns
from overread.sources.folder import SPLITS
from overread.sources.request import NO_COLUMNS, ColumnNames, column_flag
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import LabelPlace, SourceFormat
from overread.sources.table_columns import LABEL_NAMES
from overread.sources.tables.parquet_table import (
    PARQUET,
    batch_cells,
    class_names_of,
    image_columns,
    opened_parquet,
    text_columns,
)

_BATCH = 64
"""Rows that are in memory at a time."""
_SHARD = re.compile(r"(?P<set>.*)-(?P<number>\d{5})-of-(?P<total>\d{5})\b.*")
_WORD = re.compile(r"[^\W_]+")
_NO_SPLIT = "all"
"""The folder of images whose file names no split."""
_SUFFIXES = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"BM", ".bmp"),
    (b"GIF8", ".gif"),
    (b"RIFF", ".webp"),
    (b"\0\0\0\x0cjP", ".jp2"),
)
"""What the content of an image begins with, and its file's suffix; anything else gets the suffix .bin."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the columns of a dataset hold."""

    image: str
    label: str
    names: tuple[str, ...]
    """Of the columns that are kept as text."""
    classes: tuple[str, ...]
    """The names of the codes in the label column, in their order; empty if it holds no codes."""


def parquet_shards(path: Path) -> list[Path]:
    """The Parquet files of a dataset: a file itself, or those in a folder, its data/, or its splits' folders."""
    if path.is_file():
        return [path]
    for places in ((path,), (path / "data",), sorted(folder for folder in path.iterdir() if _split_of(folder.name))):
        if found := [file for place in places for file in sorted(place.glob("[!.]*.parquet"))]:
            return found
    return []


def read_hf_parquet(path: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A row per image, by file and place in it; the split is that of the file's name, or its folder's.

    path: a file, or a folder of them. The label is the column that is named, or the only one of classes, or one with
    an obvious name; several classes of an image are a JSON list. `write_images` writes the images.
    Raises SourceError for a damaged file, files that don't fit together, and if pyarrow is not installed;
    ManifestError for a column that is missing or not obvious.
    """
    shards = parquet_shards(path)
    layout = _layout(shards, columns)
    optional = optional_columns(layout.names, columns, shards[0])
    split_name = free_name("split", (layout.image, *layout.names))
    places = {kind: layout.names.index(name) for kind, name in optional.items()}
    label_place = layout.names.index(layout.label)
    cells: list[tuple[str, ...]] = []
    rows: list[SourceRow] = []
    for image, split, batch_row, content in _images(shards, layout):
        values = {kind: batch_row[place].strip() for kind, place in places.items()}
        if "split" in values:
            split = SPLITS.get(values["split"].lower(), values["split"].lower())
        label = _label(batch_row[label_place], layout.classes)
        fault = "" if content else "the row holds no image"
        patient, slide = values.get("patient", ""), values.get("slide", "")
        rows.append(SourceRow(len(rows) + 1, image, label, patient, slide, split, fault=fault))
        cells.append((image, split, *batch_row))
    return Source(
        root=str(path.resolve() if path.is_dir() else path.resolve().parent),
        format=FORMAT.name,
        columns=(layout.image, split_name, *layout.names),
        cells=tuple(cells),
        image_column=layout.image,
        label_column=layout.label,
        rows=tuple(rows),
        labels_file=str(path.resolve()) if path.is_file() else "",
        written_labels={name: str(code) for code, name in enumerate(layout.classes)},
        classes=layout.classes,
        messages=tuple(_missing_shards(shards)),
    )


def write_images(source: Source, folder: Path) -> Path:
    """Write the images of a source that `read_hf_parquet` has read below `folder`, byte for byte; see `write_encoded`.

    Raises SourceError for a damaged file.
    """
    shards = parquet_shards(Path(source.labels_file or source.root))
    layout = _Layout(source.image_column, "", (), ())
    return write_encoded(shards, _chosen({row.image for row in source.rows}, shards, layout), folder)


def _chosen(names: set[str], shards: Sequence[Path], layout: _Layout) -> Iterator[tuple[str, bytes]]:
    """The files of these names, with their content; nothing is read after the last one."""
    left = set(names)
    for name, _, _, content in _images(shards, layout):
        if name in left and content:
            yield name, content
        left.discard(name)
        if not left:
            return


def _images(shards: Sequence[Path], layout: _Layout) -> Iterator[tuple[str, str, list[str], bytes]]:
    """The file, split, cells and content of each image; a few are in memory at a time."""
    counts: Counter[str] = Counter()
    names = list(layout.names)
    for shard in shards:
        split = _split_of(shard.stem) or _split_of(shard.parent.name)
        with opened_parquet(shard) as file:
            for batch in file.iter_batches(_BATCH, columns=[layout.image, *names]):
                contents = [_content(value) for value in batch.column(layout.image).to_pylist()]
                for cells, content in zip(batch_cells(batch, names), contents, strict=True):
                    name = image_name(split or _NO_SPLIT, counts[split], _suffix(content))
                    counts[split] += 1
                    yield name, split, cells, content


def _layout(shards: Sequence[Path], columns: ColumnNames) -> _Layout:
    first = shards[0]
    layouts = []
    for shard in shards:
        with opened_parquet(shard) as file:
            schema = file.schema_arrow
        names = text_columns(schema)
        classes = class_names_of(schema)
        image = _image_column(image_columns(schema), columns.image, shard)
        label = _label_column(names, classes, columns.label, shard)
        layouts.append(_Layout(image, label, tuple(names), tuple(classes.get(label, ()))))
    if different := [shard.name for shard, layout in zip(shards, layouts, strict=True) if layout != layouts[0]]:
        raise SourceError(
            f"{first.parent}: {first.name} and {different[0]} have other columns or classes; import each alone"
        )
    return layouts[0]


def _image_column(found: list[str], named: str | None, path: Path) -> str:
    if named is not None:
        return named_column(found, named, "image", path)
    if len(found) == 1:
        return found[0]
    raise ManifestError(
        f"{path.name}: {len(found)} columns hold images; specify one with --image-column: {', '.join(found)}"
    )


def _label_column(names: list[str], classes: dict[str, list[str]], named: str | None, path: Path) -> str:
    if named is not None:
        return named_column(names, named, "label", path)
    coded = [name for name in names if name in classes]
    obvious = [name for name in names if name.strip().lower() in LABEL_NAMES]
    for candidates in (coded, [name for name in coded if name in obvious], obvious):
        if len(candidates) == 1:
            return candidates[0]
    raise ManifestError(
        f"{path.name}: no column is obviously the label; specify it with {column_flag('label')}. "
        f"Columns: {', '.join(names)}"
    )


def _label(cell: str, classes: Sequence[str]) -> str:
    """The name of a code, or a JSON list of the names of several; -1 is Hugging Face's code for no label."""
    if not classes:
        return cell.strip()
    if cell.startswith("["):
        return json.dumps([_label(str(code), classes) for code in json.loads(cell)], ensure_ascii=False)
    if cell in ("", "-1"):
        return ""
    return classes[int(cell)] if cell.isdigit() and int(cell) < len(classes) else cell


def _content(value: Any) -> bytes:
    if isinstance(value, dict):
        value = value.get("bytes")
    return value or b""


def _suffix(content: bytes) -> str:
    return next((suffix for start, suffix in _SUFFIXES if content.startswith(start)), ".bin")


def _split_of(name: str) -> str:
    """The split that a word of a name stands for: train-00000-of-00002, my_test; empty if none does, or several do."""
    splits = {SPLITS[word.lower()] for word in _WORD.findall(name) if word.lower() in SPLITS}
    return splits.pop() if len(splits) == 1 else ""


def _missing_shards(shards: Sequence[Path]) -> list[str]:
    """Messages on sets of shards that are not all there."""
    matches = [match for shard in shards if (match := _SHARD.fullmatch(shard.stem))]
    found = Counter((match["set"], int(match["total"])) for match in matches)
    return [
        f"{total - number} of the {total} files of {name} are missing; download them, and import again with --update"
        for (name, total), number in found.items()
        if number < total
    ]


def _holds_images(path: Path) -> bool:
    shards = parquet_shards(path)
    if not shards:
        return False
    with opened_parquet(shards[0]) as file:
        return bool(image_columns(file.schema_arrow))


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is None:
        return _holds_images(files.root)
    with files.labels_file.open("rb") as file:
        is_parquet = file.read(len(PARQUET)) == PARQUET
    return is_parquet and _holds_images(files.labels_file)


def _read(files: SourceFiles) -> Source:
    path = files.labels_file or files.root
    if not parquet_shards(path):
        raise SourceError(f"{path}: no Parquet files in it, nor in data/; give the folder of the dataset")
    return read_hf_parquet(path, files.request.columns)


FORMAT = SourceFormat(
    name="parquet",
    title="Hugging Face dataset (Parquet)",
    recognise=_recognise,
    read=_read,
    precedence=65,
    label_places=(LabelPlace(columns=("image", "label", "patient", "slide", "split")),),
    looks_like=lambda path: bool(parquet_shards(path)) if path.is_dir() else path.suffix.lower() == ".parquet",
    is_file=False,
    write_images=write_images,
)
