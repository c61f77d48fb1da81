"""A backup of a study in one file: a consistent snapshot of its tables, key, runs and ledger rows.

A copy of the folder would miss verdicts: the newest ones may be only in SQLite's write-ahead log, or in a database
elsewhere. A backup leaves out images, the pixel cache, weights and checkpoints, which `import --update` and `train`
make again.
"""

import hashlib
import json
import os
import secrets
import zipfile
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from overread.errors import LedgerError, OverreadError, StudyError
from overread.files import atomic_writer, is_study, write_atomically
from overread.pipeline.study_ledger import chain_key, head_text, ledger_state_file, open_ledger, open_unchecked_ledger
from overread.review.assignment import restore_sharing, sharing_rows
from overread.review.chain import LedgerRow, verify
from overread.review.ledger_state import Head
from overread.review.row_transfer import copy_rows, restore_rows
from overread.studies.generation import TABLES, study_lock
from overread.studies.staging import staged_study
from overread.studies.study import (
    Study,
    key_fingerprint,
    ledger_name,
    open_study,
    read_key,
    update_study_file,
    write_key,
)

FORMAT = 1
_LEFT_OUT = ("checkpoint", "model.safetensors", "pretrained.safetensors", "network.lock")
"""Of a run: large, and made again by training."""
_CONTENTS = "backup.json"
_LEDGER = "ledger.jsonl"
_SHARING = "assignment.json"
"""How the study's samples are shared, and who holds which, as of `sharing_rows`."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore."""

    path: Path
    num_rows: int
    """Rows in the ledger afterwards."""
    num_added: int
    """Rows that were added to it."""
    files: tuple[str, ...]
    """Names of the files that were restored."""


@dataclass(frozen=True, slots=True)
class _Key:
    secret: bytes
    ledger_name: str

    @classmethod
    def parse(cls, content: bytes) -> "_Key":
        secret, _, name = content.decode().partition("\n")
        return cls(bytes.fromhex(secret), name)


def backup_study(study: Study, out: Path) -> int:
    """Write the study into the file `out`, mode 0600 (it holds the key), and return the number of ledger rows in it.

    Verdicts may be recorded at the same time: those that were saved before the backup began are in it. The ledger is
    verified first. Raises LedgerError if that fails.
    """
    ledger = open_ledger(study)
    ledger.verify_chain()
    rows = ledger.history()
    # No update is committed meanwhile: the tables are of one generation.
    is_writable = os.access(study.path, os.W_OK)
    with (
        study_lock(study.path) if is_writable else nullcontext(),
        atomic_writer(out, mode=0o600) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        sums = {"key": _add_file(archive, "key", f"{study.key().hex()}\n{ledger_name(study.path)}".encode())}
        sums |= {
            name: _add_file(archive, name, (study.path / name).read_bytes())
            for name in ("study.json", *TABLES)
            if (study.path / name).is_file()
        }
        for path in (*_run_files(study), *sorted((study.path / "audit").rglob("*.*"))):
            name = str(PurePosixPath(*path.relative_to(study.path).parts))
            sums[name] = _add_file(archive, name, path.read_bytes())
        sums[_LEDGER] = _add_file(archive, _LEDGER, "".join(json.dumps(asdict(row)) + "\n" for row in rows).encode())
        sums[_SHARING] = _add_file(archive, _SHARING, json.dumps(sharing_rows(ledger)).encode())
        contents = {
            "format": FORMAT,
            "study": study.name,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "head": head_text(study, Head(rows[-1].sequence, rows[-1].hash) if rows else Head()),
            "sha256": sums,
        }
        archive.writestr(_CONTENTS, json.dumps(contents, indent=1))
    return len(rows)


def restore_study(backup: Path, path: Path, *, overwrite: bool = False) -> Restored:
    """Restore the study at `path`, or repair the one that is there: its key, its ledger and its damaged files.

    In an existing study intact files stay, as does an assignment, and the ledger gets the rows that it lacks. With
    `overwrite`, all files are replaced, and a ledger that is damaged or does not match the backup's is renamed
    (review.db.damaged-TIME). Raises StudyError and LedgerError, with nothing changed.
    """
    files = _read(backup)
    key = _Key.parse(files.pop("key"))
    sharing = json.loads(files.pop(_SHARING, b"{}"))
    rows = [LedgerRow(**json.loads(line)) for line in files.pop(_LEDGER).decode().splitlines()]
    if not (is_study(path) or (path / "key").exists() or (path / "samples.csv").exists()):
        with staged_study(path) as staging:
            _write_files(staging, key, files)
        study = open_study(path)
        return Restored(path, *_add_rows(study, rows, sharing), ("key", *files))
    _check_same_study(path, files, key)
    damaged = {name: content for name, content in files.items() if overwrite or not _is_whole(path, name, key)}
    if damaged.keys() & {"study.json", *TABLES}:  # of one generation
        damaged = {name: content for name, content in files.items() if name in ("study.json", *TABLES)} | damaged
    num_before = _num_matching_rows(path, key, rows, overwrite=overwrite)
    put = _write_files(path, key, damaged)
    study = open_study(path)
    num_rows, _ = _add_rows(study, rows, sharing)
    return Restored(path, num_rows, num_rows - num_before, put)


def adopt_study(study: Study) -> Head:
    """Give a study that was copied, or moved across disks, a ledger of its own in the shared database.

    Decisions from before the copy was made are copied, and the assignment with its claims; later ones in the original
    are not.
    """
    original = open_unchecked_ledger(study)
    known = ledger_state_file(study).read()
    rows = [row for row in original.history() if known is None or row.sequence <= known.head.sequence]
    write_key(study.path, study.key(), ledger_name=secrets.token_hex(8))
    ledger_state_file(study).path.unlink(missing_ok=True)
    own = open_unchecked_ledger(study)
    copy_rows(own, rows)
    restore_sharing(own, sharing_rows(original))
    return own.with_state_file(ledger_state_file(study)).trust()


def _add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
    archive.writestr(name, content)
    return hashlib.sha256(content).hexdigest()


def _run_files(study: Study) -> list[Path]:
    paths = sorted(path for path in study.runs_path.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        path
        for path in paths
        if not {*path.relative_to(study.runs_path).parts} & {*_LEFT_OUT} and not path.name.startswith(".")
    ]


def _read(backup: Path) -> dict[str, bytes]:
    """The backup's files by name. Raises StudyError if it is not a backup, or damaged."""
    try:
        with zipfile.ZipFile(backup) as archive:
            contents = json.loads(archive.read(_CONTENTS))
            if contents["format"] > FORMAT:
                raise StudyError(f"{backup}: was made by a newer Overread; update Overread to restore it")
            files = {name: archive.read(name) for name in contents["sha256"]}
        for name, content in files.items():
            is_safe = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
            if not is_safe or hashlib.sha256(content).hexdigest() != contents["sha256"][name]:
                raise ValueError(name)
        if not {"key", "study.json", _LEDGER} <= files.keys():
            raise ValueError(_CONTENTS)
    except OverreadError:
        raise
    except Exception as error:  # zipfile, zlib and json have each their own
        raise StudyError(f"{backup}: is not a backup of a study, or is damaged; choose another file") from error
    return files


def _write_files(path: Path, key: _Key, files: dict[str, bytes]) -> tuple[str, ...]:
    put = []
    for name, content in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, content)
        put.append(name)
    with suppress(StudyError):
        if read_key(path) == key.secret:
            return tuple(put)
    write_key(path, key.secret, ledger_name=key.ledger_name)
    return ("key", *put)


