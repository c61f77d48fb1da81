"""Reads Label Studio's exports of image classification: JSON, JSON-MIN and CSV.

Source: Label Studio's documentation, "Label Studio Task Format" and "Export annotations".
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.annotation_files import label_text
from overread.sources.columns import column_names, find_image_column, free_name, named_column, optional_columns
from overread.sources.image_search import find_below, search_fault
from overread.sources.json_table import text_entry
from overread.sources.label_studio_tasks import TABLES, Task, Vote, is_label_studio, read_tasks
from overread.sources.request import NO_COLUMNS, ColumnNames
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import LabelPlace, SourceFormat


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a task comes to, or, if annotations choose several classes, one annotation of it."""

    label: str
    reader: str = ""
    raters: tuple[str, ...] = ()


def find_label_studio(root: Path) -> Path | None:
    """The only export in this folder. Raises SourceError if there are several."""
    files = sorted(path for path in root.iterdir() if path.suffix.lower() in (".json", *TABLES) and path.is_file())
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
    annotators, they become rater columns. Predictions are not labels. If an annotation chooses several classes, there
    is a row for each annotation, with its annotator as the reader and its classes as a JSON list.
    Raises ManifestError for a file that is not an export, and for a column that is missing or not obvious.
    """
    tasks = read_tasks(path, columns)
    data = [text_entry(task.data, f"{path.name} task {task.key}") for task in tasks]
    keys = column_names(data)
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
    is_multiple = any(label_text(vote.choices).startswith("[") for several in votes for vote in several)
    files = [find_below(root, entry.get(image_key, "")) for entry in data]
    shared = _shared(files, [entry.get(image_key, "").strip() for entry in data])
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    num_tied = 0
    for task, entry, own_votes, file in zip(tasks, data, votes, files, strict=True):
        fault = "several tasks come to the same file" if file in shared else search_fault(file)
        optional = {kind: entry.get(key, "").strip() for kind, key in places.items()}
        if "split" in optional:
            optional["split"] = optional["split"].lower()
        if is_multiple:
            readings = _readings(own_votes, annotators)
        else:
            label, is_tied = _decided(own_votes) if is_voted else (entry.get(label_key, "").strip(), False)
            said = {vote.annotator: label_text(vote.choices) for vote in own_votes}
            readings = [_Reading(label, raters=tuple(said.get(annotator, "") for annotator in annotators))]
            num_tied += is_tied
        for reading in readings:
            row = SourceRow(len(rows) + 1, file, reading.label, **optional, raters=reading.raters, fault=fault)
            rows.append(replace(row, reader=reading.reader))
            own_label = (reading.label,) if is_voted else ()
            cells.append((task.key, *(entry.get(key, "") for key in keys), *own_label, file))
    id_column = free_name("id", keys)
    label_name = free_name(label_key, (id_column, *keys)) if is_voted else label_key
    added = (label_name,) if is_voted else ()
    file_column = free_name("file", (id_column, *keys, *added))
    messages = [f"images were searched for in the source folder; their paths are in column {file_column!r}"]
    if annotators and not is_multiple:
        messages.append(f"{len(annotators)} annotators became rater columns; the label is what most of them chose")
    if num_tied:
        messages.append(f"in {num_tied} tasks the annotators were tied: the earliest of the tied classes was used")
    return Source(
        root=str(root.resolve()),
        format="label-studio",
        columns=(id_column, *keys, *added, file_column),
        cells=tuple(cells),
        image_column=file_column,
        label_column=label_name,
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        rater_names=() if is_multiple else tuple(f"rater_{name}" for name in _public_names(annotators)),
        messages=tuple(messages),
    )


def _label_key(path: Path, tasks: list[Task], keys: Sequence[str], named: str | None) -> str:
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


def _latest(votes: list[Vote]) -> list[Vote]:
    """Each annotator's latest vote, in the order of time."""
    ordered = sorted(votes, key=lambda vote: vote.time)
    latest = {vote.annotator: vote for vote in ordered}
    # A ground truth stands, whatever its annotator did later.
    return [vote for vote in ordered if vote.is_truth or vote is latest[vote.annotator]]


def _counted(votes: list[Vote]) -> list[Vote]:
    """The votes that count: the latest that is marked as ground truth, else all. votes: by time."""
    return [vote for vote in votes if vote.is_truth][-1:] or votes


def _decided(votes: list[Vote]) -> tuple[str, bool]:
    """The label of a task, empty if it has none, and whether it was a tie. votes: by time, of one class each."""
    labels = [label_text(vote.choices) for vote in _counted(votes) if vote.choices]
    if not labels:
        return "", False
    counts = Counter(labels)  # in the order of time, which most_common keeps among equals
    (label, most), *others = counts.most_common()
    return label, bool(others) and others[0][1] == most


def _readings(votes: list[Vote], annotators: Sequence[str]) -> list[_Reading]:
    """What each annotator says of a task; one reading without a label if nobody says anything."""
    names = dict(zip(annotators, _public_names(annotators), strict=True))
    readings = [_Reading(label_text(vote.choices), names.get(vote.annotator, "")) for vote in _counted(votes)]
    return readings or [_Reading("")]


def _annotators(votes: Iterable[list[Vote]]) -> list[str]:
    """The annotators, sorted as numbers if they are; none if there is only one, whose votes are the labels."""
    found = {vote.annotator for several in votes for vote in several}
    are_numbers = all(name.isascii() and name.isdigit() for name in found)
    return sorted(found, key=int if are_numbers else None) if len(found) > 1 else []


def _public_names(annotators: Sequence[str]) -> list[str]:
    """Label Studio's user ids; if these are e-mail addresses, numbers instead, so that no address is shown."""
    are_numbers = all(name.isascii() and name.isdigit() for name in annotators)
    return [name if are_numbers else str(place) for place, name in enumerate(annotators, start=1)]


def _shared(files: Sequence[str], spelled: Sequence[str]) -> set[str]:
    """The files that tasks with different paths resolved to: it is not known which of them is meant."""
    spellings: dict[str, set[str]] = {}
    for file, spelling in zip(files, spelled, strict=True):
        spellings.setdefault(file, set()).add(spelling)
    return {file for file, several in spellings.items() if len(several) > 1}


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return not files.is_zip and is_label_studio(files.labels_file)
    found = find_label_studio(files.root)
    return found is not None and (not files.is_table_meant or found.suffix.lower() in TABLES)


def _read(files: SourceFiles) -> Source:
    export = files.export(find_label_studio, "Label Studio")
    return read_label_studio(export, files.root, files.request.columns)


FORMAT = SourceFormat(
    name="label-studio",
    title="Label Studio export (JSON, CSV)",
    recognise=_recognise,
    read=_read,
    precedence=50,
    label_places=(LabelPlace(columns=("image", "label", "patient", "slide", "split")),),
)
