"""The cleaned CSV: the source's own columns, the final label, and who decided it, when and on what evidence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from overread.errors import ConfigError
from overread.files import quote_cell, write_atomically
from overread.review.final_labels import LabelPolicy
from overread.review.reviewed import ReviewedSample, in_seconds
from overread.spreadsheets import harmless_cell
from overread.version import full_version

COLUMNS = (
    "final_label",
    "is_changed",
    "verdict",
    "label_error_probability",
    "proposed_label",
    "reader",
    "decided_at",
    "note",
    "run",
    "reader_identity",
    "blind_reading",
    "read_by",
    "read_at",
    "discrepancy_grade",
    "overread_version",
    "ledger_head",
    "policy",
)
"""What every export adds, in this order, after the source's columns; a policy may add more behind them."""
VERSION_COLUMN, HEAD_COLUMN, POLICY_COLUMN = COLUMNS[-3:]
PROBABILITY_COLUMN = "final_label_probability"
SHARE_PREFIX = "share_"
QUARANTINED = "quarantined"
"""The verdict of a row that is not a sample: no reader and no model saw it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an export was made of; the same for every row."""

    ledger_head: str = ""
    """The newest row of the ledger, by which rows that are lost later are noticed."""
    policy: LabelPolicy = LabelPolicy.UNANIMOUS

    def fields(self) -> dict[str, str]:
        """Column name to cell; also of exports in other formats."""
        return {VERSION_COLUMN: full_version(), HEAD_COLUMN: self.ledger_head, POLICY_COLUMN: self.policy.value}


def added_columns(policy: LabelPolicy, classes: Sequence[str]) -> tuple[str, ...]:
    """COLUMNS, and those that a policy adds. classes: names, in their order."""
    match policy:
        case LabelPolicy.DAWID_SKENE:
            return (*COLUMNS, PROBABILITY_COLUMN)
        case LabelPolicy.SOFT:
            return (*COLUMNS, *(f"{SHARE_PREFIX}{name}" for name in classes))
    return COLUMNS


def own_columns(source_columns: Sequence[str], added: Sequence[str] = COLUMNS) -> tuple[str, ...]:
    """The names that the table gives to the columns that are added; one that the source has already gets the prefix
    overread_."""
    taken, names = set(source_columns), []
    for name in added:
        while name in taken:
            name = f"overread_{name}"
        names.append(name)
        taken.add(name)
    return tuple(names)


