"""A room: one run of one study, opened once and shared by all of its readers on this server.

It holds what a sample's evidence is made of as arrays, so that no request takes longer in a larger study.
"""

import hmac
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from overread.errors import ImageError
from overread.images.location import Location
from overread.proposal_settings import CalibrationSettings
from overread.records import Decision, Protocol
from overread.review.queue import DrawnSample, Pace, review_order
from overread.review.queue_choice import MAX_CONTROLS, QueueChoice, QueueOrder, blind_choice
from overread.review.selections import load_selection
from overread.studies.study import Study
from overread_app.reading.row_groups import Groups
from overread_app.words.worded_error import WordedError

NUM_ORDERS = 16
"""Choices whose order is kept, of a room."""


class MissingImageError(WordedError, ImageError):
    """The study does not have an image, or not this one any more."""


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
    key: bytes
    """The study's own."""
    run: str
    """Empty without a run."""
    classes: tuple[str, ...]
    """The run's own, in its order; those of the study without a run."""
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
    duplicates: Groups
    images: np.ndarray
    """(N,) str: the cell of samples.csv that names the image; empty where the study no longer has the sample."""
    hashes: np.ndarray
    """(N,) str: SHA-256 of the image's file; empty where it is not known."""
    groups: dict[str, np.ndarray]
    """By name, (N,) str: columns that group the samples, those of samples.csv and `NEAR_DUPLICATES`; empty: alone."""
    calibration: CalibrationSettings
    drawn: DrawnSample | None = None
    """Of the study's open audit."""
    _orders: dict[tuple[QueueChoice, str], Order] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def row(self, sample_id: str) -> int:
        """The sample's row. Raises UserError where the run does not have it."""
        if sample_id not in self.rows:
            raise WordedError("error.not_in_run")
        return self.rows[sample_id]

    def order(self, choice: QueueChoice, *, timed: Iterable[Decision] = ()) -> Order:
        """The samples that a choice lets through; sorted once, and not for each verdict.

        timed: the reader's own verdicts, which say how long one takes, for the order that needs it.
        """
        decisions = list(timed) if choice.order is QueueOrder.PACE else []
        key = choice, decisions[-1].verdict.idempotency_key if decisions else ""
        with self._lock:
            if key not in self._orders:
                while len(self._orders) >= NUM_ORDERS:
                    del self._orders[next(iter(self._orders))]
                ids = tuple(review_order(self.table(choice), choice, pace=Pace.of(decisions), drawn=self.drawn))
                is_chosen = np.zeros(len(self.ids), dtype=bool)
                is_chosen[[self.rows[sample_id] for sample_id in ids]] = True
                self._orders[key] = Order(ids, is_chosen)
            return self._orders[key]

    @property
    def is_blind(self) -> bool:
        """Whether readers label each image alone first."""
        return self.study.protocol == Protocol.BLIND

    def may_open(self, sample_id: str, revealed: Collection[str]) -> bool:
        """Whether a reader may go to a sample; revealed: the ids of those whose labels they have seen.

        Where they label images alone first, it is one of the queue's, or a revealed one: the labels of the others may
        have stood beside similar images.
        """
        return sample_id in self.rows and (not self.is_blind or sample_id in revealed or self._is_blind_one(sample_id))

    def is_hidden(self, row: int, revealed: Collection[str]) -> bool:
        """Whether a reader may still be asked to label a row's image alone."""
        sample_id = self.ids[row]
        return self.is_blind and sample_id not in revealed and self._is_blind_one(sample_id)

    def _is_blind_one(self, sample_id: str) -> bool:
        """Whether a choice that `blind_choice` allows has the sample."""
        return self.is_chosen(self.order(blind_choice(QueueChoice(num_controls=MAX_CONTROLS))), sample_id)

    def is_chosen(self, order: Order, sample_id: str) -> bool:
        """Whether an order of this room has the sample."""
        return sample_id in self.rows and bool(order.is_chosen[self.rows[sample_id]])

    def image(self, sample_id: str) -> Location:
        """Where a sample's image is. Raises ImageError where the run or the study does not have the sample."""
        image = self.images[self.rows[sample_id]] if sample_id in self.rows else ""
        if not image:
            raise MissingImageError("error.image_missing")
        return self.study.image_location(image)

    def image_version(self, row: int) -> str:
        """Identifies the content of a row's image: another image at its place has another version. Reveals nothing."""
        content = self.hashes[row] or self.images[row]
        return hmac.digest(self.key, f"image version\n{content}".encode(), "sha256").hex()[:16]

    def table(self, choice: QueueChoice) -> pd.DataFrame:
        """What `review_order` needs of the samples for a choice. Raises StudyError where its selection is gone."""
        columns = {
            "sample_id": self.ids,
            "given_label": self.given,
            "likely_label": self.likely,
            "label_error_probability": self.probability,
            "is_proposed": self.is_proposed,
            "kind": self.kinds,
            "slide": self.slides,
        }
        if choice.group is not None:
            columns["group"] = self.groups.get(choice.group[0], np.full(len(self.ids), "", dtype=object))
        if choice.selection is not None:
            selected = load_selection(self.study.path, choice.selection)
            is_selected = np.fromiter((one in selected for one in self.ids), dtype=bool, count=len(self.ids))
            columns["selection"] = np.where(is_selected, choice.selection, "").astype(object)
        return pd.DataFrame(columns)
