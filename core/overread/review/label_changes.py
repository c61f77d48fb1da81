"""What an export adds to a dataset's table, without the table: for datasets that may not be passed on.

Whoever has the table gets the cleaned CSV by applying the changes to it, byte for byte as the export wrote it.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from overread.errors import ConfigError
from overread.files import csv_records
from overread.review.cleaned_csv import COLUMNS, own_columns

KEY_COLUMNS = ("row", "row_sha256", "label_column", "old_label", "new_label")
"""row: 1 for the table's first row below its header; 0 stands for the whole table. row_sha256: of its cells.
old_label, new_label: the cell, and what it becomes; both empty where it stays."""
_FROM_EXPORT = COLUMNS[1:]
_NOTHING = ("false", *[""] * (len(_FROM_EXPORT) - 3))
"""What the export adds to a row that nobody has decided and no run has scored, without its last two columns."""


def label_changes(cleaned: pd.DataFrame, label_column: str) -> pd.DataFrame:
    """The changes of a cleaned table (`cleaned_csv.cleaned_table`), as text: a row for the table, then one for each of
    its rows that the export says something of."""
    num_own = len(COLUMNS)
    source, added = cleaned.iloc[:, :-num_own], cleaned.iloc[:, -num_own:]
    label_place = list(source.columns).index(label_column)
    columns, cells = source.columns.tolist(), source.to_numpy(dtype=object).tolist()
    told = added.to_numpy(dtype=object).tolist()
    last = told[0][-2:] if told else ["", ""]
    rows = [["0", table_sha256(columns, cells), label_column, "", "", *[""] * (len(_FROM_EXPORT) - 2), *last]]
    for number, (own, (final, *rest)) in enumerate(zip(cells, told, strict=True), start=1):
        old = own[label_place]
        if final != old or tuple(rest[:-2]) != _NOTHING:
            labels = (old, final) if final != old else ("", "")
            rows.append([str(number), _sha256(own), label_column, *labels, *rest])
    return pd.DataFrame(rows, columns=[*KEY_COLUMNS, *_FROM_EXPORT], dtype=str)


def read_changes(path: Path) -> pd.DataFrame:
    """Raises ConfigError for a file that is not one of changes."""
    try:
        header, *rows = csv_records(io.StringIO(path.read_bytes().decode(), newline=""))
        table = pd.DataFrame(rows, columns=header, dtype=str)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: is no table of changes ({type(error).__name__}); give one that export wrote") from (
            error
        )
    if tuple(header) != (*KEY_COLUMNS, *_FROM_EXPORT) or table.empty or table["row"].iloc[0] != "0":
        raise ConfigError(f"{path}: is no table of changes; give one that `export --format changes` wrote")
    return table


def apply_changes(changes: pd.DataFrame, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> pd.DataFrame:
    """The cleaned table. columns, cells: the original's, as text.

    Raises ConfigError where the original is not the table that the changes were made of.
    """
    whole, *rows = changes.itertuples(index=False, name=None)
    head, known = whole[-2:], {int(row[0]): row for row in rows}
    for number, row in known.items():
        if number > len(cells) or _sha256(cells[number - 1]) != row[1]:
            found = "is missing" if number > len(cells) else "is another one"
            raise ConfigError(f"row {number} of the original {found}: the changes were made of another table")
    if table_sha256(columns, cells) != whole[1]:
        raise ConfigError("the original has other rows or columns than the table that the changes were made of")
    label_place = list(columns).index(whole[2])
    added = []
    for number, own in enumerate(cells, start=1):
        row = known.get(number)
        if row is None:
            added.append((own[label_place], *_NOTHING, *head))
        else:
            is_same = row[3] == row[4]
            added.append((own[label_place] if is_same else row[4], *row[len(KEY_COLUMNS) :]))
    source = pd.DataFrame(list(cells), columns=list(columns), dtype=str)
    own = pd.DataFrame(added, columns=list(own_columns(columns)), index=source.index, dtype=str)
    return pd.concat([source, own], axis=1)


def table_sha256(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """The hash of a table's header and cells, whatever file they stand in."""
    whole = hashlib.sha256(_sha256(columns).encode())
    for row in cells:
        whole.update(_sha256(row).encode())
    return whole.hexdigest()


def _sha256(cells: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(cells)).encode()).hexdigest()
