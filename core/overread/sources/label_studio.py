"""Reads Label Studio's exports of image classification: JSON, and JSON-MIN.

Source: Label Studio's documentation, "Label Studio Task Format" and "Export annotations".
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.columns import column_names, find_image_column, free_name, named_column, optional_columns
from overread.sources.image_search import find_below, search_fault
from overread.sources.json_table import read_json, text_entry
from overread.sources.request import NO_COLUMNS, ColumnNames
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import LabelPlace, SourceFormat
from overread.sources.table_columns import LABEL_NAMES

_SNIFFED_BYTES = 1 << 20
_MIN_KEYS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
"""What JSON-MIN adds to the task's data and the chosen classes."""
_CONTROL_NAMES = ("choice", "choices", *LABEL_NAMES)


@dataclass(frozen=True, slots=True)
class _Vote:
    """What one annotation chooses with one control."""

    annotator: str
    choices: tuple[str, ...]
    time: str
    is_truth: bool = False
    """Starred by the project's manager, as the annotation that counts."""


@dataclass(frozen=True, slots=True)
class _Task:
    key: str
    data: dict[str, Any]
    votes: dict[str, list[_Vote]]
    """By the name of the control."""


def is_label_studio(path: Path) -> bool:
    """Whether the file begins like an export. Reads no more than its first megabyte."""
    with path.open("rb") as file:
        text = file.read(_SNIFFED_BYTES).decode("utf-8-sig", "ignore").lstrip()
    if not text.startswith("["):
        return False
    try:
        first, _ = json.JSONDecoder().raw_decode(text[1:].lstrip())
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and (_is_task(first) or {"annotation_id", "annotator"} <= first.keys())