def _check_same_study(path: Path, files: dict[str, bytes], key: _Key) -> None:
    """Raise StudyError where the folder contains a different study from the backup."""
    ours = json.loads(files["study.json"]).get("key_fingerprint") or key_fingerprint(key.secret)
    with suppress(OSError, ValueError, AttributeError):
        theirs = json.loads((path / "study.json").read_text(encoding="utf-8")).get("key_fingerprint")
        if theirs and theirs != ours:
            raise StudyError(f"{path}: contains a different study from the backup; choose a new folder")


def _is_whole(path: Path, name: str, key: _Key) -> bool:
    place = path / name
    if name == "study.json" or name in TABLES:
        try:
            study = replace(open_study(path), key_fingerprint=key_fingerprint(key.secret))
            readers = {"samples.csv": study.samples, "source.csv": study.source_table}
            readers.get(name, study.quarantine)()
        except (OverreadError, OSError):
            return False
        return True
    return place.is_file()


def _num_matching_rows(path: Path, key: _Key, rows: list[LedgerRow], *, overwrite: bool) -> int:
    """How many rows the ledger holds, if the backup's rows continue them. Raises LedgerError if they do not match.

    With `overwrite` such a ledger is renamed instead, if it is a file.
    """
    study = _opened_with_key(path, key)
    try:
        found = open_unchecked_ledger(study).history()
        verify(found, chain_key(study), keyed_from=len(found) + 1)
        num_common = min(len(found), len(rows))
        if found[:num_common] != rows[:num_common]:
            raise LedgerError("its rows are not those of the backup")
    except LedgerError as error:
        if not overwrite or os.environ.get("OVERREAD_DATABASE"):
            raise LedgerError(
                f"{path}: its ledger does not match the backup ({error}); --overwrite renames it"
            ) from error
        time = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        for file in path.glob("review.db*"):
            if ".damaged-" not in file.name:
                file.rename(file.with_name(f"{file.name}.damaged-{time}"))
        return 0
    return len(found)


def _opened_with_key(path: Path, key: _Key) -> Study:
    """The study at `path`, enough of it to open its ledger though other files may be damaged."""
    with suppress(OverreadError):
        if read_key(path) == key.secret:
            return open_study(path)
    write_key(path, key.secret, ledger_name=key.ledger_name)
    with suppress(OverreadError):
        return open_study(path)
    absent: dict[str, Any] = dict.fromkeys(("name", "source_root", "source_format", "image_column"), "")
    return Study(path=path, classes=(), label_column="", created="", **absent)


def _add_rows(study: Study, rows: list[LedgerRow], sharing: dict[str, Any]) -> tuple[int, int]:
    """Add the rows that the ledger lacks, and the assignment and its claims if it has none; returns how many rows it
    holds now, and how many were added."""
    ledger = open_unchecked_ledger(study)
    num_before = ledger.head().sequence
    restore_rows(ledger, rows[num_before:])
    restore_sharing(ledger, sharing)
    ledger_state_file(study).path.unlink(missing_ok=True)
    head = ledger.with_state_file(ledger_state_file(study)).trust()
    if head.sequence and not study.has_ledger:
        update_study_file(study.path, has_ledger=True)
    return head.sequence, head.sequence - num_before
