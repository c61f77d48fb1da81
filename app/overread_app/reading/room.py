"""A room: one run of one study, opened once and shared by all of its readers on this server.

It holds what a sample's evidence is made of as arrays, so that no request takes longer in a larger study.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.config import calibration_settings
from overread.errors import ImageError, UserError
from overread.images.location import Location
from overread.proposal_settings import CalibrationSettings
from overread.review.queue import Pace, likely_labels, review_order
from overread.review.queue_choice import QueueChoice, QueueOrder
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import study_data

NUM_KEPT = 4
NUM_ORDERS = 16
"""Choices whose order is kept, of a room."""
_FILES = ("scores.csv", "evidence.npz", "config.json")


class RunReplacedError(UserError):
    """The run is not the one that the ticket was issued for."""

    def __init__(self) -> None:
        super().__init__("the run was replaced: reload the page")


@dataclass(frozen=True)
class Order:
    """The samples that a choice lets through."""

    sample_ids: tuple[str, ...]
    """In the order of review."""
    is_chosen: np.ndarray
    """(N,) bool."""


@dataclass(frozen=True, eq=False)
class Room:
    """What is shown of a run's N samples, K classes and S scorers. Everything is read-only.

    Without a run, it is what is known of the study's samples: all are to be read (is_proposed), none has a likely label
    or a probability above 0, and K and S are 0.
    """

    study: Study
    run: str
    """Empty without a run."""
    ids: np.ndarray
    """(N,) str: the sample ids, in the order of scores.csv."""
    rows: dict[str, int]
    """Sample id to its row in the run's files. (The study may have grown since.)"""
    given: np.ndarray
    """(N,) str."""
    likely: np.ndarray
    """(N,) str: the label beside the given one, by `likely_labels`; empty without a run."""
    probability: np.ndarray
    """(N,) float64 in [0, 1]: label_error_probability."""
    is_proposed: np.ndarray
    """(N,) bool."""
    kinds: np.ndarray
    """(N,) str: kind of scores.csv; empty for a run without kinds."""
    probs: np.ndarray
    """(N, K) float32 in the order of the study's classes; 0 for a class that the run does not have."""
    slides: np.ndarray
    """(N,) str: slide of samples.csv; empty for none."""
    consensus: np.ndarray
    """(N,) str: the class that all voters are sure of; empty for none, and for a run of an earlier version."""
    consensus_of: np.ndarray
    """(N,) str: who they are."""
    scorers: tuple[str, ...]
    scores: np.ndarray
    """(N, S) float32 in [0, 1], higher is more likely wrong."""
    neighbours: np.ndarray
    """(N, 6) rows, -1 for none; (N, 0) for a run without evidence."""
    has_evidence: bool
    duplicates: "Groups"
    images: np.ndarray
    """(N,) str: the cell of samples.csv that names the image; empty where the study no longer has the sample."""
    hashes: np.ndarray
    """(N,) str: SHA-256 of the image's file; empty where it is not known."""
    calibration: CalibrationSettings
    _orders: dict[tuple[QueueChoice, int], Order] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def row(self, sample_id: str) -> int:
        """The sample's row. Raises UserError where the run does not have it."""
        if sample_id not in self.rows:
            raise UserError("This sample is not in the run. Reload the page.")
        return self.rows[sample_id]

    def order(self, choice: QueueChoice, *, since: int = 0) -> Order:
        """The samples that a choice lets through; sorted once, and not for each reader or verdict.

        since: the ledger's row up to which verdicts say how long one takes, for the order that needs it.
        """
        key = choice, since if choice.order is QueueOrder.PACE else 0
        with self._lock:
            if key not in self._orders:
                while len(self._orders) >= NUM_ORDERS:
                    del self._orders[next(iter(self._orders))]
                ids = tuple(review_order(self.table(), choice, pace=self._pace(key[1])))
                is_chosen = np.zeros(len(self.ids), dtype=bool)
                is_chosen[[self.rows[sample_id] for sample_id in ids]] = True
                self._orders[key] = Order(ids, is_chosen)
            return self._orders[key]

    def is_chosen(self, order: Order, sample_id: str) -> bool:
        """Whether an order of this room has the sample."""
        return sample_id in self.rows and bool(order.is_chosen[self.rows[sample_id]])

    def image(self, sample_id: str) -> Location:
        """Where a sample's image is. Raises ImageError where the run or the study does not have the sample."""
        image = self.images[self.rows[sample_id]] if sample_id in self.rows else ""
        if not image:
            raise ImageError("the study does not have this image")
        return self.study.image_location(image)

    def table(self) -> pd.DataFrame:
        """What `review_order` needs of the samples."""
        columns = {
            "sample_id": self.ids,
            "given_label": self.given,
            "likely_label": self.likely,
            "label_error_probability": self.probability,
            "is_proposed": self.is_proposed,
            "kind": self.kinds,
            "slide": self.slides,
        }
        return pd.DataFrame(columns)

    def _pace(self, since: int) -> Pace | None:
        if not since:
            return None
        decisions = study_data.ledger(self.study).decisions()
        return Pace.of(decision for decision in decisions if decision.sequence <= since)


