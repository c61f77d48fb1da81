"""A study: one dataset under audit, as a folder with its manifest, pixel cache, runs and ledger."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from overread.errors import ConfigError, StudyError
from overread.files import atomic_writer, write_atomically
from overread.images.location import Location, split_frame
from overread.images.remote import is_remote
from overread.records import Protocol
from overread.sources.image_paths import normal_path
from overread.studies.generation import apply_committed_update, is_unfinished, move_committed_files, study_lock
from overread.studies.study_file import SCHEMA_VERSION as SCHEMA_VERSION
from overread.studies.study_file import TableSum, read_study_file
from overread.studies.text_table import read_study_table, write_text_table
from overread.studies.text_table import read_text_table as read_text_table

_KEY_BYTES = 32
SAMPLE_COLUMNS = ("sample_id", "image", "given_label", "patient", "slide", "split")
"""Of samples.csv in every version; sha256 and the raters' columns follow."""
QUARANTINE_COLUMNS = ("row", "image", "reason")


@dataclass(frozen=True)
class Study:
    """The contents of study.json, and the paths of the study's other files."""

    path: Path
    name: str
    classes: tuple[str, ...]
    """Class names in a fixed order: the order of p_<class> columns and of probability axes."""
    source_root: str
    source_format: str
    image_column: str
    label_column: str
    created: str
    """UTC, ISO 8601."""
    labels_file: str = ""
    rater_names: tuple[str, ...] = ()
    written_labels: dict[str, str] = field(default_factory=dict)
    """Class name to the label as the source writes it, where the two differ."""
    follows_links: bool = False
    """Whether links that lead out of the source were followed."""
    image_size_px: int = 224
    """Side of the square images in the pixel cache."""
    is_demo: bool = False
    protocol: str = Protocol.OPEN
    """Of the readers: one of `Protocol`."""
    key_fingerprint: str = ""
    """Identifies the study's key; empty in a study of an earlier version that has not been written since."""
    critical_classes: tuple[str, ...] = ()
    """Classes whose images no verdict in bulk may change, nor change to."""
    asks_grades: bool = False
    """Whether readers may grade the wrong labels that they find (`Grade`)."""
    has_ledger: bool = False
    """Whether a verdict was ever recorded: a missing ledger is then an error, not an unread study."""
    files: dict[str, TableSum] = field(default_factory=dict)
    """Checksums of samples.csv, source.csv and quarantine.csv as written; empty in a study of an earlier version."""
    unknown: dict[str, Any] = field(default_factory=dict)
    """Fields of study.json that this version does not know; they are kept."""
    schema_version: int = SCHEMA_VERSION

    @property
    def is_update_unfinished(self) -> bool:
        """Whether an update was stopped before it was committed: the study is unchanged by it."""
        return is_unfinished(self.path)

    @property
    def samples_path(self) -> Path:
        return self.path / "samples.csv"

    @property
    def quarantine_path(self) -> Path:
        return self.path / "quarantine.csv"

    @property
    def pixels_path(self) -> Path:
        return self.path / "pixels"

    @property
    def runs_path(self) -> Path:
        return self.path / "runs"

    @property
    def ledger_url(self) -> str:
        """OVERREAD_DATABASE where it is set, else the study's own SQLite file."""
        return os.environ.get("OVERREAD_DATABASE") or f"sqlite:///{self.path.resolve() / 'review.db'}"

    @property
    def ledger_study(self) -> str:
        """Identifies this study's rows in a ledger that several studies share."""
        self.key()  # another study's key is an error, and not another ledger
        return keyed_hash(self.path, f"ledger {ledger_name(self.path)}".strip())

    def key(self) -> bytes:
        """The study's secret. Raises StudyError if it is missing, damaged, or that of another study."""
        key = read_key(self.path)
        if self.key_fingerprint and key_fingerprint(key) != self.key_fingerprint:
            raise StudyError(
                f"{self.path / 'key'}: is another study's key, with which neither samples nor verdicts can be "
                f"found: restore the study's own key from a backup (`overread restore`)"
            )
        return key

    def samples(self) -> pd.DataFrame:
        """samples.csv, every cell as text: sample_id, image, given_label, patient, slide, split, sha256 (of the image's
        file; not in studies of earlier versions), raters. Raises StudyError if it is not as it was written."""
        return self._table("samples.csv")

    def source_table(self) -> pd.DataFrame:
        """source.csv: the source's own cells, as text, row by row. Raises as `samples` does."""
        return self._table("source.csv")

    def quarantine(self) -> pd.DataFrame:
        """quarantine.csv: row, image, reason; all as text. Raises as `samples` does."""
        return self._table("quarantine.csv")

    def _table(self, name: str) -> pd.DataFrame:
        try:
            return read_study_table(self.path / name, self.files.get(name), self._columns(name))
        except StudyError:
            now = open_study(self.path)
            if now.files == self.files:
                raise
            # An update was committed since this study was opened.
            return read_study_table(now.path / name, now.files.get(name), now._columns(name))

    def _columns(self, name: str) -> tuple[str, ...]:
        if name == "samples.csv":
            return (*SAMPLE_COLUMNS, *self.rater_names)
        return (self.image_column, self.label_column) if name == "source.csv" else QUARANTINE_COLUMNS

    def image_location(self, image: str) -> Location:
        """Where the image of a row of samples.csv is; `image` is its cell in the column of that name."""
        return find_image(self.source_root, image)

    def written_label(self, label: str) -> str:
        """The label as the source writes it: normal becomes 0 where the source holds codes."""
        return self.written_labels.get(label, label)


