"""The tasks of Label Studio's exports, and what their annotations choose: JSON, JSON-MIN and CSV.

Source: Label Studio's documentation, "Label Studio Task Format" and "Export annotations", and its converter.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.errors import ManifestError
from overread.sources.columns import column_names, find_image_column, named_column
from overread.sources.json_table import read_json
from overread.sources.request import ColumnNames
from overread.sources.table_columns import LABEL_NAMES
from overread.sources.tables.table_file import read_cells, read_header

TABLES = (".csv", ".tsv")
_SNIFFED_BYTES = 1 << 20
_MIN_KEYS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
"""What JSON-MIN and CSV add to the task's data and the chosen classes."""
_CONTROL_NAMES = ("choice", "choices", *LABEL_NAMES)
_OF_ANNOTATIONS = frozenset(("annotation_id", "annotator"))
"""By these keys JSON-MIN and CSV are recognised."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one annotation chooses with one control."""

    annotator: str
    choices: tuple[str, ...]
    time: str
    is_truth: bool = False
    """Starred by the project's manager, as the annotation that counts."""


@dataclass(frozen=True, slots=True)
class Task:
    """An image, and what was said of it."""

    key: str
    data: dict[str, Any]
    votes: dict[str, list[Vote]]
    """By the name of the control."""


def is_label_studio(path: Path) -> bool:
    """Whether the file begins like an export. Of JSON, no more than its first megabyte is read."""
    if path.suffix.lower() in TABLES:
        return set(read_header(path)) >= _OF_ANNOTATIONS
    with path.open("rb") as file:
        text = file.read(_SNIFFED_BYTES).decode("utf-8-sig", "ignore").lstrip()
    if not text.startswith("["):
        return False
    try:
        first, _ = json.JSONDecoder().raw_decode(text[1:].lstrip())
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and (_is_task(first) or first.keys() >= _OF_ANNOTATIONS)


def _is_task(value: dict[str, Any]) -> bool:
    return isinstance(value.get("data"), dict) and ("annotations" in value or "completions" in value)


def read_tasks(path: Path, columns: ColumnNames) -> list[Task]:
    """The tasks of an export, with all their votes but cancelled ones.

    Raises ManifestError for a file that is not an export, or one without annotations; and if the column of the labels
    in JSON-MIN or CSV is missing or not obvious.
    """
    if path.suffix.lower() in TABLES:
        table = read_cells(path)
        return _min_tasks(path, [dict(zip(table.header, cells, strict=True)) for _, cells in table.records], columns)
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(value, dict) for value in content):
        raise ManifestError(f"{path.name}: is not a list of tasks; export the project again, as JSON or JSON-MIN")
    if any("data" in value for value in content):
        return [_task(path, number, value) for number, value in enumerate(content, start=1)]
    return _min_tasks(path, content, columns)


def _task(path: Path, number: int, value: dict[str, Any]) -> Task:
    data, annotations = value.get("data"), value.get("annotations", value.get("completions")) or []
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise ManifestError(f"{path.name} task {number}: has no data or no annotations; export the project again")
    votes: dict[str, list[Vote]] = {}
    for annotation in annotations:
        if not isinstance(annotation, dict):  # only their ids: an export of the tasks without the annotations
            raise ManifestError(f"{path.name} task {number}: its annotations are left out; export as JSON or JSON-MIN")
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        time = str(annotation.get("updated_at") or annotation.get("created_at") or "")
        for control, chosen in _choices(annotation.get("result")).items():
            vote = Vote(
                _annotator(annotation.get("completed_by")), tuple(chosen), time, bool(annotation.get("ground_truth"))
            )
            votes.setdefault(control, []).append(vote)
    return Task(str(value.get("id", number)), data, votes)


def _choices(results: Any) -> dict[str, list[str]]:
    """What was chosen, by the name of the control."""
    choices: dict[str, list[str]] = {}
    for result in results if isinstance(results, list) else ():
        value = result.get("value") if isinstance(result, dict) else None
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            choices.setdefault(str(result.get("from_name", "")), []).extend(map(str, value["choices"]))
    return choices


def _min_tasks(path: Path, content: list[dict[str, Any]], columns: ColumnNames) -> list[Task]:
    """The tasks of JSON-MIN or CSV, which have an entry for each annotation, with what was chosen beside the data."""
    keys = [key for key in column_names(content) if key not in _MIN_KEYS]
    image_key = find_image_column(keys, columns.image, path)
    others = [key for key in keys if key != image_key and not _holds_shapes(content, key)]
    obvious = [key for key in others if key.lower() in _CONTROL_NAMES]
    if columns.label is not None:
        label_key = named_column(others, columns.label, "label", path)
    elif len(others) == 1 or len(obvious) == 1:
        label_key = (others if len(others) == 1 else obvious)[0]
    else:
        raise ManifestError(
            f"{path.name}: no field is obviously the label; specify it with --label-column, one of: {', '.join(others)}"
        )
    tasks: dict[str, Task] = {}
    for number, value in enumerate(content, start=1):
        key = str(value.get("id", f"entry {number}"))
        data = {name: part for name, part in value.items() if name not in (*_MIN_KEYS, label_key)}
        votes = tasks.setdefault(key, Task(key, data, {})).votes.setdefault(label_key, [])
        if chosen := _chosen(value.get(label_key)):
            time = str(value.get("updated_at") or value.get("created_at") or "")
            votes.append(Vote(_annotator(value.get("annotator")), chosen, time))
    return list(tasks.values())


def _holds_shapes(content: list[dict[str, Any]], key: str) -> bool:
    """Whether a field holds boxes and the like: values, none of which is a choice."""
    values = [value[key] for value in content if value.get(key)]
    return bool(values) and not any(map(_chosen, values))


def _chosen(part: Any) -> tuple[str, ...]:
    """JSON-MIN writes one class as text, several as {"choices": [...]}; CSV the same, as text."""
    if isinstance(part, str) and part.startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            part = json.loads(part)
    if isinstance(part, dict):
        part = part.get("choices")
    if isinstance(part, list):
        return tuple(choice for single in part for choice in _chosen(single))
    return (str(part),) if part else ()


def _annotator(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id", completed_by.get("email"))
    return "" if completed_by is None else str(completed_by)