@dataclass(frozen=True)
class Groups:
    """Which of N rows belong together."""

    numbers: np.ndarray
    """(N,) int: each row's group, -1 for a row alone."""
    _order: np.ndarray
    _sorted: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Groups":
        order = np.argsort(numbers, kind="stable")
        return cls(numbers, order, numbers[order])

    def others(self, row: int) -> np.ndarray:
        """The other rows of a row's group, ascending."""
        if not len(self.numbers) or self.numbers[row] < 0:
            return np.empty(0, dtype=np.int64)
        first, end = np.searchsorted(self._sorted, [self.numbers[row], self.numbers[row] + 1])
        rows = self._order[first:end]
        return rows[rows != row]


def run_stamp(run: Run | None) -> str:
    """Changes when the run's scores are replaced; empty without a run. Raises RunReplacedError where they are gone."""
    if run is None:
        return ""
    try:
        status = (run.path / "scores.csv").stat()
    except FileNotFoundError as error:
        raise RunReplacedError from error
    return f"{status.st_mtime_ns}.{status.st_size}"


_rooms: dict[tuple[object, ...], Room] = {}
_opening = threading.Lock()


def open_room(study: Study, run: Run | None) -> Room:
    """The room of a run, or of the study's samples alone, opened anew where one of its files has changed. Raises
    StudyError."""
    files = [*((run.path / name for name in _FILES) if run else ()), study.samples_path]
    key = (run.path if run else study.path, study.classes, study.source_root, *map(_stamp, files))
    room = _rooms.get(key)
    if room is None:
        with _opening:
            room = _rooms.get(key)
            if room is None:
                room = _open(study, run) if run else _open_unread(study)
                while len(_rooms) >= NUM_KEPT:
                    del _rooms[next(iter(_rooms))]
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
    probs = [table[f"p_{name}"] if f"p_{name}" in table else np.zeros(num) for name in study.classes]
    return Room(
        run=run.name,
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
        duplicates=Groups.of(evidence.get("pictures", np.empty(0, dtype=np.int64))),
        calibration=calibration_settings(run.config()),
        **_of_samples(study, samples, table),
    )


def _open_unread(study: Study) -> Room:
    samples = study_data.load_samples(study)
    samples = samples[samples["given_label"] != ""]
    num, absent = len(samples), np.full(len(samples), "", dtype=object)
    return Room(
        run="",
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
        "ids": table["sample_id"].to_numpy(dtype=object),
        "rows": {sample_id: row for row, sample_id in enumerate(table["sample_id"].tolist())},
        "given": table["given_label"].to_numpy(dtype=object),
        "images": aligned("image"),
        "hashes": aligned("sha256"),
        "slides": aligned("slide"),
    }
