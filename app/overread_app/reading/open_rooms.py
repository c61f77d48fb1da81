"""Opens rooms: one for each run of a study, kept while its files are the same."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.config import calibration_settings
from overread.pipeline.audit_store import design_path
from overread.pipeline.audit_study import drawn_sample
from overread.pipeline.group_decision import groups_path
from overread.proposal_settings import CalibrationSettings
from overread.review.queue import likely_labels
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import study_data
from overread_app.reading.room import Room
from overread_app.reading.row_groups import Groups
from overread_app.words.worded_error import WordedError

NUM_KEPT = 4
NEAR_DUPLICATES = "near-duplicates"
_FILES = ("scores.csv", "evidence.npz", "config.json")
_SINGLE = ("sample_id", "image", "given_label", "slide", "sha256")
"""Columns of samples.csv that group no samples, or have a place of their own in a choice."""


class RunReplacedError(WordedError):
    """The run, or the study, is not as it was when the ticket was issued."""

    def __init__(self) -> None:
        super().__init__("error.replaced")


def room_stamp(study: Study, run: Run | None) -> str:
    """Changes when the run's scores (without a run, the study's samples) are replaced, or the study's classes or its
    protocol change.

    Raises RunReplacedError where the scores are gone.
    """
    try:
        status = (run.path / "scores.csv" if run else study.samples_path).stat()
    except FileNotFoundError as error:
        raise RunReplacedError from error
    fields = hashlib.sha256(json.dumps([study.classes, study.protocol]).encode()).hexdigest()[:16]
    return f"{status.st_mtime_ns}.{status.st_size}.{fields}"


_rooms: dict[tuple[object, ...], Room] = {}
_opening, _listing = threading.Lock(), threading.Lock()


def open_room(study: Study, run: Run | None) -> Room:
    """The room of a run, or of the study's samples alone, opened anew where one of its files has changed. Raises
    StudyError."""
    files = [*((run.path / name for name in _FILES) if run else ()), study.samples_path]
    files += [design_path(study), groups_path(study)]
    fields = (study.classes, study.protocol, study.source_root)
    key = (run.path if run else study.path, *fields, *map(_stamp, files))
    if (room := _used(key)) is not None:
        return room
    with _opening:
        room = _used(key) or (_open(study, run) if run else _open_unread(study))
        _rooms[key] = room
        while len(_rooms) > NUM_KEPT:
            del _rooms[next(iter(_rooms))]
        return room


def _used(key: tuple[object, ...]) -> Room | None:
    """A room that is open; it is now the one that was used last."""
    with _listing:
        room = _rooms.pop(key, None)
        if room is not None:
            _rooms[key] = room
        return room


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def _open(study: Study, run: Run) -> Room:
    table, evidence, samples = (
        study_data.load_scores(run),
        study_data.load_evidence(run),
        study_data.load_samples(study),
    )
    num = len(table)
    scorers = tuple(name for name in table.columns if name.startswith("score_"))
    pictures = evidence.get("pictures", np.empty(0, dtype=np.int64))
    common = _of_samples(study, samples, table)
    if (pictures >= 0).any():
        common["groups"][NEAR_DUPLICATES] = np.where(pictures >= 0, pictures.astype(str), "").astype(object)
    probs = [table[f"p_{name}"] if f"p_{name}" in table else np.zeros(num) for name in study.classes]
    return Room(
        run=run.name,
        classes=tuple(name.removeprefix("p_") for name in table.columns if name.startswith("p_")),
        likely=likely_labels(table),
        probability=table["label_error_probability"].to_numpy(dtype=np.float64),
        is_proposed=table["is_proposed"].to_numpy(dtype=bool),
        kinds=_words(table, "kind"),
        consensus=_words(table, "consensus"),
        consensus_of=_words(table, "consensus_of"),
        probs=np.column_stack(probs).astype(np.float32),
        scorers=tuple(name.removeprefix("score_") for name in scorers),
        scores=table[list(scorers)].to_numpy(dtype=np.float32),
        neighbours=evidence.get("neighbours", np.empty((num, 0), dtype=np.int64)),
        has_evidence=bool(evidence),
        duplicates=Groups.of(pictures),
        calibration=calibration_settings(run.config()),
        **common,
    )


def _open_unread(study: Study) -> Room:
    samples = study_data.load_samples(study)
    samples = samples[samples["given_label"] != ""]
    num, absent = len(samples), np.full(len(samples), "", dtype=object)
    return Room(
        run="",
        classes=study.classes,
        likely=absent,
        probability=np.zeros(num),
        is_proposed=np.ones(num, dtype=bool),
        kinds=absent,
        consensus=absent,
        consensus_of=absent,
        probs=np.empty((num, 0), dtype=np.float32),
        scorers=(),
        scores=np.empty((num, 0), dtype=np.float32),
        neighbours=np.empty((num, 0), dtype=np.int64),
        has_evidence=False,
        duplicates=Groups.of(np.empty(0, dtype=np.int64)),
        calibration=CalibrationSettings(),
        **_of_samples(study, samples, samples),
    )


def _words(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column of scores.csv that an earlier version may have left out: empty then."""
    return table.get(column, pd.Series("", index=table.index)).to_numpy(dtype=object)


def _of_samples(study: Study, samples: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """The fields of a room that samples.csv gives, for the rows of a table with sample_id and given_label; empty where
    the study no longer has the sample."""
    places = pd.Index(samples["sample_id"]).get_indexer(table["sample_id"])

    def aligned(name: str) -> np.ndarray:
        column = samples[name].to_numpy(dtype=object) if name in samples else np.full(len(samples), "", dtype=object)
        return np.append(column, "")[places]

    return {
        "study": study,
        "key": study.key(),
        "drawn": drawn_sample(study),
        "ids": table["sample_id"].to_numpy(dtype=object),
        "rows": {sample_id: row for row, sample_id in enumerate(table["sample_id"].tolist())},
        "given": table["given_label"].to_numpy(dtype=object),
        "images": aligned("image"),
        "hashes": aligned("sha256"),
        "slides": aligned("slide"),
        "groups": {name: aligned(name) for name in samples.columns if name not in _SINGLE},
    }
