"""Reads the cells of a Parquet file. pyarrow is imported where it is used: few need it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overread.errors import SourceError
from overread.sources.tables.cell_text import cell_text
from overread.sources.tables.table_cells import TableCells

PARQUET = b"PAR1"


@contextmanager
def opened_parquet(path: Path) -> Iterator[Any]:
    """A pyarrow.parquet.ParquetFile. Raises SourceError if it is damaged, in the block too, or pyarrow is absent."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise SourceError(
            f"{path}: Parquet needs the package pyarrow, which is not installed; pip install pyarrow"
        ) from None
    with path.open("rb") as file:
        try:
            # Without the buffer, a row group is read page by page: some hold a whole dataset.
            yield parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**20)
        except (pyarrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise SourceError(f"{path}: is not an intact Parquet file ({error}); download it again") from error


def read_parquet_cells(path: Path) -> TableCells:
    """The cells of a Parquet file as a CSV would have them; a message names columns of bytes, which are left out.

    Rows are counted from 1.
    Raises SourceError for a damaged file.
    """
    with opened_parquet(path) as file:
        names = text_columns(file.schema_arrow)
        rows = [row for batch in file.iter_batches(columns=names) for row in batch_cells(batch, names)]
        dropped = [name for name in file.schema_arrow.names if name not in names]
    message = f"{path.name}: columns {', '.join(dropped)} hold bytes and were left out"
    return TableCells(names, list(enumerate(rows, start=1)), (message,) if dropped else ())


def read_parquet_header(path: Path) -> list[str]:
    """The names of the columns. Raises SourceError for a damaged file."""
    with opened_parquet(path) as file:
        return text_columns(file.schema_arrow)


def parquet_class_names(path: Path) -> dict[str, list[str]]:
    """See `class_names_of`. Raises SourceError for a damaged file."""
    with opened_parquet(path) as file:
        return class_names_of(file.schema_arrow)


def text_columns(schema: Any) -> list[str]:
    """The columns of a pyarrow schema that hold no bytes."""
    return [field.name for field in schema if not _holds_bytes(field.type)]


def image_columns(schema: Any) -> list[str]:
    """The columns of a pyarrow schema that hold the content of images, as Hugging Face's datasets store it.

    Those are structs of bytes and path, or bytes.
    """
    from pyarrow import types

    def is_image(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and is_image(kind.field("bytes").type)
        return types.is_binary(kind) or types.is_large_binary(kind)

    return [field.name for field in schema if is_image(field.type)]


def class_names_of(schema: Any) -> dict[str, list[str]]:
    """The names of the classes of each column of codes, from the metadata that Hugging Face's datasets write."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        found = {column: _class_names(feature) for column, feature in features.items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
    return {column: names for column, names in found.items() if names}


def batch_cells(batch: Any, names: list[str]) -> list[list[str]]:
    """The rows of a pyarrow record batch as text."""
    columns = [list(map(cell_text, batch.column(name).to_pylist())) for name in names]
    return [[column[row] for column in columns] for row in range(batch.num_rows)]


def _class_names(feature: Any) -> list[str]:
    """Of a ClassLabel, or of a list of them, in its old spelling or new."""
    if isinstance(feature, list):
        feature = feature[0] if feature else {}
    if feature.get("_type") == "ClassLabel":
        return list(map(str, feature["names"]))
    return _class_names(feature["feature"]) if isinstance(feature.get("feature"), dict) else []


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(_holds_bytes(field.type) for field in kind)
    if types.is_list(kind) or types.is_large_list(kind):
        return _holds_bytes(kind.value_type)
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
