"""The result of the review for every sample: the input of all exports."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from overread.records import Protocol
from overread.review.chain import LedgerRow
from overread.review.final_labels import FinalLabel, identities

OUTDATED = "outdated"
"""The verdict where the source has since changed the label that readers kept, or the image that they saw."""


@dataclass(frozen=True, slots=True)
class ReviewedSample:
    """One sample with its labels, the decision on it, and a run's result."""

    sample_id: str
    image: str
    """Its cell in the source, which names the image."""
    split: str
    given_label: str
    final_label: str
    """Class name; empty where a reader excluded the sample."""
    is_changed: bool
    verdict: str = ""
    """As in the cleaned CSV; empty where nobody has decided."""
    reader: str = ""
    """Who decided; several are joined by "; "."""
    decided_at: str = ""
    """UTC, ISO 8601; of the newest decision."""
    decided_on_run: str = ""
    """Empty where the sample was read without a model."""
    decided_on_score: float | None = None
    """label_error_probability at the time of the decision, in [0, 1]; None where there was no run."""
    decided_on_proposal: str = ""
    """The label that was proposed at that time."""
    note: str = ""
    """The readers' notes; several are joined by "; "."""
    grade: str = ""
    """As of `FinalLabel`; so is `identity`, for exports `reader_identity`."""
    identity: str = ""
    run: str = ""
    """The run of the next two fields; empty where there is none, or it does not contain the sample."""
    error_probability: float | None = None
    """The probability that the given label is wrong, in [0, 1]."""
    proposed_label: str = ""
    """The label that the run proposes; empty where it proposes none."""
    blind_readings: tuple[LedgerRow, ...] = ()
    """The readers' blind readings, the earliest first."""
    final_probability: float | None = None
    """That final_label is right, in [0, 1], where the policy tells."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """As of `FinalLabel`."""

    @property
    def reader_identity(self) -> str:
        """How those who decided were identified, or where nobody did, those who read it blind (`identities`); empty
        where nobody has."""
        if self.identity or not self.blind_readings:
            return self.identity
        return identities(row.identity for row in self.blind_readings)


def reviewed_samples(
    samples: pd.DataFrame,
    finals: Mapping[str, FinalLabel],
    *,
    scores: pd.DataFrame | None = None,
    run: str = "",
    changed_images: Collection[str] = (),
    readings: Iterable[LedgerRow] = (),
) -> list[ReviewedSample]:
    """One for each row of samples.csv, in its order.

    samples: samples.csv. finals: what `final_labels` makes of the standing verdicts. scores: scores.csv of `run`.
    changed_images: ids of samples whose image has changed since samples.csv was written. readings: of the same readers,
    oldest first.
    """
    blind: dict[str, list[LedgerRow]] = defaultdict(list)
    for reading in readings:
        if reading.protocol == Protocol.BLIND:
            blind[reading.sample_id].append(reading)
    probabilities, proposed = {}, {}
    if scores is not None:
        probabilities = dict(zip(scores["sample_id"], scores["label_error_probability"].map(float), strict=True))
        rows = scores[scores["is_proposed"].to_numpy(dtype=bool)]
        proposed = dict(zip(rows["sample_id"], rows["proposed_label"], strict=True))
    return [
        _reviewed(
            row,
            finals.get(row.sample_id),
            row.sample_id in changed_images,
            probabilities.get(row.sample_id),
            proposed.get(row.sample_id),
            {"run": run, "blind_readings": tuple(blind.get(row.sample_id, ()))},
        )
        for row in samples.itertuples()
    ]


def _reviewed(
    row: Any,
    final: FinalLabel | None,
    is_image_changed: bool,
    probability: float | None,
    proposed: str | None,
    found: dict[str, Any],
) -> ReviewedSample:
    """found: the fields that are the sample's anyhow."""
    given = row.given_label
    found |= {
        "sample_id": row.sample_id,
        "image": row.image,
        "split": row.split,
        "given_label": given,
        "run": "" if probability is None else found["run"],
        "error_probability": probability,
        # A run from before the source changed the label may propose the label that it has now.
        "proposed_label": proposed if proposed and proposed != given else "",
    }
    if final is None:
        return ReviewedSample(**found, final_label=given, is_changed=False)
    keeps_given = final.label == final.given_label
    is_outdated = (
        is_image_changed
        or bool(final.images - {getattr(row, "sha256", "")} and getattr(row, "sha256", ""))
        or (keeps_given and final.given_label != given)
    )
    is_changed = not is_outdated and not keeps_given and final.label != given
    return ReviewedSample(
        **found,
        final_label=final.label if is_changed else given,
        is_changed=is_changed,
        verdict=OUTDATED if is_outdated else final.verdict,
        reader=final.reader,
        decided_at=in_seconds(final.decided_at),
        decided_on_run=final.run,
        decided_on_score=float(final.score) if final.run else None,
        decided_on_proposal=final.proposed_label,
        note=final.note,
        grade=final.grade,
        identity=final.identity,
        final_probability=None if is_outdated else final.probability,
        shares={} if is_outdated else final.shares,
    )


def in_seconds(moment: datetime) -> str:
    """In UTC, ISO 8601."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
