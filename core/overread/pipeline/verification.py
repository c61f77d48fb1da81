"""Whether a study's ledger is whole, by its own chain and by what earlier exports knew of it."""

import csv
import json
import re
import zipfile
from pathlib import Path

from overread.errors import ConfigError, LedgerError
from overread.pipeline.study_ledger import ledger_state_file, open_ledger, open_unchecked_ledger
from overread.review.chain import chain_error
from overread.review.cleaned_csv import HEAD_COLUMN
from overread.review.ledger_state import Head
from overread.studies.study import Study

_HEAD = re.compile(r"\b([0-9a-f]{16}):(\d+):([0-9a-f]{64})\b")


def verify_study(study: Study, *, trust: bool = False) -> Head:
    """The ledger's newest row, after every row was checked. trust: whatever the study remembers of it.

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
    """The newest row that an earlier export or backup knew of. Raises LedgerError if the ledger no longer has it."""
    noted = recorded_head(study, file)
    ledger = open_unchecked_ledger(study) if trust else open_ledger(study)
    found = ledger.hash_at(noted.sequence)
    if noted.sequence and found is None:
        raise LedgerError(
            f"the ledger ends at row {ledger.head().sequence}, and {file} was written at row {noted.sequence}: rows "
            "were cut off at its end; put a backup back (`python -m core restore`)"
        )
    if noted.sequence and found != noted.hash:
        raise chain_error(noted.sequence, f"is not the one that {file} knew of")
    return noted


def recorded_head(study: Study, file: Path) -> Head:
    """The head that an export or a backup of this study holds. Raises ConfigError if there is none in it."""
    ours = {match for match in _texts(file) if match[0] == study.ledger_study}
    if not ours:
        raise ConfigError(f"--against {file}: is no export or backup of this study; give one of them")
    sequence, row_hash = max((int(sequence), row_hash) for _, sequence, row_hash in ours)
    return Head(sequence, row_hash if sequence else "")


def is_export_of(study: Study, file: Path) -> bool:
    """Whether a file or a folder is an earlier export of the study."""
    try:
        recorded_head(study, file)
    except (ConfigError, OSError, ValueError, csv.Error):  # whatever else stands there
        return False
    return True


def _texts(file: Path) -> set[tuple[str, str, str]]:
    """What looks like a head, wherever exports keep it."""
    if file.is_dir():
        return set().union(*(_texts(path) for path in file.glob("*.json")), *(_texts(p) for p in file.glob(".*.json")))
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            texts = [archive.read("backup.json").decode()] if "backup.json" in archive.namelist() else []
    elif file.suffix == ".json":
        texts = [json.dumps(json.loads(file.read_text(encoding="utf-8")))]
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            table = csv.reader(lines)
            names = next(table, [])
            places = [place for place, name in enumerate(names) if name.lstrip("'").endswith(HEAD_COLUMN)]
            texts = [row[place] for row in table for place in places[-1:] if place < len(row)]
    return {match for text in texts for match in _HEAD.findall(text)}