def cleaned_table(
    source_table: pd.DataFrame,
    samples: Iterable[ReviewedSample],
    *,
    image_column: str,
    label_column: str,
    written_labels: Mapping[str, str],
    origin: Origin,
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """source_table: source.csv, every cell as text. samples: what `reviewed_samples` makes of all of them.
    written_labels: class name to the label as the source writes it, where the two differ. classes: as of
    `added_columns`.

    Returns the source's rows and columns unchanged, followed by these columns, as text:
    - final_label: as the source writes labels; the source's own cell where unchanged; empty where excluded.
    - is_changed: true or false: whether final_label differs from the source's label.
    - verdict: accept, reject, relabel, ambiguous, exclude, cannot_judge; disputed; outdated (readers kept a given label
      that the source has changed since, or saw another image: the source's label is kept); quarantined (the row could
      not be read: it keeps its cell as it is written); empty where there is no decision.
    - label_error_probability, proposed_label and run: what the decision was made on; where there is none, those of the
      samples' run.
    - reader_identity: self-declared (a name was typed), password or provider (the reader had signed in): of `reader`,
      and where there is none, of `read_by`; one word, or where they differ one for each of them, joined by "; ".
    - overread_version, ledger_head, policy: the same in every row.
    - blind_reading: what readers labelled the image alone, as the source writes labels, or ambiguous, exclude or
      cannot_judge; read_by: who; read_at: when, in UTC, ISO 8601. Each joined by "; ", the earliest reading first.
    - discrepancy_grade: many_minor, many_major, few_minor or few_major (`Grade`), of an accept or a relabel; of several
      readers each one's in the order of `reader`, joined by "; ", empty between them where one gave none.
    - reader, note: joined by "; " where there are several. decided_at: UTC, ISO 8601, of the newest decision.
    - by the policy dawid-skene final_label_probability, that the final label is right, from 0 to 1; empty where too few
      readings tell. By soft share_<class>, its share of the readers' labels; empty where there are none.
    A row of the source is the sample whose `image` is its cell in image_column; a row without one, or without a label,
    is quarantined.
    """
    known = {sample.image: sample for sample in samples}
    added = added_columns(origin.policy, classes)
    policy_columns, same = added[len(COLUMNS) :], tuple(origin.fields().values())
    rows = []
    for image, cell in zip(_cells(source_table, image_column), _cells(source_table, label_column), strict=True):
        if image in known and cell.strip():
            sample = known[image]
            told = [*_added_cells(sample, cell, written_labels), *same]
            rows.append([*told, *(_policy_cell(sample, column) for column in policy_columns)])
        else:
            empty = [""] * (len(COLUMNS) - 3 - len(same))
            rows.append([cell, "false", QUARANTINED, *empty, *same, *[""] * len(policy_columns)])
    names = own_columns(source_table.columns, added)
    return pd.concat(
        [source_table, pd.DataFrame(rows, columns=list(names), index=source_table.index, dtype=str)], axis=1
    )


def changes_table(table: pd.DataFrame, own_columns: Sequence[str]) -> pd.DataFrame:
    """The rows of a cleaned table on which a reader has decided."""
    return table[table[own_columns[COLUMNS.index("reader")]] != ""]


def write_csv(table: pd.DataFrame, path: Path, *, own_columns: Collection[str], spreadsheet_safe: bool = False) -> None:
    """Write a table of text as CSV: UTF-8, commas, a cell in quotes where it needs them.

    The names and cells of own_columns are made harmless for spreadsheets by `harmless_cell`; with spreadsheet_safe
    those of all columns are. Read back by Python's csv module, all other cells are what they were, byte for byte.
    The file is replaced atomically. Raises ConfigError if the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent}: no such folder to write {path.name} into; create it, or choose another")
    columns = []
    for position, name in enumerate(table.columns):
        cells = table.iloc[:, position].tolist()
        if spreadsheet_safe or name in own_columns:
            name, cells = harmless_cell(name), [harmless_cell(cell) for cell in cells]
        columns.append((quote_cell(name), *map(quote_cell, cells)))
    lines = (",".join(row) or '""' for row in zip(*columns, strict=True))
    write_atomically(path, "".join(f"{line}\n" for line in lines))


def _cells(table: pd.DataFrame, name: str) -> list[str]:
    # By place: a source may hold two columns of one name, and the first is meant.
    return table.iloc[:, list(table.columns).index(name)].tolist()


def _policy_cell(sample: ReviewedSample, column: str) -> str:
    if column == PROBABILITY_COLUMN:
        return "" if sample.final_probability is None else repr(sample.final_probability)
    return repr(sample.shares.get(column.removeprefix(SHARE_PREFIX), 0.0)) if sample.shares else ""


def _added_cells(sample: ReviewedSample, cell: str, written_labels: Mapping[str, str]) -> tuple[str, ...]:
    readings = sample.blind_readings
    if not sample.decided_at:
        probability, proposed, run = sample.error_probability, sample.proposed_label, sample.run
    else:
        probability, proposed, run = sample.decided_on_score, sample.decided_on_proposal, sample.decided_on_run
    return (
        written_labels.get(sample.final_label, sample.final_label) if sample.is_changed else cell,
        "true" if sample.is_changed else "false",
        sample.verdict,
        "" if probability is None else repr(probability),
        written_labels.get(proposed, proposed),
        sample.reader,
        sample.decided_at,
        sample.note,
        run,
        sample.reader_identity,
        "; ".join(written_labels.get(row.chosen_label, row.chosen_label) or row.verdict for row in readings),
        "; ".join(row.reader for row in readings),
        "; ".join(in_seconds(datetime.fromisoformat(row.recorded_at)) for row in readings),
        sample.grade,
    )
