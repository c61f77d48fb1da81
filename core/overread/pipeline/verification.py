"""Verifies a study's ledger: by its own chain, and against earlier exports and backups."""

import csv
import json
import re
import zipfile
from pathlib import Path

from overread.errors import ConfigError, LedgerError
from overread.files import csv_records
from overread.pipeline.study_ledger import ledger_state_file, open_ledger, open_unchecked_ledger
from overread.review.chain import chain_error
from overread.review.cleaned_csv import HEAD_COLUMN
from overread.review.ledger_state import Head
from overread.studies.study import Study

_HEAD = re.compile(r"\b([0-9a-f]{16}):(\d+):([0-9a-f]{64})\b")


def verify_study(study: Study, *, trust: bool = False) -> Head:
    """The ledger's newest row, after every row was verified. trust: without comparing it with the state file.

    Raises LedgerError naming the first row that does not fit.
    """
    if not trust:
        try:
            return open_ledger(study).verify_chain()
        except LedgerError:
            open_unchecked_ledger(study).verify_chain()  # what is lost at the end may come of a row that it names
            raise
    ledger = open_unchecked_ledger(study)
    return ledger.with_state_file(ledger_state_file(study)).trust()


def check_against(study: Study, file: Path, *, trust: bool = False) -> Head:
    """The newest row that an earlier export or backup recorded. Raises LedgerError if the ledger no longer has it."""
    recorded = recorded_head(study, file)
    ledger = open_unchecked_ledger(study) if trust else open_ledger(study)
    found = ledger.hash_at(recorded.sequence)
    if recorded.sequence and found is None:
        raise LedgerError(
            f"the ledger ends at row {ledger.head().sequence}, and {file} was written at row {recorded.sequence}: rows "
            "were cut off at its end; restore a backup (`overread restore`)"
        )
    if recorded.sequence and found != recorded.hash:
        raise chain_error(recorded.sequence, f"is not the one that {file} knew of")
    return recorded


def recorded_head(study: Study, file: Path) -> Head:
    """The head that an export or a backup of this study recorded. Raises ConfigError if it has none."""
    ours = {match for match in _texts(file) if match[0] == study.ledger_study}
    if not ours:
        raise ConfigError(f"--against {file}: is not an export or backup of this study; give one that is")
    sequence, row_hash = max((int(sequence), row_hash) for _, sequence, row_hash in ours)
    return Head(sequence, row_hash if sequence else "")


def is_export_of(study: Study, file: Path) -> bool:
    """Whether a file or a folder is an earlier export of the study."""
    try:
        recorded_head(study, file)
    except (ConfigError, OSError, ValueError, csv.Error):  # any other file
        return False
    return True


def _texts(file: Path) -> set[tuple[str, str, str]]:
    """All texts in the form of a head, in the places where exports keep it."""
    if file.is_dir():
        return set().union(*(_texts(path) for path in file.glob("*.json")), *(_texts(p) for p in file.glob(".*.json")))
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            texts = [archive.read("backup.json").decode()] if "backup.json" in archive.namelist() else []
    elif file.suffix == ".json":
        texts = [json.dumps(json.loads(file.read_text(encoding="utf-8")))]
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            table = csv_records(lines)
            names = next(table, [])
            places = [place for place, name in enumerate(names) if name.lstrip("'").endswith(HEAD_COLUMN)]
            texts = [row[place] for row in table for place in places[-1:] if place < len(row)]
    return {match for text in texts for match in _HEAD.findall(text)}