def find_image(root: Path | str, image: str) -> Location:
    """The image that a source's cell names: the file as written, else stripped and with forward slashes.

    root: the folder, or its URL, to which a cell that is no URL is relative. Where there is no such file and the
    cell ends in `#` and a number: that frame of the file named before it. In a URL that ending always means a frame.
    """
    if is_remote(image.strip()) or is_remote(str(root)):
        return Location(*split_frame(_remote_place(str(root), image)))
    root = Path(root)
    as_written = Location(str(root / image))
    if as_written.exists():
        return as_written
    name = image.strip().replace("\\", "/")
    respelt = Location(str(root / name))
    file, frame = split_frame(name)
    return respelt if frame is None or respelt.exists() else Location(str(root / file), frame)


def _remote_place(root: str, image: str) -> str:
    """The URL of a cell: its own, or that of a path below the root's."""
    name = normal_path(image)
    return name if is_remote(name) else f"{root.rstrip('/')}/{name}"


def write_table(study: Study, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Study:
    """Write one of the study's tables; returns the study with its checksum, for `save_study`."""
    return replace(study, files=study.files | {name: write_text_table(study.path / name, columns, rows)})


def create_key(path: Path) -> bytes:
    """Make the study's secret for its hashes, if there is none: STUDY/key. Returns it."""
    if not (path / "key").exists():
        write_key(path, secrets.token_bytes(_KEY_BYTES))
    return read_key(path)


@dataclass(frozen=True, slots=True)
class _KeyFile:
    """STUDY/key: the secret in its first line, then what distinguishes the folder from a copy of it."""

    secret: bytes
    inode: str = ""
    """The inode of the file itself: a copy has another one. Empty in studies of earlier versions."""
    ledger_name: str = ""
    """Of a copy that was given a ledger of its own."""


def _read_key_file(path: Path) -> _KeyFile:
    file = path / "key"
    try:
        secret, *rest = file.read_text(encoding="ascii").split("\n")
        found = _KeyFile(bytes.fromhex(secret), *rest[:2])
    except (OSError, ValueError):
        found = _KeyFile(b"")
    if len(found.secret) != _KEY_BYTES:
        state = "is damaged" if file.exists() else "is missing"
        raise StudyError(
            f"{file}: {state}, and without it neither samples nor verdicts are found; restore it from a backup "
            "(`overread restore`)"
        )
    return found


def read_key(path: Path) -> bytes:
    """The secret in STUDY/key. Raises StudyError if it is missing or not as it was written."""
    return _read_key_file(path).secret


def ledger_name(path: Path) -> str:
    """The name of a copied study's own ledger; empty where the study is not such a copy."""
    return _read_key_file(path).ledger_name


def write_key(path: Path, secret: bytes, *, ledger_name: str = "") -> None:
    """Write STUDY/key, mode 0600. ledger_name: of a copied study that gets a ledger of its own."""
    with atomic_writer(path / "key", mode=0o600) as file:
        lines = (secret.hex(), str(os.fstat(file.fileno()).st_ino), ledger_name)
        file.write("\n".join(lines).rstrip("\n").encode() + b"\n")


def is_copied(path: Path) -> bool:
    """Whether the study's folder is a copy of the one that was imported, or was moved across disks."""
    inode = _read_key_file(path).inode
    return bool(inode) and inode != str((path / "key").stat().st_ino)


def key_fingerprint(key: bytes) -> str:
    """A hash of the key for study.json, by which it is recognised and from which it cannot be derived."""
    return hmac.new(key, b"fingerprint", hashlib.sha256).hexdigest()[:16]


def keyed_hashes(path: Path, texts: Sequence[str], *, length: int = 16) -> list[str]:
    """HMAC-SHA256 of each text under the study's key, in hexadecimal, cut to `length`; empty stays empty."""
    key = read_key(path)
    return [hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:length] if text else "" for text in texts]


def keyed_hash(path: Path, text: str, *, length: int = 16) -> str:
    """The keyed hash of a single text."""
    return keyed_hashes(path, [text], length=length)[0]


def save_study(study: Study) -> None:
    """Write study.json. It is written last in an import: a folder without it is no study."""
    fields = asdict(study)
    del fields["path"]
    fields = fields.pop("unknown") | fields
    write_atomically(study.path / "study.json", json.dumps(fields, indent=2, ensure_ascii=False) + "\n")


def update_study_file(path: Path, **changes: Any) -> Study:
    """Change fields of study.json as it is on the disk now, under the study's lock. Raises OSError and StudyError."""
    with study_lock(path):
        move_committed_files(path)
        study = replace(Study(path=path, **read_study_file(path)), **changes)
        save_study(study)
    return study


def set_protocol(path: Path, protocol: str) -> Study:
    """Change what readers see first. Raises ConfigError for a protocol that there is not, OSError and StudyError."""
    check_protocol(protocol)
    study = open_study(path)
    return study if study.protocol == protocol else update_study_file(path, protocol=protocol)


def check_protocol(protocol: str) -> None:
    """Raise ConfigError for what is none of `Protocol`."""
    if protocol not in list(Protocol):
        raise ConfigError(f"protocol {protocol!r} is not one of {', '.join(Protocol)}")


def open_study(path: Path | str) -> Study:
    """Read a study's study.json, after the files of a committed update were moved to their places.

    Raises StudyError if there is none, it is damaged, or a newer program wrote it.
    """
    path = Path(path)
    if not path.is_dir():
        raise StudyError(f"{path}: no such study; create it with `overread import SOURCE --study {path}`")
    apply_committed_update(path)
    if not (path / "study.json").exists():
        raise StudyError(f"{path}: this folder holds no study (no study.json); import one into it, or choose another")
    return Study(path=path, **read_study_file(path))
