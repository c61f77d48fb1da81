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
from overread.review.cleaned_csv import COLUMNS, HEAD_COLUMN, POLICY_COLUMN, VERSION_COLUMN, own_columns

KEY_COLUMNS = ("row", "row_sha256", "label_column", "old_label", "new_label")
"""row: 1 for the table's first row below its header; 0 stands for the whole table. row_sha256: of its cells.
old_label, new_label: the cell, and what it becomes; both empty where it stays."""
_SAME_COLUMNS = (VERSION_COLUMN, HEAD_COLUMN, POLICY_COLUMN)
"""The same in every row of the cleaned CSV: told once, of the whole table."""


def label_changes(cleaned: pd.DataFrame, label_column: str, added: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """The changes of a cleaned table (`cleaned_csv.cleaned_table`), as text: a row for the table, then one for each of
    its rows that the export says something of. added: as of `cleaned_csv.added_columns`."""
    source, told = cleaned.iloc[:, : -len(added)], cleaned.iloc[:, -len(added) :].to_numpy(dtype=object).tolist()
    label_place = list(source.columns).index(label_column)
    columns, cells = source.columns.tolist(), source.to_numpy(dtype=object).tolist()
    rest = list(added[1:])
    whole = [told[0][added.index(name)] if told and name in _SAME_COLUMNS else "" for name in rest]
    nothing = _nothing(rest)
    rows = [["0", table_sha256(columns, cells), label_column, "", "", *whole]]
    for number, (own, (final, *others)) in enumerate(zip(cells, told, strict=True), start=1):
        old = own[label_place]
        cut = ["" if name in _SAME_COLUMNS else cell for name, cell in zip(rest, others, strict=True)]
        if final != old or cut != nothing:
            labels = (old, final) if final != old else ("", "")
            rows.append([str(number), _sha256(own), label_column, *labels, *cut])
    return pd.DataFrame(rows, columns=[*KEY_COLUMNS, *rest], dtype=str)


def read_changes(path: Path) -> pd.DataFrame:
    """Raises ConfigError for a file that is not one of changes."""
    try:
        header, *rows = csv_records(io.StringIO(path.read_bytes().decode(), newline=""))
        table = pd.DataFrame(rows, columns=header, dtype=str)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: is no table of changes ({type(error).__name__}); give one that export wrote") from (
            error
        )
    own = [*KEY_COLUMNS, *(name for name in COLUMNS[1:] if name not in _SAME_COLUMNS)]
    if header[: len(own)] != own or table.empty or table["row"].iloc[0] != "0":
        raise ConfigError(f"{path}: is no table of changes; give one that `export --format changes` wrote")
    return table


def apply_changes(
    changes: pd.DataFrame, columns: Sequence[str], cells: Sequence[Sequence[str]]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cleaned table, and the names of the columns that are not the original's own. columns, cells: the original's,
    as text.

    Raises ConfigError where the original is not the table that the changes were made of.
    """
    whole, *rows = changes.itertuples(index=False, name=None)
    known = {int(row[0]): row for row in rows}
    for number, row in known.items():
        if number > len(cells) or _sha256(cells[number - 1]) != row[1]:
            found = "is missing" if number > len(cells) else "is another one"
            raise ConfigError(f"row {number} of the original {found}: the changes were made of another table")
    if table_sha256(columns, cells) != whole[1]:
        raise ConfigError("the original has other rows or columns than the table that the changes were made of")
    label_place, rest = list(columns).index(whole[2]), changes.columns.tolist()[len(KEY_COLUMNS) :]
    same, nothing = whole[len(KEY_COLUMNS) :], _nothing(rest)
    added = []
    for number, own in enumerate(cells, start=1):
        _, _, _, old, new, *told = known.get(number, ("", "", "", "", "", *nothing))
        cut = [of_all if name in _SAME_COLUMNS else cell for name, cell, of_all in zip(rest, told, same, strict=True)]
        added.append([own[label_place] if old == new else new, *cut])
    source = pd.DataFrame(list(cells), columns=list(columns), dtype=str)
    names = own_columns(columns, (COLUMNS[0], *rest))
    return pd.concat([source, pd.DataFrame(added, columns=list(names), index=source.index, dtype=str)], axis=1), names


def _nothing(columns: Sequence[str]) -> list[str]:
    """What the export adds to a row that nobody has decided and no run has scored, but for the label."""
    return ["false" if name == COLUMNS[1] else "" for name in columns]


def table_sha256(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """The hash of a table's header and cells, whatever file they stand in."""
    whole = hashlib.sha256(_sha256(columns).encode())
    for row in cells:
        whole.update(_sha256(row).encode())
    return whole.hexdigest()


def _sha256(cells: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(cells)).encode()).hexdigest()