def find_label_studio(root: Path) -> Path | None:
    """The only export in this folder. Raises SourceError if there are several."""
    files = sorted(path for path in root.iterdir() if path.suffix.lower() == ".json" and path.is_file())
    found = [path for path in files if is_label_studio(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise SourceError(f"{root}: which of Label Studio's exports? Specify it with --labels FILE (found: {names})")
    return found[0] if found else None


def read_label_studio(path: Path, root: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A row for each task. Images are looked up below `root` by the ends of the paths in the tasks.

    columns: keys of the tasks' data; the label's is a control (the name of a `<Choices>`), needed if there are several,
    or a key. Cancelled annotations don't count, nor do any but the latest of each annotator. The label is that of the
    annotation marked as ground truth, else the majority's, else, in a tie, the earliest. If there are several
    annotators, they become rater columns. Predictions are not labels.
    Raises ManifestError for a file that is not an export, and for a column that is missing or not obvious.
    """
    tasks = _tasks(path, columns)
    cells = [text_entry(task.data, f"{path.name} task {task.key}") for task in tasks]
    keys = column_names(cells)
    if not keys:
        raise ManifestError(f"{path.name}: its tasks have no data; export the project again")
    image_key = find_image_column(keys, columns.image, path)
    label_key = _label_key(path, tasks, keys, columns.label)
    places = optional_columns(keys, columns, path)
    if "split" in keys:
        places.setdefault("split", "split")
    is_voted = any(label_key in task.votes for task in tasks)
    votes = [_latest(task.votes.get(label_key, [])) for task in tasks]
    annotators = _annotators(votes)
    files = [find_below(root, entry.get(image_key, "")) for entry in cells]
    shared = _shared(files, [entry.get(image_key, "").strip() for entry in cells])
    rows, num_tied = [], 0
    for number, (entry, own_votes, file) in enumerate(zip(cells, votes, files, strict=True), start=1):
        label, fault = entry.get(label_key, "").strip(), ""
        if is_voted:
            label, fault, is_tied = _decided(own_votes)
            num_tied += is_tied
        if file in shared:
            fault = "several tasks come to the same file"
        fault = fault or search_fault(file)
        optional = {kind: entry.get(key, "").strip() for kind, key in places.items()}
        if "split" in optional:
            optional["split"] = optional["split"].lower()
        said = {vote.annotator: vote.choices[0].strip() for vote in own_votes if len(vote.choices) == 1}
        raters = tuple(said.get(annotator, "") for annotator in annotators)
        rows.append(SourceRow(number, file, label, **optional, raters=raters, fault=fault))
    id_column = free_name("id", keys)
    label_name = free_name(label_key, (id_column, *keys)) if is_voted else label_key
    added = (label_name,) if is_voted else ()
    file_column = free_name("file", (id_column, *keys, *added))
    messages = [f"images were searched for in the source folder; their paths are in column {file_column!r}"]
    if annotators:
        messages.append(f"{len(annotators)} annotators became rater columns; the label is what most of them chose")
    if num_tied:
        messages.append(f"in {num_tied} tasks the annotators were tied: the earliest of the tied classes was used")
    return Source(
        root=str(root.resolve()),
        format="label-studio",
        columns=(id_column, *keys, *added, file_column),
        cells=tuple(
            (task.key, *(entry.get(key, "") for key in keys), *((row.label,) if is_voted else ()), row.image)
            for task, entry, row in zip(tasks, cells, rows, strict=True)
        ),
        image_column=file_column,
        label_column=label_name,
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        rater_names=_rater_names(annotators),
        messages=tuple(messages),
    )


def _is_task(value: dict[str, Any]) -> bool:
    return isinstance(value.get("data"), dict) and ("annotations" in value or "completions" in value)


def _tasks(path: Path, columns: ColumnNames) -> list[_Task]:
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(value, dict) for value in content):
        raise ManifestError(f"{path.name}: is not a list of tasks; export the project again, as JSON or JSON-MIN")
    if any("data" in value for value in content):
        return [_task(path, number, value) for number, value in enumerate(content, start=1)]
    return _min_tasks(path, content, columns)


def _task(path: Path, number: int, value: dict[str, Any]) -> _Task:
    data, annotations = value.get("data"), value.get("annotations", value.get("completions")) or []
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise ManifestError(f"{path.name} task {number}: has no data or no annotations; export the project again")
    votes: dict[str, list[_Vote]] = {}
    for annotation in annotations:
        if not isinstance(annotation, dict):  # only their ids: an export of the tasks without the annotations
            raise ManifestError(f"{path.name} task {number}: its annotations are left out; export as JSON or JSON-MIN")
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        time = str(annotation.get("updated_at") or annotation.get("created_at") or "")
        for control, chosen in _choices(annotation.get("result")).items():
            vote = _Vote(
                _annotator(annotation.get("completed_by")), tuple(chosen), time, bool(annotation.get("ground_truth"))
            )
            votes.setdefault(control, []).append(vote)
    return _Task(str(value.get("id", number)), data, votes)


def _choices(results: Any) -> dict[str, list[str]]:
    """What was chosen, by the name of the control."""
    choices: dict[str, list[str]] = {}
    for result in results if isinstance(results, list) else ():
        value = result.get("value") if isinstance(result, dict) else None
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            choices.setdefault(str(result.get("from_name", "")), []).extend(map(str, value["choices"]))
    return choices


def _min_tasks(path: Path, content: list[dict[str, Any]], columns: ColumnNames) -> list[_Task]:
    """The tasks of JSON-MIN, which has an entry for each annotation, with what was chosen beside the data."""
    keys = [key for key in column_names(content) if key not in _MIN_KEYS]
    image_key = find_image_column(keys, columns.image, path)
    others = [key for key in keys if key != image_key]
    obvious = [key for key in others if key.lower() in _CONTROL_NAMES]
    if columns.label is not None:
        label_key = named_column(others, columns.label, "label", path)
    elif len(others) == 1 or len(obvious) == 1:
        label_key = (others if len(others) == 1 else obvious)[0]
    else:
        raise ManifestError(
            f"{path.name}: no field is obviously the label; specify it with --label-column, one of: {', '.join(others)}"
        )
    tasks: dict[str, _Task] = {}
    for number, value in enumerate(content, start=1):
        key = str(value.get("id", f"entry {number}"))
        data = {name: part for name, part in value.items() if name not in (*_MIN_KEYS, label_key)}
        votes = tasks.setdefault(key, _Task(key, data, {})).votes.setdefault(label_key, [])
        if chosen := _chosen(value.get(label_key)):
            time = str(value.get("updated_at") or value.get("created_at") or "")
            votes.append(_Vote(_annotator(value.get("annotator")), chosen, time))
    return list(tasks.values())


def _chosen(part: Any) -> tuple[str, ...]:
    """JSON-MIN writes one class as text, several as {"choices": [...]}."""
    if isinstance(part, dict):
        part = part.get("choices")
    if isinstance(part, list):
        return tuple(choice for single in part for choice in _chosen(single))
    return (str(part),) if part else ()


def _annotator(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id", completed_by.get("email"))
    return "" if completed_by is None else str(completed_by)


def _label_key(path: Path, tasks: list[_Task], keys: Sequence[str], named: str | None) -> str:
    """The control, or the key of the data, that is the label."""
    controls = sorted({control for task in tasks for control in task.votes})
    if named is not None:
        return named_column([*controls, *keys], named, "label", path)
    if not controls:
        raise ManifestError(
            f"{path.name}: no annotation in it chooses a class; annotate with <Choices>, "
            f"or name the key of the label with --label-column: {', '.join(keys)}"
        )
    if len(controls) > 1:
        raise ManifestError(
            f"{path.name}: its annotations have several controls; set --label-column to one of: {', '.join(controls)}"
        )
    return controls[0]


def _latest(votes: list[_Vote]) -> list[_Vote]:
    """Each annotator's latest vote, in the order of time."""
    ordered = sorted(votes, key=lambda vote: vote.time)
    latest = {vote.annotator: vote for vote in ordered}
    # A ground truth stands, whatever its annotator did later.
    return [vote for vote in ordered if vote.is_truth or vote is latest[vote.annotator]]


def _decided(votes: list[_Vote]) -> tuple[str, str, bool]:
    """The label of a task, or why it has none, and whether it was a tie. votes: by time."""
    votes = [vote for vote in votes if vote.is_truth][-1:] or votes
    labels = [vote.choices[0].strip() for vote in votes if len(vote.choices) == 1]
    if not labels:
        return "", "the annotation chooses several classes" if votes else "", False
    counts = Counter(labels)  # in the order of time, which most_common keeps among equals
    (label, most), *others = counts.most_common()
    return label, "", bool(others) and others[0][1] == most


def _annotators(votes: Iterable[list[_Vote]]) -> list[str]:
    """The annotators, sorted as numbers if they are; none if there is only one, whose votes are the labels."""
    found = {vote.annotator for several in votes for vote in several}
    are_numbers = all(name.isascii() and name.isdigit() for name in found)
    return sorted(found, key=int if are_numbers else None) if len(found) > 1 else []


def _rater_names(annotators: list[str]) -> tuple[str, ...]:
    """Named by Label Studio's user ids; if these are e-mail addresses, counted instead, so that none is shown."""
    are_numbers = all(name.isascii() and name.isdigit() for name in annotators)
    return tuple(f"rater_{name if are_numbers else place}" for place, name in enumerate(annotators, start=1))


def _shared(files: Sequence[str], spelled: Sequence[str]) -> set[str]:
    """The files that tasks with different paths resolved to: it is not known which of them is meant."""
    spellings: dict[str, set[str]] = {}
    for file, spelling in zip(files, spelled, strict=True):
        spellings.setdefault(file, set()).add(spelling)
    return {file for file, several in spellings.items() if len(several) > 1}


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return files.is_json and is_label_studio(files.labels_file)
    return not files.is_table_meant and find_label_studio(files.root) is not None


def _read(files: SourceFiles) -> Source:
    export = files.export(find_label_studio, "Label Studio")
    return read_label_studio(export, files.root, files.request.columns)


FORMAT = SourceFormat(
    name="label-studio",
    title="Label Studio export (JSON)",
    recognise=_recognise,
    read=_read,
    precedence=50,
    label_places=(LabelPlace(columns=("image", "label", "patient", "slide", "split")),),
)
