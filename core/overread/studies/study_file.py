"""Reads STUDY/study.json, and checks it against its schema."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.errors import StudyError
from overread.records import Protocol

SCHEMA_VERSION = 2
"""2: the key file has more lines than the secret, which an earlier program would take for another key."""


@dataclass(frozen=True, slots=True)
class TableSum:
    """The checksum of a table as written: a table with another one is damaged, or was changed by hand."""

    sha256: str
    num_rows: int


def read_study_file(path: Path) -> dict[str, Any]:
    """The fields of study.json, with the types that `Study` has; fields that this version does not know are in
    `unknown`.

    Raises StudyError that names a missing or invalid field, and one if a newer program wrote the file.
    """
    file = path / "study.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, f"cannot be read ({type(error).__name__})") from error
    if not isinstance(found, dict):
        raise _damaged(file, "holds no fields")
    if "schema_version" not in found:
        raise _damaged(file, "has no schema_version")
    version = found["schema_version"]
    if type(version) is not int:
        raise _damaged(file, "schema_version is not an integer")
    if version > SCHEMA_VERSION:
        raise StudyError(
            f"{path}: written by a newer Overread (schema {version}, this one knows {SCHEMA_VERSION}); "
            "update Overread to open it"
        )
    fields: dict[str, Any] = {}
    for name, kind in _FIELDS.items():
        if name in found:
            if not kind.fits(found[name]):
                raise _damaged(file, f"{name} is not {kind.description}")
            fields[name] = kind.convert(found[name])
        elif kind.is_required:
            raise _damaged(file, f"has no {name}")
    fields["unknown"] = {name: value for name, value in found.items() if name not in _FIELDS}
    return fields


def _damaged(file: Path, what: str) -> StudyError:
    return StudyError(f"{file}: {what}; restore it from a backup (`overread restore`)")


@dataclass(frozen=True, slots=True)
class _Kind:
    description: str
    fits: Callable[[Any], bool]
    is_required: bool = False
    convert: Callable[[Any], Any] = lambda value: value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_text_pairs(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_sums(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(item, dict) and _is_text(item.get("sha256")) and type(item.get("num_rows")) is int
        for item in value.values()
    )


def _sums(value: dict[str, Any]) -> dict[str, TableSum]:
    return {name: TableSum(item["sha256"], item["num_rows"]) for name, item in value.items()}


_TEXT = _Kind("text", _is_text)
_NEEDED_TEXT = _Kind("text", _is_text, is_required=True)
_TRUTH = _Kind("true or false", lambda value: isinstance(value, bool))
_FIELDS = {
    "name": _NEEDED_TEXT,
    "classes": _Kind("a list of different names", _are_texts, is_required=True, convert=tuple),
    "source_root": _NEEDED_TEXT,
    "source_format": _NEEDED_TEXT,
    "image_column": _NEEDED_TEXT,
    "label_column": _NEEDED_TEXT,
    "created": _NEEDED_TEXT,
    "labels_file": _TEXT,
    "rater_names": _Kind("a list of different names", _are_texts, convert=tuple),
    "written_labels": _Kind("a text for each class", _are_text_pairs),
    "follows_links": _TRUTH,
    "image_size_px": _Kind("a positive whole number", lambda value: type(value) is int and value > 0),
    "is_demo": _TRUTH,
    "protocol": _Kind(" or ".join(Protocol), lambda value: value in list(Protocol)),
    "key_fingerprint": _TEXT,
    "critical_classes": _Kind("a list of different names", _are_texts, convert=tuple),
    "asks_grades": _TRUTH,
    "has_ledger": _TRUTH,
    "files": _Kind("a checksum and a number of rows for each table", _are_sums, convert=_sums),
    "schema_version": _Kind("a whole number", lambda value: type(value) is int, is_required=True),
}
